"""What a checkpoint's name says of how it was trained: read as words, as people write such names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from softextend.types import PredictionName

# a run of capitals before a capitalised word, a word, a run of capitals, a number
WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
VERSION = re.compile(r"(?<=[A-Za-z])(?=[vV]\d)")  # SDXLv10: no word "Lv"
ACRONYM = re.compile(r"(LCM|DMD|TCD|PCM)(?=[a-z])")  # LCMxl
THOUSANDS = re.compile(r"(?<!\d)(\d+)[kK](?![a-z])")  # 4k is a word, not the number 4
AUTHOR = re.compile(r"(?<=[a-z0-9])By[A-Z][A-Za-z]*|(?<![A-Za-z])by[-_ ]?[A-Za-z]+")  # LightningByRD, -byName
MOST_STEPS = 64  # beyond, a number of steps is one of training
NEGATIONS = frozenset({"non", "no", "not", "without", "anti", "un"})
GLUED_BEHIND = ("lightning", "turbo", "hyper", "vpred", "lcm", "dmd", "tcd")  # realvishyper, xlturbo
GLUED_BEFORE = (*GLUED_BEHIND, "flash", "pcm", "sdxl", "sd")  # lightningxl: where only words of the trade follow
TRADE = frozenset(  # words that say nothing of what a model draws
    """
    a alpha b bakedvae baked base beta bf bf16 cfg checkpoint ckpt clip diffusers distill distilled dmd dmd2 dpm dpmpp
    dpmsde e edition ema emaonly euler eulera experimental f fast final fix fixed flash fp fp16 fp32 full gguf half
    hotfix hyper incl inpaint inpainting karras lcm lightning lite lora m merge merged mini model noema novae nsfw
    onnx pcm pp plus prediction pred pro pruned q rc release s safetensors sampler scaled sd sde sdxl sfw step steps
    superfast tcd test tiny turbo ultra unet update v vae ver version vpred with x xl
    """.split()  # noqa: SIM905 - a list of words is read as one
)
SCENERY = frozenset(
    "bolt bolts car cars charged diesel engine engines fan jet racer racing storm strike thunder".split()  # noqa: SIM905
)
DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, kw_only=True, slots=True)
class NameSays:
    """`kind`: a distillation in models/profiles.py; None, also for steps, where the name does not say."""

    kind: str | None = None
    steps: int | None = None
    guidance: float | None = None
    prediction: PredictionName | None = None
    window: int | None = None  # px
    refused: str | None = None  # why no run can be made of it
    because: str = ""  # the words that decided


def words_of(name: str) -> list[str]:
    """`JuggernautXLHyper8step_sfw` -> juggernaut, xl, hyper, 8, step, sfw."""
    name = ACRONYM.sub(r"\1 ", VERSION.sub(" ", THOUSANDS.sub(" thousands ", name)))
    return [part for word in WORDS.findall(name) for part in unglued(word.lower())]


def unglued(word: str) -> list[str]:
    """`xlturbo` -> xl, turbo; `hypersdxl` -> hyper, sdxl; a word of its own stays."""
    for mark in GLUED_BEHIND:
        if word.endswith(mark) and word != mark:
            return [*unglued(word.removesuffix(mark)), mark]
    if word.startswith("turbo") and word != "turbo":
        return ["turbo", word.removeprefix("turbo")]
    for mark in GLUED_BEFORE:
        rest = word.removeprefix(mark)
        if rest != word and rest in TRADE:
            return [mark, rest]
    return [word]


def read_name(name: str) -> NameSays:
    """What a file's, a folder's or a hub repository's name (no suffix) says."""
    words = words_of(AUTHOR.sub(" ", name))
    steps = _steps(words)
    prediction = _prediction(words)
    if refusal := _refused(words, steps):
        return NameSays(prediction=prediction, steps=steps, because=refusal[0], refused=refusal[1])
    kind = _kind(words, steps)
    if kind is None:
        return NameSays(prediction=prediction, because=prediction.value if prediction else "")
    return NameSays(
        kind=kind,
        steps=steps,
        guidance=_guidance(words, kind),
        prediction=prediction,
        window=512 if _published_turbo(words) or kind == "sdxs" else None,  # px; trained at that size
        because=", ".join([kind.partition("-")[0], *([f"{steps} step{'s' if steps > 1 else ''}"] if steps else [])]),
    )


def _refused(words: list[str], steps: int | None) -> tuple[str, str] | None:
    """The words that tell, and why no run can be made of it."""
    every = {*words, *_pairs(words)}
    single = "predicts the picture in one step from pure noise, where nothing of the photo is left: take "
    if "x0" in every:
        return "x0", f"{single}the file of 2, 4 or 8 steps"
    if steps == 1 and _meant(words, "lightning"):
        return "lightning, 1 step", f"{single}the file of 2, 4 or 8 steps"
    if "swiftbrush" in every:  # arXiv:2312.05239
        return "swiftbrush", f"{single}another distillation"
    if every & {"nitrosd", "nitrofusion"}:  # arXiv:2412.02030
        return "nitrosd", "was trained on shifted timesteps, which no sampler here runs: take another distillation"
    return None


def _pairs(words: list[str]) -> set[str]:
    """Two neighbours as one word: v, pred; dmd, 2."""
    return {one + two for one, two in pairwise(words)}


def _steps(words: list[str]) -> int | None:
    """Of `4step`, `8Steps`; beside a distillation's name also of `4S` and `steps8`; of a range the higher."""
    pairs = list(pairwise(words))
    found = [number for number, unit in pairs if unit in ("step", "steps") and DIGITS.fullmatch(number)]
    if any(mark in words for mark in GLUED_BEHIND):
        found += [number for number, unit in pairs if unit == "s" and DIGITS.fullmatch(number)]
        found += [number for unit, number in pairs if unit in ("step", "steps") and DIGITS.fullmatch(number)]
    return next((int(each) for each in found if 1 <= int(each) <= MOST_STEPS), None)


def _prediction(words: list[str]) -> PredictionName | None:
    every = {*words, *_pairs(words)}
    if every & {"epspred", "epsilonpred", "epsprediction", "epsilonprediction"}:
        return PredictionName.EPSILON
    if every & {"vpred", "vprediction", "vparam", "vparameterization"}:
        return PredictionName.V_ZERO_SNR
    if "cosxl" in every or "cosxledit" in every:
        return PredictionName.EDM_V
    if "playground" in words and any(words[at : at + 2] in (["2", "5"], ["25"]) for at in range(len(words))):
        return PredictionName.EDM
    if "bigasp" in every and ("25" in words or "25" in every):
        return PredictionName.FLOW  # v2.5, its author's notes
    if every & {"rectifiedflow", "rectflow", "flowmatching", "flowmatch", "instaflow"}:
        return PredictionName.FLOW
    return None


def says_zero_snr(name: str) -> bool:
    """Whether a name says that noise levels end in pure noise."""
    words = words_of(name)
    return bool({*words, *_pairs(words)} & {"zsnr", "ztsnr", "terminalsnr", "zerosnr"})


def _kind(words: list[str], steps: int | None) -> str | None:
    every = {*words, *_pairs(words)}
    if _meant(words, "dmd") or _meant(words, "dmd2"):
        return "dmd2-1" if steps == 1 else "dmd2"
    if _meant(words, "lcm") or "vegart" in every:
        return "lcm"
    if _meant(words, "tcd"):
        return "tcd"
    if "sdxs" in every:
        return "sdxs"
    if _meant(words, "hyper") and (steps or not _subject_after(words, "hyper")):
        return "hyper-1" if steps == 1 else "hyper"
    if _meant(words, "lightning") and (steps or not _subject_after(words, "lightning")):
        return "lightning-sde" if {"dpmsde", "sde"} & every else "lightning"
    if _meant(words, "turbo") and not _scenery_after(words, "turbo"):
        return "turbo-sde" if {"dpmsde", "sde"} & every else "turbo"
    if "perflow" in every or "pcm" in words:
        return "perflow" if "perflow" in every else "pcm"
    if any(two in (("flash", "sdxl"), ("flash", "sd")) for two in pairwise(words)):
        return "lcm"  # jasperai/flash-sdxl, model card; sd-community's has the words the other way round
    if "flash" in words and all(word in TRADE or DIGITS.fullmatch(word) for word in words):
        return "flash"
    return "few" if steps and not {"epoch", "train", "trained"} & every else None


def _meant(words: list[str], mark: str) -> bool:
    """Whether the word is there and not taken back, as in `nonTurbo`."""
    return any(word == mark and words[max(at - 1, 0)] not in NEGATIONS for at, word in enumerate(words))


def _after(words: list[str], mark: str) -> list[str]:
    return words[len(words) - words[::-1].index(mark) :]


def _subject_after(words: list[str], mark: str) -> bool:
    """Whether the word describes what is drawn: `hyper realistic`, `lightning bolt`, `lightning style`."""
    if words[0] == mark and len(words) > 1 and words[1] in SCENERY:
        return True
    named = words[: words.index(mark)]  # many repeat it behind: myMixLightning_myMixV2
    return any(word not in (*TRADE, *named) and not DIGITS.fullmatch(word) for word in _after(words, mark))


def _scenery_after(words: list[str], mark: str) -> bool:
    return bool(SCENERY & {*_after(words, mark)[:1]})


def _published_turbo(words: list[str]) -> bool:
    """Stability's own SDXL-Turbo and SD-Turbo, not one of the many models that bear the word."""
    own = {"sd", "xl", "sdxl", "turbo"}
    return "turbo" in words and all(word in own | TRADE or DIGITS.fullmatch(word) for word in words)


def _guidance(words: list[str], kind: str) -> float | None:
    """Above 1 where the distillation kept it: `-CFG`, `normalcfg`; 1 for `noCFG`."""
    for at, word in enumerate(words):
        if word in ("cfg", "normalcfg"):
            return 1.0 if at and words[at - 1] in NEGATIONS else 5.0
        if word == "smallcfg":
            return 1.5
    return None
