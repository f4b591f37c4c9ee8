"""`python -m softextend`."""

from softextend.cli import main

if __name__ == "__main__":
    main()
