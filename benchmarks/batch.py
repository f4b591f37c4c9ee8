"""Pictures a minute of a folder: one by one, overlapping and by workers; and how busy a simulated accelerator is.

python benchmarks/batch.py [--pictures 40] [--size 768x512] [--scale 1.0]

`--scale` shortens what the accelerator takes.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image
from skimage import data

SIDES = ("--sides", "0", "192", "0", "192")
ONCE = ("--seed", "1", "-q", "--overwrite")
DEVICE = 3.0  # s that an H100 takes for a picture of SDXL, as assumed
WORDS = {"one by one": None, "overlapping": ("--workers", "1"), "workers": ("--workers", "auto")}


def photos(folder: Path, count: int, width: int, height: int) -> None:
    """Photos of one size, each another part of one of scikit-image's."""
    folder.mkdir()
    for index in range(count):
        picture = Image.fromarray((data.coffee(), data.chelsea(), data.astronaut())[index % 3])
        picture.resize((width + index, height)).crop((index, 0, width + index, height)).save(folder / f"{index:03}.png")


def timed(words: list[str]) -> tuple[float, float]:
    """Seconds, and seconds of the processor, of a command line."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([sys.executable, "-m", "softextend", *words], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - began, used


def way(name: str, folder: Path, out: Path) -> dict[str, float]:
    """Pictures a minute and cores in use of one way through a folder."""
    given = ["extend", *SIDES, *ONCE, "--out-dir", str(out)]
    files = sorted(folder.iterdir())
    if WORDS[name] is None:  # the stages one after the other, with one model, in one process
        here, names = str(Path(__file__).parent), [str(each) for each in files]
        code = f"import sys; sys.path.insert(0, {here!r}); import batch as b; b.one_by_one({given!r}, {names!r})"
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = time.monotonic() - began
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    else:
        seconds, used = timed([*given, *(WORDS[name] or ()), *map(str, files)])
    return {"pictures a minute": len(files) / seconds * 60, "cores": used / seconds}


def one_by_one(given: list[str], files: list[str]) -> None:
    """A batch without lanes."""
    from softextend import cli
    from softextend.jobs import runner

    whole = runner.run

    def run(*jobs: object, **more: object) -> None:
        whole(*jobs, **{**more, "overlap": False})  # type: ignore[arg-type]

    runner.run = run  # type: ignore[assignment]
    cli.run([*given, *files])


def busy(folder: Path, out: Path, scale: float, *, overlap: bool) -> float:
    """Share of the time in which a simulated accelerator is busy, from its first picture on; the fills are real."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from toymodel import ToyModel

    from softextend import cli
    from softextend.jobs import runner
    from softextend.models import load

    began: list[float] = []
    spent = [0.0]

    class Accelerator(ToyModel):
        """Sleeps, as who waits for a GPU does."""

        def decode(self, z: object, *, exact: bool = False) -> object:
            start = time.monotonic()
            began.append(start)
            time.sleep(DEVICE * scale)
            spent[0] += time.monotonic() - start
            return super().decode(z, exact=exact)  # type: ignore[arg-type]

    load.load_model = lambda *_, **__: Accelerator()  # type: ignore[assignment]
    whole = runner.run
    runner.run = lambda *jobs, **more: whole(*jobs, **{**more, "overlap": overlap})  # type: ignore[assignment]
    try:
        cli.run(["extend", *SIDES, *ONCE, "--fill", "patch", "--out-dir", str(out), str(folder)])
    finally:
        runner.run = whole
    return spent[0] / (time.monotonic() - began[0])


def say(figures: dict[str, object]) -> None:
    """One line, with how loaded the machine is."""
    print(json.dumps({**figures, "load": os.getloadavg()[0]}), flush=True)


def main() -> None:
    """All figures as JSON lines."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=int, default=40)
    parser.add_argument("--size", default="768x512")
    parser.add_argument("--scale", type=float, default=1.0)
    given = parser.parse_args()
    width, height = map(int, given.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        photos(home / "in", given.pictures, width, height)
        for name in WORDS:
            print(
                json.dumps({"way": name, **way(name, home / "in", home / "out"), "load": os.getloadavg()[0]}),
                flush=True,
            )
        for overlap in (False, True):
            share = busy(home / "in", home / "out", given.scale, overlap=overlap)
            print(
                json.dumps({"accelerator busy": share, "overlapping": overlap, "load": os.getloadavg()[0]}), flush=True
            )


if __name__ == "__main__":
    main()
