"""Start-up: `softextend --help` against an interpreter that does nothing, in one run.

usage: python benchmarks/startup.py [--repeats 9]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import typer": [sys.executable, "-c", "import typer"],
    "softextend --help": [sys.executable, "-m", "softextend", "--help"],
    "softextend extend --help": [sys.executable, "-m", "softextend", "extend", "--help"],
    "import torch": [sys.executable, "-c", "import torch"],
}


def seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=9)
    repeats = parser.parse_args().repeats
    rounds = [[seconds(command) for command in COMMANDS.values()] for _ in range(repeats + 1)][1:]
    medians = [statistics.median(column) for column in zip(*rounds, strict=True)]
    print(f"{'command':<26}{'seconds':>9}{'ratio':>8}   median of {repeats}")
    for name, median in zip(COMMANDS, medians, strict=True):
        print(f"{name:<26}{median:>9.3f}{median / medians[0]:>8.1f}")


if __name__ == "__main__":
    main()
