"""For every option of every command: words that show that it is used, and words without it that do something else."""

from __future__ import annotations

GROW = "--all 8"

# What shows that an option is used: words with it, and the words without it that do something else.
Shown = str | tuple[str, str]
MODEL: dict[str, Shown] = {
    "model": "--model gone.safetensors",
    "profile": "--profile few-step",
    "prediction": "--prediction v",
    "device": "--device mps",
    "dtype": "--dtype float32",
    "offload": "--offload none",
    "compile": "--compile",
    "vae": "--vae v.safetensors",
    "preview_vae": "--preview-vae t.safetensors",
    "unet": "--unet u.safetensors",
}
NAMED = ("model", "profile", "prediction", "vae", "unet")
CONDITIONS: dict[str, Shown] = {
    "preset": "--preset mosaic",
    "lora": "--lora l.safetensors",
    "embedding": "--embedding x=l.safetensors",
    "caption": "--caption auto",
    "clip_skip": "--clip-skip 3",
    "image_prompt": "--image-prompt self",
    "image_weight": "--image-weight 0.5",
    "image_steps": "--image-steps 0-0.5",
    "image_adapter": "--image-adapter l.safetensors",
    "image_encoder": "--image-encoder l.safetensors",
    "control": "--control l.safetensors",
    "control_type": "--control l.safetensors --control-type tile",
    "control_image": "--control l.safetensors --control-image a.png",
    "refiner": "--refiner l.safetensors",
    "refiner_start": "--refiner-start 0.5",
}
PROMPTING: dict[str, Shown] = {
    "prompt": "-p sea",
    "negative": "-n people",
    "steps": "--steps 40",
    "guidance": "--guidance 2",
    "guidance_steps": "--guidance-steps 0.1-0.8",
    "resample": "--resample 1",
    "think": "--think 1",
    "told_size": "--told-size auto",
    "sampler": "--sampler ddim",
    "seed": "--seed 7",
}
SAMPLING: dict[str, Shown] = PROMPTING | {
    "strength": "--strength 0.5",
    "guidance_rescale": "--guidance-rescale 0.5",
    "method": "--method classic",
    "refine_strength": "--refine-strength 0.3",
    "color_match": "--no-color-match",
}
AREA: dict[str, Shown] = {
    "sides": ("--sides 4", GROW),
    "aspect": ("--aspect 2:1", GROW),
    "size": ("--size 80x80", GROW),
    "scale": ("--scale 1.5", GROW),
    "all": ("--all 9", GROW),
    "anchor": (f"{GROW} --anchor top", GROW),
    "fit": ("--size 32x64 --fit", "--size 32x64"),
    "trim": (f"{GROW} --trim 2", GROW),
    "fill": (f"{GROW} --fill gray", GROW),
    "overlap": (f"{GROW} --overlap 2", GROW),
    "feather": (f"{GROW} --feather 2", GROW),
    "change": (f"{GROW} --change 0.5", GROW),
    "wrap": (f"{GROW} --wrap x", GROW),
    "allow_large": ("--sides 0 0 0 193 --allow-large", "--sides 0 0 0 193"),
}
BAND: dict[str, Shown] = {"band": (f"{GROW} --band 0", GROW)}
DEMAND: dict[str, Shown] = {
    "num": "--num 2",
    "best_of": "--best-of 2",
    "keep_all": ("--best-of 2 --keep-all", "--best-of 2"),
    "retry": "--retry 1",
    "min_score": "--min-score 1",
}
PLACING: dict[str, Shown] = {
    "output": "-o n.png",
    "out_dir": "--out-dir d",
    "overwrite": ("-o there.png --overwrite", "-o there.png"),
}
QUALITY: dict[str, Shown] = {"quality": ("-o n.jpg --quality 30", "-o n.jpg")}
WRITING: dict[str, Shown] = PLACING | QUALITY | {"format": "--format bmp", "alpha": "--alpha keep"}
SUFFIX: dict[str, Shown] = {"suffix": "--suffix=-wide"}
SKIP: dict[str, Shown] = {"skip_existing": ("-o there.png --skip-existing=any", "-o there.png")}
TREE: dict[str, Shown] = {"keep_tree": ("p/c.png --out-dir d --keep-tree", "p/c.png --out-dir d")}
LOOKING: dict[str, Shown] = {"save_steps": "--save-steps s", "dry_run": "--dry-run", "plan_image": "--plan-image p.png"}
TALK: dict[str, Shown] = {"json": "--json", "quiet": "-q", "verbose": "-v"}
TABLE: dict[str, Shown] = {"table": "--report r.csv"}
BATCH: dict[str, Shown] = {"batch": "--batch 999"}  # in range it changes no byte: tests/commands/test_together.py
CLUSTER: dict[str, Shown] = {"ray": "--ray 127.0.0.1:1", "max_retries": "--max-retries 3", "num_gpus": "--num-gpus 0.5"}
CLUSTER |= {"workers": "--workers 999"}  # in range they change no byte: tests/jobs/test_workers.py
TELLING: dict[str, Shown] = {"json": "--json", "verbose": "-v"}
HUGE: dict[str, Shown] = {"allow_huge": "--allow-huge"}
READ: dict[str, Shown] = HUGE | {"allow_damaged": "--allow-damaged"}
LIST: dict[str, Shown] = {
    "files_from": "--files-from list",
    "recursive": ("deep --recursive --out-dir d", "deep --out-dir d"),
}
PASSES: dict[str, Shown] = {"passes": "--passes 2"}
ZOOMING: dict[str, Shown] = {
    "factor": "--factor 1.3",
    "seconds": "--seconds 0.2",
    "fps": "--fps 40",
    "anchor": "--anchor top",
    "reverse": "--reverse",
    "trim": "--trim 2",
    "ease": "--ease",
    "fill": "--fill gray",
    "output": "-o n.gif",
    "frame_size": "--size 32x32",
    "save_steps": "--save-steps s",
    "overwrite": ("-o there.gif --overwrite", "-o there.gif"),
    "dry_run": "--dry-run",
}
SWEEPING: dict[str, Shown] = {
    "dry_run": "--dry-run",
    "strengths": "--strength 0.5",
    "output": "-o n.png",
    "overwrite": ("-o there.png --overwrite", "-o there.png"),
}
# The words that each command starts with, and what shows its options.
TRIED: dict[str, tuple[str, dict[str, Shown]]] = {
    "extend": (
        "extend a.png",
        AREA
        | BAND
        | SAMPLING
        | PASSES
        | DEMAND
        | CONDITIONS
        | MODEL
        | LIST
        | READ
        | WRITING
        | SUFFIX
        | SKIP
        | TREE
        | LOOKING
        | TALK
        | CLUSTER
        | BATCH
        | TABLE,
    ),
    "paint": (
        "paint a.png m.png",
        SAMPLING | DEMAND | CONDITIONS | MODEL | READ | WRITING | SUFFIX | SKIP | LOOKING | TALK | TABLE | BATCH,
    ),
    "prepare": (
        "prepare a.png",
        AREA
        | {"model": MODEL["model"], "profile": MODEL["profile"], "seed": f"{GROW} --fill perlin --seed 7"}
        | LIST
        | READ
        | PLACING
        | SKIP
        | TREE
        | TALK
        | TABLE,
    ),
    "redo": ("redo r.png", MODEL | {"input": "--input b.png"} | READ | WRITING | TALK),
    "zoom": ("zoom a.png -o z.gif", SAMPLING | PASSES | ZOOMING | CONDITIONS | MODEL | READ | TALK),
    "verify": ("verify r.png a.png", {"mask": "--mask black.png", "quiet": "-q"} | READ | TELLING),
    "score": ("score e.png a.png", READ | TELLING),
    "sweep": ("sweep a.png", AREA | BAND | PROMPTING | SWEEPING | BATCH | CONDITIONS | MODEL | READ | TALK),
    "report": ("report s.csv", TELLING),
    "models": ("models", {name: MODEL[name] for name in NAMED} | {"explain": "--explain"} | TELLING),
    "fills": ("fills", TELLING),
    "presets": ("presets", TELLING),
    "doctor": ("doctor", {"ray": CLUSTER["ray"], "measure": "--measure --ray local"} | TELLING),
    "config": ("config", TELLING),
}
DEFAULTS = {  # what a run has where the option in question does not say something else
    "extend": (GROW, "--seed 5", "--fill edge"),
    "paint": ("--seed 5",),
    "prepare": (GROW, "--seed 5", "--fill edge"),
    "zoom": ("--seed 5", "--factor 1.2", "--seconds 0.1", "--fps 20", "--fill edge"),
    "sweep": (GROW, "--seed 5", "--strength 0.4,0.8", "--fill edge"),
}


SILENT = (
    "verify",
    "score",
    "report",
    "models",
    "fills",
    "presets",
    "doctor",
    "config",
)  # -v shows only where an error comes from
# their examples show by an error that they are used; zoom refuses --control-image, since it makes several pictures
NAMES = (
    "model",
    "profile",
    "prediction",
    "refine_strength",
    "guidance_steps",
    "told_size",
    "min_score",
    "mask",
    "measure",
)
REFUSED = (*NAMES, *CLUSTER, *BATCH, "control_image")
