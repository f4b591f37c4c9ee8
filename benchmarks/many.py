"""What many pictures cost the program itself, without a model's work.

python benchmarks/many.py soak --pictures 5000     # memory of one process over tiny pictures, a toy as the model
python benchmarks/many.py driver --pictures 5000   # pictures a second that a Ray driver hands out
python benchmarks/many.py names --pictures 1000000 # time and memory of names that are not there
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
TOY = ROOT / "tests" / "toymodel.py"
SIDES = ("--sides", "0", "16", "0", "0", "--seed", "1", "--json")


def resident(process: int) -> float:
    """MB of memory that a process has."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def tiny(folder: Path, count: int) -> None:
    """So many different pictures of 48x40."""
    folder.mkdir()
    y, x = np.mgrid[:40, :48]
    for index in range(count):
        pixels = np.stack([x * 5, y * 6, (x + y + index) * 2 % 256], axis=2).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{index:06d}.png")


def watched(words: list[str], folder: Path) -> Iterator[tuple[float, float]]:
    """Seconds since the start and MB after each line of a command line."""
    began = time.monotonic()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    command = [sys.executable, str(TOY), *words]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    ) as process:
        assert process.stdout is not None
        for _ in process.stdout:
            yield time.monotonic() - began, resident(process.pid)


def soak(count: int) -> dict[str, Any]:
    """Memory over a batch."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tiny(folder / "p", count)
        seen = list(watched(["extend", "p", *SIDES, "--out-dir", "w"], folder))
        made = len(list((folder / "w").iterdir()))
    tenth = max(1, len(seen) // 10)
    return {
        "made": made,
        "first_s": round(seen[0][0], 1),
        "pictures_a_minute": round(60 * len(seen) / seen[-1][0]),
        "mb_after_a_tenth": round(seen[tenth][1]),
        "mb_at_the_end": round(seen[-1][1]),
    }


def names(count: int) -> dict[str, Any]:
    """A list of names that are not there."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = (f"gone/{index // 1000:04d}/IMG_{index:07d}.jpg\n" for index in range(count))
        (folder / "list").write_text("".join(lines))
        seen = list(watched(["extend", "--files-from", "list", *SIDES, "--out-dir", "w"], folder))
    return {
        "lines": len(seen),
        "first_s": round(seen[0][0], 1),
        "all_s": round(seen[-1][0], 1),
        "mb_at_most": round(max(mb for _, mb in seen)),
    }


class Nothing:
    """A worker that makes nothing of what it is given."""

    def __init__(self, *_: Any) -> None:
        pass

    def ready(self) -> str:
        """See `Worker`."""
        return str(os.getpid())

    def do(self, job: Any, *, again: bool = False) -> Any:
        """See `Worker`."""
        from softextend.jobs.job import Outcome
        from softextend.jobs.worker import Done

        facts = {"width": 64, "height": 40, "seed": 1, "score": 0.5, "seconds": 0.0}
        return Done(outcomes=[Outcome(job=job, target=job.targets[0], facts=facts)])


def driver(count: int) -> dict[str, Any]:
    """What the driver alone hands out and gathers."""
    from softextend.jobs import cluster
    from softextend.jobs.job import Job, Target
    from softextend.jobs.task import PictureTask
    from softextend.models import find
    from softextend.options import Spec
    from softextend.sampling.progress import Silent

    cluster.Worker = Nothing  # type: ignore[misc,assignment]
    task = PictureTask(spec=Spec.of(seed=1), ref=find.resolve_model("self"))
    targets = (Target(path=Path("w.png"), format=None, seed=1),)
    jobs = (Job(source=Path(f"{index}.png"), targets=targets) for index in range(count))
    fleet = cluster.Fleet(cluster.Cluster(address="local", cpus=0.5), task, Silent())
    seen = [time.monotonic() for _ in fleet.run(jobs)]
    warm = len(seen) // 10
    return {"pictures": len(seen), "pictures_a_second": round((len(seen) - warm) / (seen[-1] - seen[warm]))}


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("soak", "driver", "names"))
    parser.add_argument("--pictures", type=int, default=5000)
    given = parser.parse_args()
    print(json.dumps({"soak": soak, "driver": driver, "names": names}[given.what](given.pictures)))


if __name__ == "__main__":
    main()
