"""`python -m softextend`, and the console script: Ctrl-C is answered from the first import on."""

from __future__ import annotations

import sys


def main() -> None:
    """The command line; the exit code is the process's."""
    try:
        from softextend.cli import main as run

        run()
    except KeyboardInterrupt:  # while modules are loaded; later ones are the commands'
        print("softextend: stopped by Ctrl-C", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
