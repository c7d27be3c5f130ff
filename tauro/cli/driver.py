"""What `spark-submit` runs: driver.py [--outcome FOLDER NAME] [--again COMMAND] [--here] -- WORDS OF TAURO

It may meet a Python that is too old, or that lacks what Tauro needs: until that is known it uses nothing that is newer
than Python 3.7.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence

USAGE = 2
OLDEST = (3, 11)


def main(arguments: Sequence[str]) -> int:
    """Runs `tauro` with what stands behind `--`, and leaves how that ended at the place that is named before it."""
    at = list(arguments).index("--")
    about, words = list(arguments[:at]), list(arguments[at + 1 :])
    place = None
    if "--outcome" in about:
        first = about.index("--outcome") + 1
        place = about[first : first + 2]
    again = about[about.index("--again") + 1] if "--again" in about else None
    is_here = "--here" in about
    _look_elsewhere(is_here)
    if sys.version_info < OLDEST:
        return refuse(place, f"Tauro needs Python {OLDEST[0]}.{OLDEST[1]} or newer")
    try:
        from tauro.cli.submitted import run_submitted
    except ImportError as error:
        return refuse(place, f"{error}, in the Python that runs the driver")
    return run_submitted(words, place, again, is_here=is_here)


def refuse(place: Sequence[str] | None, why: str) -> int:
    """Says why this Python can't run Tauro, here and at the place of the outcome; the exit code."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    message = (
        f"error: {why}: it is Python {version} at {sys.executable}\n"
        f"  fix: install Tauro's dependencies there, name another Python in spark.pyspark.python, or take one along: "
        f"tauro submit --pack venv\n"
    )
    sys.stderr.write(message)
    if place is not None:
        folder, name = place
        told = {"schema_version": 1, "exit_code": USAGE, "answer": "", "complaints": message}
        try:
            os.makedirs(folder, exist_ok=True)
            unfinished = os.path.join(folder, f".{name}.refused")
            with open(unfinished, "w", encoding="utf-8") as stream:
                json.dump(told, stream)
            os.replace(unfinished, os.path.join(folder, f"{name}.outcome.json"))
        except OSError as error:
            sys.stderr.write(f"nobody is told of it: {error}\n")
    return USAGE


def _look_elsewhere(is_here: bool) -> None:
    """Keeps modules from being found beside this script and, where Tauro is installed, in its bundle for executors."""
    own = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [
        folder
        for folder in sys.path
        if os.path.abspath(folder or ".") != own and not (is_here and os.path.basename(folder).startswith("tauro-"))
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
