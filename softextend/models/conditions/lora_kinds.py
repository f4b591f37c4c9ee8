"""What each kind of adapter makes of a weight, at full strength: pure functions of tensors.

W is (out, in) of a linear layer or (out, in, k, k) of a convolution, float32. The formulas are those of the tools that
write these files: LoRA arXiv:2106.09685, LoHa and LoKr arXiv:2309.14859 (LyCORIS), DoRA arXiv:2402.09353, GLoRA
arXiv:2306.07967, OFT arXiv:2306.07280, BOFT arXiv:2311.06243, (IA)3 arXiv:2205.05638.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

Tensors = Mapping[str, Tensor]  # one module's tensors by their names in LEAVES
Merge = Callable[[Tensor, Tensors, float | None], Tensor]  # (W, tensors, alpha; None: none stored) -> W'
NEUMANN_TERMS = 5  # of PEFT's default rotation


def lora(weight: Tensor, given: Tensors, alpha: float | None) -> Tensor:
    """W + alpha / rank * up down; `mid` is the core of a convolution factored by Tucker."""
    up, down = given["up"], given["down"]
    rank = down.shape[0]
    if "mid" in given:
        delta = torch.einsum("oa,ab...,bi->oi...", up.flatten(1), given["mid"], down.flatten(1))
    else:
        delta = up.flatten(1) @ down.flatten(1)
    return _decomposed(weight, delta.reshape(weight.shape) * _scale(alpha, rank), given)


def loha(weight: Tensor, given: Tensors, alpha: float | None) -> Tensor:
    """W + alpha / rank * (w1_a w1_b) * (w2_a w2_b), element by element."""
    halves = [
        _factored(given[f"hada_w{half}_a"], given[f"hada_w{half}_b"], given.get(f"hada_t{half}")) for half in (1, 2)
    ]
    rank = given["hada_w1_b"].shape[0]
    delta = (halves[0] * halves[1]).reshape(weight.shape)
    return _decomposed(weight, delta * _scale(alpha, rank), given)


def lokr(weight: Tensor, given: Tensors, alpha: float | None) -> Tensor:
    """W + the Kronecker product of w1 and w2, each whole or factored; scaled by alpha / rank where one is factored."""
    parts, rank = [], None
    for part in (1, 2):
        name = f"lokr_w{part}"
        if name in given:
            parts.append(given[name])
            continue
        rank = given[f"{name}_b"].shape[0]
        parts.append(_factored(given[f"{name}_a"], given[f"{name}_b"], given.get(f"lokr_t{part}")))
    first, second = parts
    first = first.reshape(*first.shape, *(1,) * (second.ndim - first.ndim))
    delta = torch.kron(first, second.contiguous()).reshape(weight.shape)
    return _decomposed(weight, delta * (1.0 if rank is None else _scale(alpha, rank)), given)


def glora(weight: Tensor, given: Tensors, alpha: float | None) -> Tensor:
    """W + alpha / rank * (W a1 a2 + b1 b2); files of LyCORIS before 2.0 hold each pair the other way round."""
    a1, a2, b1, b2 = (given[name].flatten(1) for name in ("a1", "a2", "b1", "b2"))
    flat = weight.flatten(2) if weight.ndim > 2 else weight[..., None]
    if a1.shape[0] == flat.shape[1] and a1.shape[1] == a2.shape[0] and b1.shape[0] == weight.shape[0]:
        rank, along, across = a1.shape[1], a1 @ a2, b1 @ b2
    else:
        rank, along, across = a1.shape[0], a2 @ a1, b2 @ b1
    turned = torch.einsum("oik,ij->ojk", flat, along).reshape(weight.shape)
    return weight + (turned + across.reshape(weight.shape)) * _scale(alpha, rank)


def oft(weight: Tensor, given: Tensors, alpha: float | None) -> Tensor:
    """Output channels rotated in blocks (n, s, s), or in BOFT's butterflies (m, n, s, s); alpha bounds the rotation."""
    blocks = given["oft_blocks"]
    rotation = _cayley(blocks, (alpha or 0.0) * weight.shape[0])
    flat = weight.flatten(1)
    if blocks.ndim == 3:
        cut = flat.reshape(blocks.shape[0], blocks.shape[1], -1)
        flat = torch.einsum("knm,knc->kmc", rotation, cut).reshape(flat.shape)
    else:
        for level, each in enumerate(rotation):
            reach = 2**level * (each.shape[-1] // 2)
            columns = flat.shape[1]
            mixed = flat.reshape(-1, 2, reach, columns).transpose(1, 2).reshape(-1, each.shape[-1], columns)
            turned = torch.einsum("bij,bjc->bic", each, mixed)
            flat = turned.reshape(-1, reach, 2, columns).transpose(1, 2).reshape(-1, columns)
    rotated = flat.reshape(weight.shape)
    return rotated * given["rescale"].reshape(-1, *(1,) * (weight.ndim - 1)) if "rescale" in given else rotated


def oft_input(weight: Tensor, given: Tensors, alpha: float | None) -> Tensor:
    """Inputs rotated in blocks, as PEFT does: each block's skew part is its upper triangle, (n, s (s-1)/2)."""
    triangle = given["oft_R"]
    flat = weight.flatten(1)
    size = round((1 + (1 + 8 * triangle.shape[1]) ** 0.5) / 2)
    rows, columns = torch.triu_indices(size, size, 1, device=weight.device)
    skew = torch.zeros(triangle.shape[0], size, size, device=weight.device)
    skew[:, rows, columns] = triangle
    skew = skew - skew.transpose(1, 2)
    rotation, power = torch.eye(size, device=weight.device) + 2 * skew, skew
    for term in range(2, NEUMANN_TERMS):
        power = power @ skew
        rotation = rotation + (1 if term == NEUMANN_TERMS - 1 else 2) * power
    count = flat.shape[1] // size
    rotation = rotation.expand(count, -1, -1) if len(rotation) == 1 else rotation  # one block for all
    cut = flat.reshape(flat.shape[0], count, size)
    return torch.einsum("okc,krc->okr", cut, rotation).reshape(weight.shape)


def ia3(weight: Tensor, given: Tensors, alpha: float | None) -> Tensor:
    """Each output (or with `on_input` each input) times 1 + its number, as LyCORIS stores it."""
    values = given["ia3"].flatten()
    inward = "on_input" in given and bool(given["on_input"]) if not weight.is_meta else values.numel() != len(weight)
    shape = (1, -1, *(1,) * (weight.ndim - 2)) if inward else (-1, *(1,) * (weight.ndim - 1))
    return weight * (1 + values.reshape(shape))


def ia3_factor(weight: Tensor, given: Tensors, alpha: float | None) -> Tensor:
    """Each output or input times its number, as PEFT stores it; a bias goes with the outputs."""
    factor = given["ia3_l"]
    if weight.ndim == 1:
        return weight * factor.flatten() if factor.numel() == len(weight) else weight
    if factor.ndim == 4:  # of a convolution, (1, channels, 1, 1)
        factor = factor.flatten()
        inward = factor.numel() == weight.shape[1] != weight.shape[0]
        return weight * factor.reshape((1, -1, 1, 1) if inward else (-1, 1, 1, 1))
    return weight * factor


def added(weight: Tensor, given: Tensors, alpha: float | None) -> Tensor:
    """W + the difference itself."""
    return weight + given["diff"].reshape(weight.shape)


def replaced(weight: Tensor, given: Tensors, alpha: float | None) -> Tensor:
    """Another W."""
    return given["set"].reshape(weight.shape)


def _scale(alpha: float | None, rank: int) -> float:
    return 1.0 if not alpha else alpha / rank  # 0 and none stand for the rank, as in LyCORIS


def _factored(a: Tensor, b: Tensor, core: Tensor | None) -> Tensor:
    """a b, or Tucker's form with a core (r, r, k, k), a (r, out) and b (r, in); b may carry a kernel."""
    if core is not None:
        return torch.einsum("ij...,ip,jr->pr...", core, a, b)
    return (a @ b.flatten(1)).reshape(a.shape[0], *b.shape[1:])


def _cayley(blocks: Tensor, most: float) -> Tensor:
    """(..., s, s) -> rotations (I + Q)(I - Q)^-1 of its skew part Q, whose norm is `most` at most; 0: no limit."""
    skew = blocks - blocks.transpose(-1, -2)
    if most > 0:
        skew = skew * torch.clamp(most / (torch.linalg.norm(skew.flatten()) + 1e-8), max=1)
    identity = torch.eye(blocks.shape[-1], device=blocks.device)
    rotation: Tensor = (identity + skew) @ torch.linalg.inv(identity - skew)
    return rotation


def _decomposed(weight: Tensor, delta: Tensor, given: Tensors) -> Tensor:
    """W + delta; where a magnitude is stored (DoRA), its rows or columns brought to that length."""
    changed = weight + delta
    if "dora" not in given:
        return changed
    magnitude = given["dora"]
    count = magnitude.numel()
    inward = magnitude.ndim > 1 and magnitude.shape[0] == 1 and magnitude.shape[1] == changed.shape[1] == count
    if inward and changed.ndim > 2 and count == changed.shape[0]:
        inward = False  # PEFT writes a convolution's outputs as (1, out, 1, 1)
    if inward:
        norm = changed.transpose(0, 1).flatten(1).norm(dim=1).reshape(1, -1, *(1,) * (changed.ndim - 2))
    else:
        norm = changed.flatten(1).norm(dim=1).reshape(-1, *(1,) * (changed.ndim - 1))
    result: Tensor = changed * (magnitude.reshape(norm.shape) / norm)
    return result


KINDS: Mapping[str, tuple[str, Merge]] = {  # by the tensor that tells them: what people call it, and its formula
    "up": ("LoRA", lora),
    "hada_w1_a": ("LoHa", loha),
    "lokr_w1": ("LoKr", lokr),
    "lokr_w1_a": ("LoKr", lokr),
    "a1": ("GLoRA", glora),
    "oft_blocks": ("OFT", oft),
    "oft_R": ("OFT", oft_input),
    "on_input": ("(IA)3", ia3),
    "ia3_l": ("(IA)3", ia3_factor),
    "diff": ("full difference", added),
    "set": ("full weight", replaced),
}
