"""What a model's name says of it, and what is made of it: profile, steps, sampler, guidance, window."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import pytest

from softextend.models.names import read_name, words_of
from softextend.models.profiles import DISTILLATIONS, NAMES, make_profile, profile_names
from softextend.models.schedules import STABLE_DIFFUSION
from softextend.sampling.samplers import make_sampler
from softextend.types import PredictionName, Profile, SamplerName

FAMILIES = {"v": "v-pred", "v-zero-snr": "v-pred", "edm": "edm", "edm-v": "edm"}


def family_of(name: str) -> str:
    """As shared/model_names.csv calls it."""
    said = read_name(name)
    if said.refused:
        return "x0"
    if said.kind is None:
        return FAMILIES.get(said.prediction.value if said.prediction else "", "sdxl")
    return "lcm" if "lcm" in profile_of(name).name else "few"


def profile_of(name: str, family: str = "sdxl") -> Profile:
    said = read_name(name)
    return make_profile(family, said.kind, steps=said.steps, guidance=said.guidance, window=said.window)


def test_names_that_people_gave(shared: Path) -> None:
    with (shared / "model_names.csv").open() as file:
        rows = list(csv.DictReader(file))
    known = {row["file_stem"]: row["family"] for row in rows if row["family"] != "?"}
    assert len(known) > 60
    assert {name: family_of(name) for name in known} == known


NAMED = """
juggernautXL_juggXILightningByRD few-step 8
Juggernaut-XI-Lightning-byRunDiffusion few-step 8
babesByStableYogi_xlV4Lightning few-step 8
wildcardxXLLIGHTNING_wildcardxXL few-step 8
hyperRealisticXL_hyperRealisticV2 sdxl 30
babesByStableYogi_ponyV5 sdxl 30
ultraSpice_v08Lightning4S few-step 4
RealVis_lightning_steps4 few-step 4
realitiesEdgeXLLIGHTNING_lightning7step few-step 7
helloworldXL70_lightning_8steps few-step 8
SDXL-Lightning-4steps-merge few-step 4
DMD2SDXL4step few-step-lcm-dmd2 4
dmd2_sdxl_1step_unet_fp16 few-step-dmd2-1 1
epicrealismXL_vxLightningDMD few-step-lcm-dmd2 4
gonzalomoXLFluxPony_v60PhotoXLDMD few-step-lcm-dmd2 4
cyberrealisticXL_v53DMD2 few-step-lcm-dmd2 4
flash-sdxl few-step-lcm 8
SDXL-Flash-Mini few-step 8
Hyper-SD15-1step-lora few-step-hyper-1 1
SDXL-HyperSD-8step few-step-hyper 8
realisticVisionV60B1_v51HyperVAE few-step-hyper 8
iniverseMixSFWNSFW_ponyRealGuofengHyper few-step-hyper 8
animaPencilXL_lcm8steps few-step-lcm 8
perfectDeliberate_xlLCM few-step-lcm 8
realvis_pcm_4step few-step-pcm 4
dreamshaperXL_turboDpmppSDE few-step 6
albedobaseXL_v31Turbo few-step 8
koala-lightning-1b few-step 8
noobaiXLNAIXL_vPred10Version sdxl-v-pred 30
noobaiXLNAIXL_epsilonPred11Version sdxl 30
bigASP_v25 sdxl-flow 30
bigasp_v20 sdxl 30
cosxl_base sdxl-edm 30
playgroundv25_v25 sdxl-edm 30
playground-v2-1024px-aesthetic.fp16 sdxl 30
SDXL_Hyper_real sdxl 30
hyperfusionXL_v4 sdxl 30
lightning_mcqueen_xl sdxl 30
turbocharged_mustang_sdxl sdxl 30
thunderstruckXL_v2 sdxl 30
flashXL_landscape sdxl 30
sdxl_base_step_20000 sdxl 30
Juggernaut-XI-v11 sdxl 30
zavychromaxl_v80 sdxl 30
"""


@pytest.mark.parametrize("row", NAMED.split("\n")[1:-1])
def test_names_of_the_hub_and_of_civitai(row: str) -> None:
    name, profile, steps = row.split()
    said = read_name(name)
    prediction = said.prediction or PredictionName.EPSILON
    made = make_profile(
        "sdxl", said.kind, prediction=prediction, steps=said.steps, guidance=said.guidance, window=said.window
    )
    assert (made.name, made.stages[0].steps) == (profile, int(steps))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("sdxl_lightning_1step_unet_x0", "take the file of 2, 4 or 8 steps"),
        ("SDXL-Lightning-1step", "take the file of 2, 4 or 8 steps"),
        ("SwiftBrush_sd21", "one step from pure noise"),
        ("nitrosd-realism_f16", "shifted timesteps, which no sampler here runs"),
        ("NitroFusion-vibrant", "shifted timesteps"),
    ],
)
def test_what_no_run_can_be_made_of_is_refused(name: str, says: str) -> None:
    assert says in str(read_name(name).refused)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("JuggernautXLHyper8step_sfw", "juggernaut xl hyper 8 step sfw"),
        ("hw50EulerALightning", "hw 50 euler a lightning"),
        ("wildcardxXLTURBO", "wildcardx xl turbo"),
        ("SDXLv10Turbo", "sd xl v 10 turbo"),
        ("LCMxl", "lcm xl"),
        ("V4.0_Hyper_fp16", "v 4 0 hyper fp 16"),
        ("hypersdxl", "hyper sdxl"),
        ("hyperion", "hyperion"),
    ],
)
def test_a_name_is_read_as_words(name: str, words: str) -> None:
    assert words_of(name) == words.split()


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("lightningStrike_photo", "sdxl"),
        ("thunder_and_lightning_style", "sdxl"),
        ("hyperSurrealism_v2", "sdxl"),
        ("turbochargedCars_xl", "sdxl"),
        ("notLightning", "sdxl"),
        ("calmcoastXL", "sdxl"),
        ("superflow_xl", "sdxl"),
        ("finetune-epoch10-step5000", "sdxl"),
        ("oldmodel_20000steps", "sdxl"),
        ("realitiesEdgeXLLIGHTNING_lightningV7", "few"),
        ("someMix_v3HalfturboEulera", "few"),
        ("RealVisXL V4.0 Lightning (4 steps)", "few"),
        ("mixLCM-v2", "lcm"),
        ("NoobAI-XL-Vpred-v1.0", "v-pred"),
        ("mixXL_vPred10Version", "v-pred"),
        ("mixXL_epsilonPred11Version", "sdxl"),
        ("cosxl", "edm"),
        ("playground-v2-1024px-aesthetic", "sdxl"),
    ],
)
def test_words_that_only_describe_what_is_drawn_mean_nothing(name: str, family: str) -> None:
    assert family_of(name) == family


@pytest.mark.parametrize(
    ("name", "steps", "sampler", "guidance", "window"),
    [
        ("sdxl_lightning_4step", 4, SamplerName.EULER, 1.0, 1024),
        ("Hyper-SDXL-8steps", 8, SamplerName.DDIM, 1.0, 1024),
        ("Hyper-SDXL-8steps-CFG", 8, SamplerName.DDIM, 5.0, 1024),
        ("Hyper-SDXL-12steps-noCFG", 12, SamplerName.DDIM, 1.0, 1024),
        ("sd_xl_turbo_1.0_fp16", 8, SamplerName.EULER, 1.0, 512),
        ("dreamXL_v21TurboDPMSDE", 6, SamplerName.DPMPP_2M_SDE, 2.0, 1024),
        ("SDXL_Flash", 8, SamplerName.EULER, 3.0, 1024),
        ("some_DMD2", 4, SamplerName.LCM, 1.0, 1024),
        ("SDXL-TCD", 8, SamplerName.TCD, 1.0, 1024),
        ("photo", 30, SamplerName.EULER, 5.0, 1024),
    ],
)
def test_the_profile_that_follows(name: str, steps: int, sampler: SamplerName, guidance: float, window: int) -> None:
    found = profile_of(name)
    assert (found.stages[0].steps, found.sampler, found.guidance, found.window) == (steps, sampler, guidance, window)


@pytest.mark.parametrize(
    ("name", "timesteps"),
    [
        ("sdxl_lightning_4step", [749, 499, 249]),
        ("sdxl_lightning_2step", [999, 499]),
        ("mix-4step", [749, 499, 249]),
        ("Hyper-SDXL-4steps", [749, 499, 249]),
        ("dmd2_sdxl_4step", [749, 499, 249]),
        ("Hyper-SDXL-1step-Unet", [800]),
    ],
)
def test_a_run_of_few_steps_lands_on_the_timesteps_of_the_distillation(name: str, timesteps: list[int]) -> None:
    assert times_of(profile_of(name)) == timesteps


def times_of(profile: Profile, strength: float | None = None) -> list[float]:
    """The timesteps of the profile's own run."""
    (stage,) = profile.stages
    run = make_sampler(
        profile.sampler.value,
        dataclasses.replace(STABLE_DIFFUSION, distilled=profile.trained_at),
        steps=stage.steps,
        strength=strength or stage.strength,
        trailing=profile.trailing,
    )
    return list(run.timesteps)


def test_strength_leaves_out_the_noisiest_of_them() -> None:
    profile = profile_of("dmd2_4step")
    assert times_of(profile, 0.5) == [499, 249]
    assert times_of(profile, 1.0) == [999, 749, 499, 249]


def test_one_step_models_have_no_windows_that_refine() -> None:
    assert profile_of("Hyper-SDXL-1step-Unet").refine_strength is None
    assert profile_of("sdxl_lightning_4step").refine_strength == 0.4


def test_every_distillation_has_a_name_for_the_command_line() -> None:
    assert {each.name for each in DISTILLATIONS.values()} == set(NAMES)
    assert len(set(profile_names())) == len(profile_names())
    for name in NAMES.values():
        for family, window in (("sdxl", 1024), ("sd1", 512), ("sd2", 512)):
            assert make_profile(family, name).window == window


def test_a_prediction_changes_the_profile() -> None:
    assert make_profile("sdxl", prediction=PredictionName.V_ZERO_SNR).guidance_rescale == 0.7
    assert make_profile("sdxl", prediction=PredictionName.V).guidance_rescale == 0.0
    assert make_profile("sd2", prediction=PredictionName.V).window == 768
    assert make_profile("sdxl", prediction=PredictionName.EDM).name == "sdxl-edm"
