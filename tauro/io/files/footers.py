"""How many rows Parquet files hold, as their last bytes tell."""

from __future__ import annotations

from pathlib import Path

from tauro.io.partitions import data_files


def rows_in_parquet(folder: Path) -> int:
    """The rows of all Parquet files of a table, of which none but the last bytes is read.

    Needs pyarrow, which comes with pyspark's client for Spark Connect.

    Args:
        folder: the table's, on this machine.

    Raises:
        OSError: a file can't be read.
    """
    from pyarrow.parquet import read_metadata

    return sum(read_metadata(folder / path).num_rows for path in data_files(folder))
