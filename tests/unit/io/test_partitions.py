"""Names of partition folders as values."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tauro.io.partitions import data_files, key_of, partition_columns, partition_folders, value_of_text, values_of


def test_values_lose_their_escapes_and_null_is_none() -> None:
    folder = Path("a=x%2Fy/b=50%25/c=__HIVE_DEFAULT_PARTITION__/d=p=q")
    assert values_of(folder) == {"a": "x/y", "b": "50%", "c": None, "d": "p=q"}


def test_two_spellings_of_one_value_are_one_partition() -> None:
    types = {"Month": "integer", "code": "string"}
    assert key_of(Path("month=01/code=01"), types, "UTC") == key_of(Path("Month=1/code=01"), types, "UTC")
    assert key_of(Path("month=1/code=01"), types, "UTC") != key_of(Path("month=1/code=1"), types, "UTC")


@pytest.mark.parametrize(
    ("text", "type_name", "value"),
    [
        ("2013-01-01", "date", date(2013, 1, 1)),
        ("2013-01-01 06:00:00", "timestamp_ntz", datetime(2013, 1, 1, 6)),
        ("2013-01-01 06:00:00.5", "timestamp_ntz", datetime(2013, 1, 1, 6, 0, 0, 500000)),
        ("2013-07-01 06:00:00", "timestamp", datetime(2013, 7, 1, 4, tzinfo=ZoneInfo("UTC"))),
        ("07", "long", 7),
        ("no day", "date", "no day"),
        (None, "date", None),
    ],
)
def test_text_becomes_a_value_of_its_column(text: str | None, type_name: str, value: object) -> None:
    assert value_of_text(text, type_name, "Europe/Berlin") == value


def test_zones_may_be_offsets() -> None:
    moment = value_of_text("2013-01-01 06:00:00", "timestamp", "GMT+02:00")
    assert moment == datetime(2013, 1, 1, 4, tzinfo=ZoneInfo("UTC"))


def test_folders_and_files_are_listed_as_readers_see_them(tmp_path: Path) -> None:
    for name in ("d=1/h=2/part-0", "d=1/h=3/.part.crc", "_SUCCESS", "_tauro.json", "d=2/h=1/part-1", "_x=1/h=1/part-2"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert partition_folders(tmp_path) == [Path("_x=1/h=1"), Path("d=1/h=2"), Path("d=2/h=1")]
    assert partition_columns(tmp_path / "d=1") == ("h",)
    assert {path.name for path in data_files(tmp_path)} == {"part-0", "part-1", "part-2"}
