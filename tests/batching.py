"""Many pictures in tests: empty files to be found, and jobs without work."""

from __future__ import annotations

from pathlib import Path

from softextend.jobs.job import Job, Target


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def job(name: str, seeds: tuple[int, ...] = (1,)) -> Job:
    targets = tuple(Target(path=Path(f"{name}-{seed}.png"), format=None, seed=seed) for seed in seeds)
    return Job(source=Path(name), targets=targets)
