"""What Tauro costs beside hand-written PySpark: the flights example with many times its rows, in one warm session."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from tauro.config import Context
from tauro.exec import BaseExecutor
from tauro.spark.session import stop_session
from tests.bench.processes import SCRATCH
from tests.bench.timing import Row, duration, in_turns, ratio, seconds

LIMIT = 1.10
LIMIT_AGAINST_SEQUENTIAL = 1.0
START, END = "2013-01-01", "2013-01-07"
EXAMPLE = Path("config_examples/flights")
FILES = 8
TABLES = (
    "bronze/flights",
    "silver/flights",
    "gold/carrier_daily",
    "gold/airport_daily",
    "gold/weather_impact",
    "gold/route_daily",
    "gold/daily_report",
)


def rows(*, is_quick: bool = False) -> Iterator[Row]:
    """The pipeline `daily` by Tauro, by hand with as many threads, and by hand with one thread."""
    project, count = scaled_example(SCRATCH / "flights", times=FILES if is_quick else 800)
    sys.path.insert(0, str(project))  # the example's functions are imported by name, as Tauro does
    from tests.bench import flights_by_hand

    context = Context.from_project(project)
    session, by_hand, by_tauro = context.spark, project / "by_hand", project / "output"
    workers = context.settings.max_workers
    try:

        def hand(workers: int) -> Callable[[], float]:
            return lambda: seconds(lambda: flights_by_hand.run(session, project, by_hand, START, END, workers=workers))

        costs = in_turns(
            {
                "parallel": hand(workers),
                "tauro": lambda: seconds(lambda: BaseExecutor(context).execute_pipeline("daily", START, END)),
                "parallel again": hand(workers),
                "sequential": hand(1),
            },
            rounds=1 if is_quick else 5,
        )
        check_same(by_tauro, by_hand)
    finally:
        stop_session(session)
        sys.path.remove(str(project))
    same = ratio(costs["parallel again"], costs["parallel"])
    others = (
        (f"by hand, {workers} threads", "parallel", LIMIT),
        ("by hand, 1 thread", "sequential", LIMIT_AGAINST_SEQUENTIAL),
    )
    for against, other, limit in others:
        yield Row(
            name=f"daily, {count:,} flights",
            against=against,
            ratio=ratio(costs["tauro"], costs[other]),
            same=same,
            limit=limit,
            detail=f"{duration(median(costs['tauro']))} : {duration(median(costs[other]))}",
        )


def scaled_example(root: Path, *, times: int) -> tuple[Path, int]:
    """The example, in place of what is at `root`, with every flight of the window repeated; and how many those are."""
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(EXAMPLE, root, ignore=shutil.ignore_patterns("output", "_tauro", ".tauro", "__pycache__", "2013-*"))
    january = pq.read_table(EXAMPLE / "data/flights/2013-01.parquet")
    days = january["flight_date"].cast(pa.string())
    week = january.filter(pc.and_(pc.greater_equal(days, START), pc.less_equal(days, END)))
    part = pa.concat_tables([week] * (times // FILES))
    for number in range(FILES):
        pq.write_table(part, root / f"data/flights/part-{number}.parquet", compression="zstd")
    return root, part.num_rows * FILES


def check_same(ones: Path, others: Path) -> None:
    """Makes sure that both did the same work.

    Raises:
        RuntimeError: a table has other rows, or is made of another number of files.
    """
    for table in TABLES:
        one, other = _dataset(ones / table), _dataset(others / table)
        if len(one.files) != len(other.files):
            raise RuntimeError(f"{table} has {len(one.files)} files, by hand {len(other.files)}")
        if one.count_rows() != other.count_rows():
            raise RuntimeError(f"{table} has {one.count_rows()} rows, by hand {other.count_rows()}")
        if table.startswith("gold/") and not _sorted(one).equals(_sorted(other)):
            raise RuntimeError(f"{table} has other rows than by hand")


def _dataset(path: Path) -> ds.FileSystemDataset:
    return ds.dataset(path, format="parquet", partitioning="hive")


def _sorted(table: ds.FileSystemDataset) -> pa.Table:
    names = sorted(table.schema.names)
    return table.to_table(columns=names).sort_by([(name, "ascending") for name in names])
