"""`python -m softextend`."""

from __future__ import annotations

from softextend.cli import main

if __name__ == "__main__":
    main()
