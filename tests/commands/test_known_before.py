"""What cannot be is known before the first picture is painted: seeds, names, numbers of any size."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from running import Run, photo

from softextend.commands.help_page import leaves
from softextend.commands.signatures import Extend, Zoom
from softextend.commands.typer_args import option_names
from softextend.models.weights import hub
from softextend.models.weights.hub import check_hub
from softextend.option_fields import about

SIDES = ("--sides", 0, 16, 0, 0)
STRANGE = ("1e-320", "1e-10", "nan", "inf", "-inf", "1e308", "9" * 5000, "1_0", "0x1", "")
FORMS = ("sides", "size", "aspect", "scale", "all")


@pytest.mark.parametrize(
    "words",
    [
        ("--seed", 2**63 - 1, "--num", 2),
        ("--seed", 2**63 - 2, "--best-of", 3),
        ("--seed", 2**63 - 1, "--retry", 1),
        ("--num", 10**20),
        ("--best-of", 10**9, "--keep-all"),
    ],
)
def test_seeds_end_somewhere(run: Run, words: tuple[object, ...]) -> None:
    photo("a.png")
    ran = run("extend", "a.png", *SIDES, *words)
    assert (ran.code, ran.err.count("\n"), run.loads) == (2, 1, [])  # type: ignore[attr-defined]
    assert str(words[0]) in ran.err
    assert run("extend", "a.png", *SIDES, "--seed", 2**63 - 2, "--num", 2, "--dry-run").code == 0


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("f/%99999999d.png", 2, "at most 32 digits"),
        ("f/%0" + "9" * 5000 + "d.png", 2, "at most 32 digits"),
        ("f/" + "x" * 300 + "%04d.png", 1, "308 bytes"),
        ("x" * 300 + ".gif", 1, "304 bytes"),
        ("a.png", 2, "names no kind of film"),
        ("a.gif", 2, "the output is an input"),
    ],
)
def test_names_of_films(run: Run, name: str, code: int, says: str) -> None:
    photo("a.gif")
    for more in ((), ("--dry-run",)):
        ran = run("zoom", "a.gif", "-o", name, "--overwrite", *more)
        assert (ran.code, says in ran.err, run.loads) == (code, True, []), ran.err  # type: ignore[attr-defined]
        assert len(ran.err) < 1000


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_film_goes_into_no_pipe_and_no_device(run: Run) -> None:
    photo("a.png")
    os.mkfifo("pipe.gif")
    Path("null.gif").symlink_to("/dev/null")
    Path("frames").mkdir()
    Path("frames/0003.png").symlink_to("/dev/null")
    for name in ("pipe.gif", "null.gif", "frames"):
        ran = run("zoom", "a.png", "-o", name, "--overwrite", "--seconds", 0.2)
        assert (ran.code, run.loads) == (1, [])  # type: ignore[attr-defined]
        assert "is a pipe or a device" in ran.err
    assert Path("pipe.gif").is_fifo()
    assert Path("frames/0003.png").is_symlink()


def numeric(kind: Any) -> list[tuple[str, str]]:
    """(name, flag) of every option that takes a number."""
    found = []
    for field, _, _ in leaves(kind):
        flags = [name for name in option_names(field) if name.startswith("--")]
        counted = any(word in str(field.type) for word in ("int", "float", "Amount", "Span", "Size"))
        if counted and flags and not about(field).argument:
            found.append((field.name, flags[0].split("/")[0]))
    return found


@pytest.mark.parametrize(("kind", "words"), [(Extend, ("extend", "a.png")), (Zoom, ("zoom", "a.png", "-o", "z.gif"))])
def test_no_number_is_a_fault(run: Run, kind: Any, words: tuple[str, ...]) -> None:
    photo("a.png", 24, 16)
    options = numeric(kind)
    assert len(options) > 15
    for number, (name, flag) in enumerate(options):
        grown = () if name in FORMS or kind is Zoom else SIDES
        for value in (STRANGE[number % len(STRANGE)], STRANGE[(number * 3 + 1) % len(STRANGE)]):
            ran = run(*words, *grown, f"{flag}={value}", "--dry-run", "-q")
            assert ran.code in (0, 1, 2)
            assert "a fault in softextend" not in ran.err, (flag, value)
            assert len(ran.err) < 6000


@pytest.mark.parametrize("strength", ["1e-320", "1e-10", "0.001"])
def test_a_strength_that_runs_no_step_advises_what_can_be_done(run: Run, strength: str) -> None:
    photo("a.png")
    ran = run("extend", "a.png", *SIDES, "--strength", strength)
    assert ran.code == 2
    assert f"--strength {strength if strength == '0.001' else ''}" in ran.err
    assert not any(len(word) > 4 and word.isdigit() for word in ran.err.replace(",", "").split())


@pytest.mark.parametrize("strengths", ["0:1:1e-320", "0:1e308:1e-320", "nan:nan:nan", "inf", "0:inf:0.1", "1e-320,nan"])
def test_strengths_of_a_sweep(run: Run, strengths: str) -> None:
    photo("a.png")
    ran = run("sweep", "a.png", *SIDES, "--strength", strengths)
    assert (ran.code, ran.err.count("\n")) == (2, 1), ran.err


ENGINES = {  # what no run could begin with, and what is said of it
    ("--device", "cuda:97"): (2, "--device cuda:97: not on this machine"),
    ("--device", "gpu"): (2, "--device gpu: must be one of auto, cpu"),
    ("--dtype", "fp8"): (2, "--dtype fp8: must be one of auto"),
    ("--model", "nobody/nothing"): (1, "nobody/nothing: not in "),
    ("--model", "nobody/nothing", "--compile", "--offload", "sequential"): (2, "--compile: "),
    ("--model", "gone.safetensors"): (1, "gone.safetensors: does not exist"),
}


@pytest.mark.parametrize("words", ENGINES)
@pytest.mark.parametrize("command", ["extend a.png --all 8", "paint a.png a.png", "zoom a.png -o z.gif"])
def test_a_dry_run_refuses_what_a_run_would(
    run: Run, offline: None, monkeypatch: pytest.MonkeyPatch, command: str, words: Any
) -> None:
    monkeypatch.setattr(hub, "check_hub", check_hub)
    photo("a.png")
    code, says = ENGINES[words]
    ran = run(*command.split(), *words, "--dry-run")
    assert (ran.code, ran.out, says in ran.err) == (code, "", True), ran.err
    assert sorted(each.name for each in Path().iterdir()) == ["a.png"]


NOWHERE = "/proc"  # whose rights say yes to its owner, and where no file can be made
UNWRITABLE = {
    "extend a.png --all 8 -o /proc/x.png": "/proc: no file can be made in this folder",
    "extend a.png --all 8 --out-dir /proc/deep/er": "/proc: no file can be made in this folder",
    "extend a.png --all 8 -o file/x.png": "file: is no folder",
    "extend a.png --all 8 --save-steps /proc/steps": "/proc: no file can be made in this folder",
    "extend a.png --all 8 --report /proc/x.csv": "--report /proc/x.csv: cannot be written",
    "extend a.png --all 8 --report x.txt": "--report x.txt: must end in .jsonl, .csv, .parquet",
    "extend a.png --all 8 --report folder.csv": "--report folder.csv: is a folder",
    "extend a.png --all 8 --report foreign.csv": "foreign.csv: is no report of softextend",
    "extend a.png --all 8 --plan-image /proc/x.png": "/proc/x.png: cannot be written",
    "extend a.png --all 8 -o - --json": "--json: stdout holds the picture",
    "extend - a.png --all 8 --out-dir o --workers 2": "--workers: a picture from stdin",
    "extend a.png --all 8 --ray auto --workers 2": "--ray with --workers or --batch",
    "extend - --all 8 -o - --ray auto": "--ray: stdin and stdout",
    "paint a.png a.png -o /proc/x.png": "/proc: no file can be made in this folder",
    "zoom a.png -o /proc/x.gif": "/proc: no file can be made in this folder",
    "zoom a.png -o x.gif --save-steps /proc/x": "/proc: no file can be made in this folder",
    "sweep a.png --all 8 -o /proc/x.png": "/proc: no file can be made in this folder",
}


@pytest.mark.skipif(not Path(NOWHERE).is_dir(), reason="needs /proc")
@pytest.mark.parametrize("line", UNWRITABLE)
def test_a_dry_run_refuses_what_cannot_be_written(run: Run, line: str) -> None:
    photo("a.png")
    Path("file").write_text("")
    Path("folder.csv").mkdir()
    Path("foreign.csv").write_text("name,size\nx,3\n")
    ran = run(*line.split(), "--dry-run")
    assert (ran.code in (1, 2), UNWRITABLE[line] in ran.err) == (True, True), ran.err
    assert len([each for each in ran.err.splitlines() if each.startswith("softextend: ")]) == 1
    assert sorted(each.name for each in Path().iterdir()) == ["a.png", "file", "folder.csv", "foreign.csv"]


@pytest.mark.skipif(not Path(NOWHERE).is_dir(), reason="needs /proc")
def test_a_folder_in_which_nothing_can_be_made_is_known_before_the_work(run: Run) -> None:
    photo("a.png")
    ran = run("extend", "a.png", "--all", 8, "-o", "/proc/x.png")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "softextend: /proc: no file can be made in this folder (the system allows none); name another\n"


def test_a_dry_run_asks_the_hub(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """How much a run would download, where the hub has the model; what it answers otherwise is an error now."""
    import huggingface_hub
    from huggingface_hub.hf_api import ModelInfo

    names = ["model_index.json", *(f"{part}/{file}" for part in ("unet", "vae") for file in ("config.json", "a.bin"))]
    files = [{"rfilename": each, "size": 400_000_000} for each in (*names, "unet/model.safetensors")]
    answers = iter([files, files[1:]])
    monkeypatch.setattr(hub, "check_hub", check_hub)
    monkeypatch.setattr(
        huggingface_hub.HfApi, "model_info", lambda *_, **__: ModelInfo(id="a/b", siblings=next(answers))
    )
    photo("a.png")
    words = ("extend", "a.png", *SIDES, "--model", "someone/something", "--dry-run")
    ran = run(*words)
    assert (ran.code, "a run downloads 1.6 GB" in ran.err) == (0, True), ran.err
    ran = run(*words)
    assert (ran.code, "no diffusers model on the hub" in ran.err) == (1, True)
