"""`python -m tauro`: the command `tauro` of a chosen interpreter, for whoever starts it from another environment."""

from __future__ import annotations

from tauro.cli.main import main

if __name__ == "__main__":
    main()
