"""What a model is taken for, and why: what was asked, then its tensors, its metadata, its configs, its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import pstdev
from typing import Any

from softextend.errors import BadModel
from softextend.models.names import NameSays, read_name, says_zero_snr, words_of
from softextend.models.profiles import BASES, NAMES, SD2_768, make_profile, profile_names
from softextend.models.weights.diffusers_folder import (
    folder_channels,
    folder_family,
    folder_takes_guidance,
    read_json,
)
from softextend.models.weights.families import TITLES, Identity, takes_guidance
from softextend.models.weights.header import Header, read_numbers
from softextend.types import PredictionName, Profile

FLOW_SHIFT = 3.0  # of a run's noise levels, where a flow's config says none; arXiv:2403.03206, Sec. 5.3.2
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}
TURBO_SAMPLE = 64  # latents, sample_size of SDXL-Turbo's UNet; SDXL's is 128
GUIDANCE_INSIDE = 8.0  # latent-consistency/lcm-sdxl, model card
INPAINTING = 9  # channels in
LAST_BIAS = "output_blocks.11.1.transformer_blocks.0.norm1.bias"
V_SPREAD = 0.09  # of Stable Diffusion 2 trained to predict v; ComfyUI, supported_models.py
READABLE = ("F64", "F32", "F16", "BF16")
SD2_SAMPLE = 96  # latents, sample_size of Stable Diffusion 2's UNet for 768 px


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What the user says of a model; None: found out."""

    profile: str | None = None
    prediction: PredictionName | None = None
    vae: Path | None = None  # in place of its own, or of one that it lacks
    unet: Path | None = None  # in place of its own


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """`because`: the reasons, one line each; `sigmas`: least and most noise of an EDM model, `shift`: of a flow."""

    family: str
    profile: Profile
    prediction: PredictionName = PredictionName.EPSILON
    channels: int = 4  # that its UNet takes
    sigmas: tuple[float, float] | None = None
    shift: float = FLOW_SHIFT
    because: tuple[str, ...] = ()


def choose_file(names: Sequence[str], path: Path, header: Header, found: Identity, asked: Asked) -> Choice:
    """Of a single file under these names, the first before the others. Raises BadModel for what cannot run."""
    family = found.family or "sdxl"
    titles = [header.metadata[key] for key in ("modelspec.title", "ss_output_name") if header.metadata.get(key)]
    said, where = _first_that_says(
        [*(("its metadata, title", title) for title in titles), *(("its name", name) for name in names)]
    )
    embedded = takes_guidance(header.tensors)
    if embedded:
        said, where = _consistency(said), "its tensors"
    prediction, why = _prediction(path, header, found, said, [*titles, *names], asked)
    choice = _chosen(family, said, where, asked, prediction)
    reasons = (f"family: {found.what}, by its tensors", *choice.because, f"prediction: {prediction.value}, {why}")
    return replace(
        choice,
        profile=replace(choice.profile, embedded=embedded),
        channels=found.channels,
        sigmas=_sigmas(path, header),
        because=reasons,
    )


def choose_folder(names: Sequence[str], folder: Path, asked: Asked) -> Choice:
    """Of a diffusers folder under these names, the first before the others. Raises BadModel for what cannot run."""
    index, scheduler = (read_json(folder / each) for each in ("model_index.json", "scheduler/scheduler_config.json"))
    family = folder_family(folder)
    _check_betas(folder, scheduler)
    inner = [str(index["_name_or_path"]).rstrip("/").rpartition("/")[2]] if index.get("_name_or_path") else []
    said, where = _first_that_says([("its name", name) for name in (*names, *inner)])
    said, where = _scheduler_says(folder, scheduler, said, where)
    embedded = folder_takes_guidance(folder)
    if embedded:
        said, where = _consistency(said), "its UNet's config"
    prediction, why = _scheduler_prediction(scheduler, said, asked)
    choice = _chosen(family, said, where, asked, prediction)
    if family == "sd2" and read_json(folder / "unet" / "config.json").get("sample_size") == SD2_SAMPLE:
        choice = replace(choice, profile=replace(choice.profile, window=SD2_768))
    if scheduler.get("timestep_spacing") == "trailing":
        choice = replace(choice, profile=replace(choice.profile, trailing=True))
    reasons = (
        f"family: {TITLES[family]}, by {index.get('_class_name')}",
        *choice.because,
        f"prediction: {prediction.value}, {why}",
    )
    low, high = scheduler.get("sigma_min"), scheduler.get("sigma_max")
    return replace(
        choice,
        profile=replace(choice.profile, embedded=embedded),
        channels=folder_channels(folder),
        sigmas=(float(low), float(high)) if low and high else None,
        shift=float(scheduler.get("shift") or FLOW_SHIFT),
        because=reasons,
    )


def choose_by_name(name: str, asked: Asked) -> Choice:
    """Of a hub id that is not here yet."""
    title = name.rpartition("/")[2]
    words = words_of(title)
    versions = [two[1] for two in pairwise(words) if two[0] in ("diffusion", "v", "sd")]
    one, two = ({"1", "15", "14"} & {*versions}, {"2", "21", "20"} & {*versions})
    family = "sdxl" if "xl" in words or not (one or two) else "sd1" if one else "sd2"
    said = read_name(title)
    prediction = asked.prediction or said.prediction or PredictionName.EPSILON
    choice = _chosen(family, said, "its name", asked, prediction)
    return replace(choice, because=(f"family: {TITLES[family]}, by its name: not downloaded yet", *choice.because))


def _chosen(family: str, said: NameSays, where: str, asked: Asked, prediction: PredictionName) -> Choice:
    """The profile: as asked, else as was found. Raises BadModel for a name that is no profile or of another family."""
    if asked.profile is None:
        if said.refused:
            raise BadModel(f"{said.because} in {where}: {said.refused}, or say otherwise by --profile NAME")
        profile = make_profile(
            family, said.kind, prediction=prediction, steps=said.steps, guidance=said.guidance, window=said.window
        )
        why = f"{said.because} in {where}" if said.kind else "nothing says that it was distilled"
        return Choice(
            family=family, profile=profile, prediction=prediction, because=(f"profile: {profile.name}, {why}",)
        )
    if asked.profile not in profile_names():
        raise BadModel(f"--profile {asked.profile}: must be one of {', '.join(profile_names())}")
    if asked.profile in BASES and asked.profile != family:
        raise BadModel(f"--profile {asked.profile}: the model is {TITLES[family]}: leave it out, or say {family}")
    kind = NAMES.get(asked.profile)
    steps, guidance = (said.steps, said.guidance) if kind else (None, None)
    profile = make_profile(family, kind, prediction=prediction, steps=steps, guidance=guidance)
    return Choice(
        family=family, profile=profile, prediction=prediction, because=(f"profile: {profile.name}, by --profile",)
    )


def _consistency(said: NameSays) -> NameSays:
    """Of a full latent consistency model, whatever its name."""
    return NameSays(kind="lcm", steps=said.steps, guidance=GUIDANCE_INSIDE, because="a UNet that takes the guidance")


def _first_that_says(sources: Sequence[tuple[str, str]]) -> tuple[NameSays, str]:
    """Of (where, name) the first that tells of a distillation or a refusal."""
    for where, name in sources:
        said = read_name(name)
        if said.kind or said.refused:
            return said, f"{where} ({name})"
    return NameSays(), ""


def _prediction(
    path: Path, header: Header, found: Identity, said: NameSays, names: Sequence[str], asked: Asked
) -> tuple[PredictionName, str]:
    """Of a single file, and why."""
    family = found.family or "sdxl"
    if asked.prediction:
        return asked.prediction, "by --prediction"
    by_key = _key_prediction(header)
    if by_key:
        return by_key
    by_metadata = _metadata_prediction(header.metadata, family)
    if by_metadata:
        return by_metadata
    for name in names:
        named = read_name(name).prediction
        if named:
            plain = named is PredictionName.V_ZERO_SNR and family != "sdxl" and not says_zero_snr(name)
            return PredictionName.V if plain else named, f"by its name ({name})"
    if family == "sd2" and said.kind is None:
        return _sd2_weights(path, header, found) or _sd2_prediction(names)
    return PredictionName.EPSILON, "as most models; nothing says otherwise"


def _key_prediction(header: Header) -> tuple[PredictionName, str] | None:
    """By the marks that trainers leave among the tensors, as ComfyUI reads them."""
    tensors = header.tensors
    if "edm_mean" in tensors and "edm_std" in tensors:
        return PredictionName.EDM, "by its tensors edm_mean and edm_std"
    if "edm_vpred.sigma_max" in tensors:
        return PredictionName.EDM_V, "by its tensor edm_vpred.sigma_max"
    if "v_pred" in tensors:
        zero = "ztsnr" in tensors
        named = PredictionName.V_ZERO_SNR if zero else PredictionName.V
        return named, f"by its tensor{'s v_pred and ztsnr' if zero else ' v_pred'}"
    return None


def _metadata_prediction(metadata: dict[str, str], family: str) -> tuple[PredictionName, str] | None:
    """By what kohya's trainers and the Stability model specification write."""
    spec, trained = metadata.get("modelspec.prediction_type", "").lower(), metadata.get("ss_v_parameterization", "")
    zero = metadata.get("ss_zero_terminal_snr", "true" if family == "sdxl" else "false").lower() == "true"
    v = PredictionName.V_ZERO_SNR if zero else PredictionName.V
    if trained:
        return (v if trained.lower() == "true" else PredictionName.EPSILON), "by its metadata, ss_v_parameterization"
    if spec.startswith("v"):
        return v, "by its metadata, modelspec.prediction_type"
    if spec.startswith("eps"):
        return PredictionName.EPSILON, "by its metadata, modelspec.prediction_type"
    if "flow" in spec:
        return PredictionName.FLOW, "by its metadata, modelspec.prediction_type"
    architecture = metadata.get("modelspec.architecture", "").lower()
    if architecture.startswith("stable-diffusion-v2"):
        named = PredictionName.V if "768" in architecture else PredictionName.EPSILON
        return named, f"by its metadata, modelspec.architecture ({architecture})"
    return None


def _sd2_weights(path: Path, header: Header, found: Identity) -> tuple[PredictionName, str] | None:
    """By how wide the biases of the last attention are spread, as ComfyUI tells; None where the file has them not."""
    if found.channels == INPAINTING:
        return PredictionName.EPSILON, "as all inpainting models of Stable Diffusion 2"
    entry = next((each for name, each in header.tensors.items() if name.endswith(LAST_BIAS)), None)
    spread = 0.0 if entry is None or entry.dtype not in READABLE else pstdev(read_numbers(path, entry))
    if not spread:
        return None
    named = PredictionName.V if spread > V_SPREAD else PredictionName.EPSILON
    return named, f"by its weights (the last attention's biases are spread by {spread:.2g}, {V_SPREAD} and more for v)"


def _sd2_prediction(names: Sequence[str]) -> tuple[PredictionName, str]:
    """Stable Diffusion 2's models of 512 px predict noise, those of 768 px and most that were made of them v."""
    for name in names:
        words = words_of(name)
        if "512" in words or "inpaint" in words or "inpainting" in words:
            return PredictionName.EPSILON, f"by its name ({name}): a model of 512 px"
    return PredictionName.V, "as most models of Stable Diffusion 2; try --prediction epsilon where results are noise"


def _sigmas(path: Path, header: Header) -> tuple[float, float] | None:
    """Least and most noise where the file has them as tensors."""
    ends = [header.tensors.get(f"edm_vpred.sigma_{end}") for end in ("min", "max")]
    low, high = (read_numbers(path, each)[0] if each is not None else None for each in ends)
    return None if high is None else (0.002 if low is None else low, high)  # what ComfyUI takes where min is missing


def _scheduler_says(folder: Path, scheduler: dict[str, Any], said: NameSays, where: str) -> tuple[NameSays, str]:
    """A folder's scheduler comes before its name."""
    kind, source = str(scheduler.get("_class_name", "")), "its scheduler's config"
    if kind.startswith("LCM") and said.kind not in ("lcm", "dmd2", "dmd2-1", "hyper-1"):
        return NameSays(kind="lcm", steps=said.steps, because="LCMScheduler"), source
    if kind.startswith("TCD") and said.kind != "tcd":
        return NameSays(kind="tcd", steps=said.steps, because="TCDScheduler"), source
    turbo = read_json(folder / "unet" / "config.json").get("sample_size") == TURBO_SAMPLE
    trailing = scheduler.get("timestep_spacing") == "trailing"
    if said.kind is None and trailing and turbo and folder_family(folder) == "sdxl":
        return NameSays(kind="turbo", window=512, because="trailing steps and a UNet of 64 latents"), source
    return said, where


def _scheduler_prediction(scheduler: dict[str, Any], said: NameSays, asked: Asked) -> tuple[PredictionName, str]:
    """Of a folder, and why. Raises BadModel for a kind that is not known here."""
    if asked.prediction:
        return asked.prediction, "by --prediction"
    kind, why = str(scheduler.get("_class_name", "")), "by its scheduler's config"
    trained = scheduler.get("prediction_type", "epsilon")
    if kind.startswith("EDM"):
        return (PredictionName.EDM_V if trained == "v_prediction" else PredictionName.EDM), why
    if kind.startswith("FlowMatch"):
        return PredictionName.FLOW, why
    if trained == "v_prediction":
        zero = bool(scheduler.get("rescale_betas_zero_snr"))
        return (PredictionName.V_ZERO_SNR if zero else PredictionName.V), why
    if trained != "epsilon":
        raise BadModel(f"predicts {trained!r}, which no sampler here takes: say what it is by --prediction NAME")
    return PredictionName.EPSILON, why


def _check_betas(folder: Path, scheduler: dict[str, Any]) -> None:
    """Raises BadModel for other noise levels than Stable Diffusion's."""
    if str(scheduler.get("_class_name", "")).startswith(("EDM", "FlowMatch")):
        return
    other = {name: scheduler[name] for name, value in BETAS.items() if scheduler.get(name, value) != value}
    if other or scheduler.get("trained_betas"):
        words = ", ".join(f"{name} {value}" for name, value in other.items()) or "a list of betas"
        raise BadModel(f"{folder}: trained at other noise levels ({words}) than Stable Diffusion's: take another model")
