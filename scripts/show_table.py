"""Prints a Parquet table: python scripts/show_table.py FOLDER [ROWS]."""

import sys
from pathlib import Path

import pyarrow.dataset
from rich.console import Console
from rich.table import Table


def main(folder: str, at_most: int = 40) -> None:
    rows = pyarrow.dataset.dataset(folder, format="parquet", partitioning="hive").to_table()
    shown = Table(title=f"{Path(folder).name}: {rows.num_rows} rows")
    for field in rows.schema:
        is_number = pyarrow.types.is_integer(field.type) or pyarrow.types.is_floating(field.type)
        shown.add_column(field.name, justify="right" if is_number else "left")
    by_all = [(field.name, "ascending") for field in rows.schema]
    for row in rows.sort_by(by_all).slice(0, at_most).to_pylist():
        shown.add_row(*map(_text, row.values()))
    Console().print(shown)


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.2f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:3]))
