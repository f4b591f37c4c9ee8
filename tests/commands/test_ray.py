"""A batch on Ray's workers: the same bytes; nothing lost, halved or doubled when workers, machines or drivers die."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from processes import wait_for
from running import photo

ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")
pytestmark = pytest.mark.slow

PICTURES = 8
MANY = 200
SIDES = ("--sides", "0", "16", "0", "0", "--seed", "1", "--model", "self")


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "softextend", "extend", "p", *SIDES, "--json", *map(str, words)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for index in range(PICTURES):
        photo(f"p/{index}.png", 48 + index)
    return tmp_path


def whole(folder: Path) -> list[str]:
    """The names of the results in a folder, each of which can be read; there is nothing else."""
    for path in folder.iterdir():
        if path.suffix != ".claim":
            with Image.open(path) as picture:
                picture.load()
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".claim")


NAMES = sorted(f"{index}-extended.png" for index in range(PICTURES))


def made_in(folder: str) -> list[Path]:
    return list(Path(folder).glob("*.png"))


def workers(driver: int | None = None) -> list[int]:
    """The processes of workers that are at work."""
    found = subprocess.run(["pgrep", "-f", "ray::Worker"], capture_output=True, text=True, check=False).stdout
    return [int(each) for each in found.split()]


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A head and another node, one CPU each, on loopback."""
    from ray.cluster_utils import Cluster

    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    found.second = found.add_node(num_cpus=1)
    yield found
    found.shutdown()


def check(process: subprocess.Popen[str], seen: str) -> list[dict[str, Any]]:
    """All results were made once, and told once."""
    facts = [json.loads(line) for line in seen.splitlines()]
    assert process.returncode == 0
    assert Counter(each["input"] for each in facts) == {f"p/{index}.png": 1 for index in range(PICTURES)}
    assert whole(Path("w")) == NAMES
    return facts


def test_the_same_bytes_by_one_process_by_two_and_by_a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for index in range(MANY):
        photo(f"p/{index:03}.png", 48 + index % 5, 32 + index // 5)
    ways = {"one": (), "two": ("--workers", "2"), "cluster": ("--ray", "local")}
    found, workers = {}, {}
    for name, words in ways.items():
        plain = ("--fill", "edge", "--strength", "0", "--out-dir", name, "--report", f"{name}.jsonl")
        ran = subprocess.run(command(*plain, *words), capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        found[name] = {path.name: path.read_bytes() for path in Path(name).iterdir()}
        rows = [json.loads(line) for line in Path(f"{name}.jsonl").read_text().splitlines()]
        assert len({row["input"] for row in rows}) == len(rows) == MANY
        workers[name] = {row["worker"] for row in rows}
    assert "made" in ran.stderr
    assert len(found["one"]) == MANY
    assert found["one"] == found["two"] == found["cluster"]
    assert len(workers["one"]) == 1
    assert len(workers["two"]) == 2
    assert len(workers["cluster"]) > (os.cpu_count() or 1) // 2


def test_a_killed_worker_loses_nothing(folder: Path) -> None:
    words = command("--out-dir", "w", "--ray", "local")
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        wait_for(lambda: made_in("w"))
        os.kill(workers()[0], signal.SIGKILL)
        seen, said = process.communicate()
    check(process, seen)
    assert "died" in said


@pytest.mark.deaths
def test_a_killed_node_and_a_killed_driver_lose_nothing(folder: Path, cluster: Any) -> None:
    words = command("--out-dir", "w", "--ray", cluster.address)
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        wait_for(lambda: made_in("w"))
        cluster.remove_node(cluster.second, allow_graceful=False)
        seen, _ = process.communicate()
    check(process, seen)
    for path in made_in("w"):
        path.unlink()
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        wait_for(lambda: made_in("w"))
        process.send_signal(signal.SIGKILL)
    before = {path: path.read_bytes() for path in made_in("w")}
    again = subprocess.run([*words, "--skip-existing"], capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert whole(Path("w")) == NAMES
    assert all(path.read_bytes() == data for path, data in before.items())


def test_what_a_cluster_has(cluster: Any) -> None:
    words = [sys.executable, "-m", "softextend", "doctor", "--ray", cluster.address, "--json"]
    facts = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    assert facts["cpus"] == 2
    assert [node["alive"] for node in facts["nodes"]] == [True, True]


@pytest.mark.deaths
def test_a_picture_that_kills_its_workers_is_an_error_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, sys.path)]))
    code = "import deadly; deadly.main()"
    words = [sys.executable, "-c", code, *command("--out-dir", "w", "--ray", "local", "--max-retries", 1)[3:]]
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    facts = {each["input"]: each for each in map(json.loads, ran.stdout.splitlines())}
    assert ran.returncode == 1, ran.stderr
    assert len(facts) == PICTURES
    assert [name for name, each in facts.items() if "error" in each] == ["p/0.png"]
    assert "--max-retries" in facts["p/0.png"]["error"]
    assert whole(Path("w")) == [name for name in NAMES if name[0] != "0"]


@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_no_cluster_there(folder: Path, dry: tuple[str, ...]) -> None:
    words = command("--ray", "127.0.0.1:1", "--out-dir", "w", *dry)
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.count("\n") == 1
