"""`python -m tests.faults`: kills runs at every durable step and at random instants, and looks at what came of it."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.faults import project
from tests.faults.machine import end_servers
from tests.faults.plans import INSTANTS, SEED
from tests.faults.processes import REPOSITORY
from tests.faults.state import State
from tests.faults.suite import KINDS, Asked, Suite
from tests.faults.workshop import Workshop
from tests.support.postgres import running_postgres

FOLDER = Path(".faults")
"""Where the whole suite works; it keeps its state there, for each state of the code, and what ended badly."""


def main(args: Sequence[str] | None = None) -> int:
    """Runs the suite, or the rest of it.

    Returns:
        0 if no table is wrong, nothing is left over and nothing else failed, else 1.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a few chosen cases on a smaller project, in minutes")
    parser.add_argument("--fresh", action="store_true", help="forget what earlier runs of the suite have shown")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="cases that run at once; 2")
    parser.add_argument("--random", type=int, default=INSTANTS, metavar="N", help=f"random instants; {INSTANTS}")
    parser.add_argument("--seed", type=int, default=SEED, metavar="N", help="tells rows of random instants apart")
    parser.add_argument("--only", choices=KINDS, action="append", help="this kind of cases; may be repeated")
    parser.add_argument("--match", default="", metavar="TEXT", help="only cases whose names hold this text")
    parser.add_argument("--scenario", default="", metavar="NAME", help="only points of this scenario, such as run")
    parser.add_argument("--pipeline", choices=(project.WHOLE, project.SMALL), help="which project is disturbed")
    parser.add_argument("--source", type=Path, metavar="PATH", help="a checkout whose code is tried; this one")
    asked = parser.parse_args(args)
    kinds = tuple(asked.only or KINDS)
    what = Asked(asked.short, asked.jobs, asked.random, asked.seed, kinds, asked.match, asked.scenario)
    folder = _folder(is_short=asked.short)
    with running_postgres() as server:
        pipeline = asked.pipeline or (project.SMALL if asked.short else project.WHOLE)
        source = asked.source.absolute() if asked.source else REPOSITORY
        workshop = Workshop(folder, server, pipeline, source, is_short=asked.short)
        state = State(None if asked.short else folder / f"{pipeline}-{workshop.code}.jsonl", is_fresh=asked.fresh)
        try:
            code = Suite(workshop, state, what).run()
        finally:
            end_servers()
    if asked.short and code == 0:
        shutil.rmtree(folder)
    return code


def _folder(*, is_short: bool) -> Path:
    """Where everything lies."""
    if is_short:
        return Path(tempfile.mkdtemp(prefix="tauro-faults-"))
    FOLDER.mkdir(exist_ok=True)
    return FOLDER.absolute()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    sys.exit(main())
