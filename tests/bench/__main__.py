"""`python -m tests.bench`: measures what is promised about speed, as ratios within one run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from tests.bench import report

PARTS = ("startup", "validate", "engine", "history", "spark", "publishing", "starting", "memory")
"""Each a module of this folder with `rows(is_quick=...)`."""


def main(args: Sequence[str] | None = None) -> int:
    """Measures, shows and, if asked, writes the figures.

    Returns:
        1 if a promise is not kept, else 0; quick runs prove nothing, and are not judged.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", choices=PARTS, action="append", help="this part; may be repeated")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: shows that the programs run, and no more")
    parser.add_argument("--write", action="store_true", help=f"write the tables in {report.PAGE}")
    asked = parser.parse_args(args)
    if asked.quick and asked.write:
        parser.error("--write needs real figures, and --quick gives none")
    print(report.machine(), flush=True)
    missed = 0
    for part in asked.only or PARTS:
        rows = []
        for row in import_module(f"tests.bench.{part}").rows(is_quick=asked.quick):
            rows.append(row)
            print(f"{row.name}: {row.ratio}", file=sys.stderr, flush=True)
        print(f"\n{part}\n{report.as_text(rows)}", flush=True)
        if asked.write:
            report.write(part, rows)
        missed += sum(not row.is_within for row in rows)
    return 1 if missed and not asked.quick else 0


if __name__ == "__main__":
    sys.exit(main())
