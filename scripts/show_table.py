"""Prints a Parquet table: python scripts/show_table.py FOLDER [ROWS]."""

import sys
from pathlib import Path

import pyarrow.dataset
from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

Rows = list[dict[str, object]]


def main(folder: str, at_most: int = 40) -> None:
    """Shows the first rows in the order of the partitions: as a table, or row by row where that is too wide."""
    dataset = pyarrow.dataset.dataset(folder, format="parquet", partitioning="hive")
    partitions = dataset.partitioning.schema.names
    names = [*partitions, *(name for name in dataset.schema.names if name not in partitions)]
    found = dataset.to_table(columns=names)
    rows: Rows = found.sort_by([(name, "ascending") for name in names]).slice(0, at_most).to_pylist()

    console = Console()
    print(f"{Path(folder).name}: {found.num_rows} rows")
    table = as_table(names, rows)
    if Measurement.get(console, console.options.update(max_width=10_000), table).maximum <= console.width:
        console.print(table)
    else:
        print_row_by_row(names, rows)


def as_table(names: list[str], rows: Rows) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for name in names:
        is_number = all(isinstance(row[name], int | float | None) for row in rows)
        table.add_column(name, justify="right" if is_number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(as_text(row[name]) for name in names))
    return table


def print_row_by_row(names: list[str], rows: Rows) -> None:
    width = max(map(len, names))
    for row in rows:
        print()
        for name in names:
            print(f"  {name:<{width}}  {as_text(row[name])}")


def as_text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.2f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:3]))
