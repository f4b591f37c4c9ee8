"""`python -m softextend`, and the console script: Ctrl-C is answered from the first import on."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """The command line; the exit code is the process's."""
    try:
        from softextend.cli import main as run

        run()
    except KeyboardInterrupt as error:  # while modules are loaded; later ones are the commands'
        number = getattr(error, "number", signal.SIGINT)
        how = "Ctrl-C" if number == signal.SIGINT else f"signal {signal.Signals(number).name}"
        print(f"softextend: stopped by {how}", file=sys.stderr)
        sys.exit(128 + number)


if __name__ == "__main__":
    main()
