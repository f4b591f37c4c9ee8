"""`--dry-run` says how long and how much memory, by what `doctor --measure` found; without it, how to find out."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from running import Run, photo
from toymodel import put_fill

from softextend.jobs import measuring, speed
from softextend.jobs.estimate import about
from softextend.jobs.speed import Speed, known_speed, save_speed

GROW = ("--sides", 0, 100, 0, 0, "--seed", 1)
MEASURED = Speed(
    start=3.0,
    fill_least=1.0,
    fill=20.0,
    sample_least=2.0,
    sample=1000.0,
    memory=5e8,
    memory_per_pixel=1e3,
    flops={"cpu float32": 1e11, "cpu bfloat16": 1e12},
)
COMMANDS = {
    "extend": ("extend", "a.png", *GROW),
    "paint": ("paint", "a.png", "a.png"),
    "sweep": ("sweep", "a.png", *GROW),
    "zoom": ("zoom", "a.png", "-o", "z.gif", "--factor", 2),
}


@pytest.fixture
def home(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    photo("a.png", 200, 100)
    return tmp_path / "cache"


def estimate(run: Run, *words: object) -> Any:
    ran = run(*words, "--dry-run", "--json")
    assert ran.code == 0, ran.err
    return ran.facts[0]["plan"]["estimate"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_dry_run_has_an_estimate(run: Run, home: Path, command: str) -> None:
    words = (*COMMANDS[command], "--dry-run")
    ran = run(*words)
    assert (ran.code, "run 'softextend doctor --measure' once, and this says how long" in ran.out) == (0, True), ran.err
    save_speed(MEASURED)
    ran = run(*words)
    assert re.search(r"^ *time +about \d+ (s|min)$", ran.out, re.M), ran.out
    assert re.search(r"^ *memory +about \d+\.\d GB$", ran.out, re.M), ran.out
    assert run.loads == []  # type: ignore[attr-defined]
    assert {each.name for each in Path().iterdir()} == {"a.png", "cache"}


def test_what_is_counted(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """10,000 new px and 5 calls: 3 + 1 + 20 x 0.01 + 2 + 1000 x 0.05 s; 30,000 px of canvas: 0.5 GB + 30 MB."""
    put_fill(monkeypatch)
    save_speed(MEASURED)
    one = estimate(run, *COMMANDS["extend"])
    assert one == {"seconds": pytest.approx(56.2), "memory_bytes": 530_000_000}
    assert estimate(run, *COMMANDS["extend"], "--fill", "edge")["seconds"] == pytest.approx(55.0)
    assert estimate(run, *COMMANDS["extend"], "--num", 3)["seconds"] == pytest.approx(3 + 3 * 53.2)
    assert estimate(run, *COMMANDS["extend"], "--best-of", 2)["seconds"] == pytest.approx(3 + 2 * 53.2)
    cells = estimate(run, *COMMANDS["sweep"], "--strength", "0.25,0.25001")
    assert cells["seconds"] == pytest.approx(3 + 2 * 53.2, rel=0.02)
    photo("b.png", 200, 100)
    ran = run("extend", "a.png", "b.png", *GROW, "--dry-run")
    assert ran.out.count("about 55 s") == 2
    assert "all 2: time about 2 min" in ran.err


def test_a_checkpoint_counts_operations(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SDXL at 1024 px takes 6.76e12 operations a row; twice the guided steps take twice that."""
    import torch

    from softextend.models import device
    from softextend.models.weights import hub

    monkeypatch.setattr(device, "choose_device", lambda name: torch.device("cpu"))
    monkeypatch.setattr(hub, "check_hub", lambda *_, **__: None)
    save_speed(MEASURED)
    photo("a.png", 1024, 768)
    words = ("extend", "a.png", "--sides", 0, 0, 256, 0, "--model", "someone/sdxl", "--seed", 1, "--dtype", "float32")
    few, many = (estimate(run, *words, "--strength", 1, "--steps", steps)["seconds"] for steps in (10, 20))
    assert many - few == pytest.approx(10 * 2 * 6.76e12 / 1e11, rel=0.01)
    half = (*words[:-1], "bf16", "--strength", 1, "--steps", 10)
    assert estimate(run, *half)["seconds"] == pytest.approx(few / 10, rel=0.01)
    assert estimate(run, *half[:-5], "fp16") == {"seconds": None, "memory_bytes": None}, "nobody measured it"
    assert "and loading the model" in run(*words, "--dry-run").out


@pytest.mark.parametrize("damage", ["", "[]", "{}", "[" * 10**5, '{"start": NaN}', "\0\1\2", "other machine", "text"])
def test_a_damaged_table_is_none(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    path = save_speed(MEASURED)
    assert known_speed() == MEASURED
    if damage == "other machine":
        monkeypatch.setattr(speed, "machine", lambda: "another")
    elif damage == "text":
        path.write_text(json.dumps({**json.loads(path.read_text()), "fill": "fast"}))
    else:
        path.write_text(damage)
    ran = run(*COMMANDS["extend"], "--dry-run")
    assert (ran.code, "doctor --measure" in ran.out) == (0, True), ran.err


@pytest.mark.slow
def test_the_doctor_measures(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it writes is what it shows, and positive; a cache that cannot be written is one line."""
    monkeypatch.setattr(measuring, "LARGE", (224, 64))
    monkeypatch.setattr(measuring, "operations_a_second", lambda device, dtype: 1e11)
    assert run("doctor", "--json").facts[0]["measured"] is None
    assert speed.NEVER_MEASURED in run("doctor").out
    ran = run("doctor", "--measure", "--json")
    assert ran.code == 0, ran.err
    found = known_speed()
    assert found is not None
    assert ran.facts[0]["measured"] == asdict(found)
    assert found.start > 0.1
    assert found.memory > 5e7
    assert "cpu float32" in found.flops
    assert estimate(run, *COMMANDS["extend"])["seconds"] > found.start
    monkeypatch.setattr(measuring, "measure", lambda: replace(found, start=1.0))
    (home / "softextend" / "speed.json").unlink()
    (home / "softextend" / "speed.json").mkdir()
    ran = run("doctor", "--measure")
    assert (ran.code, "speed.json" in ran.err, "Traceback" in ran.err) == (1, True, False), ran.err


def test_a_small_piece_of_work(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from softextend.models import workload

    assert workload.SIZES[0] == (1, 320, 128, 128)
    monkeypatch.setattr(workload, "SIZES", ((1, 320, 32, 32), (1, 256, 640), *workload.SIZES[2:]))
    assert 1e8 < workload.operations_a_second(torch.device("cpu"), torch.float32) < 1e15


def test_estimates_are_no_finer_than_they_are() -> None:
    said = {0.2: "1 s", 7.4: "7 s", 22: "20 s", 75: "75 s", 150: "2 min", 3000: "50 min", 9000: "2.5 h"}
    assert [about(each) for each in said] == [f"about {each}" for each in said.values()]
