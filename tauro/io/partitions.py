"""The folders of a partitioned table: their names as values, and which of them an overwrite replaces."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal, InvalidOperation
from pathlib import Path
from urllib.parse import unquote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

NULL_FOLDER = "__HIVE_DEFAULT_PARTITION__"
_WHOLE = ("byte", "short", "integer", "long")

Value = date | datetime | int | Decimal | str | None


def is_hidden(name: str) -> bool:
    """Whether Spark's readers pass over a file or folder of this name."""
    return name.startswith(".") or (name.startswith("_") and "=" not in name)


def partition_folders(root: Path) -> list[Path]:
    """The innermost partition folders that hold data files, relative to `root`, sorted."""
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if "=" in name]
        inside = Path(folder).relative_to(root)
        if inside.parts and any(not is_hidden(name) for name in files):
            found.append(inside)
    return sorted(found)


def partition_columns(root: Path) -> tuple[str, ...]:
    """The columns that the folders below `root` are named after, outermost first."""
    names: list[str] = []
    while True:
        inner = sorted(name for name in os.listdir(root) if "=" in name and (root / name).is_dir())
        if not inner:
            return tuple(names)
        names.append(unquote(inner[0].partition("=")[0]))
        root /= inner[0]


def values_of(folder: Path) -> dict[str, str | None]:
    """The values in a partition folder's name, as text; None for null."""
    pairs = (part.partition("=") for part in folder.parts if "=" in part)
    return {unquote(name): None if text == NULL_FOLDER else unquote(text) for name, _, text in pairs}


def key_of(folder: Path, types: Mapping[str, str], zone: str) -> tuple[tuple[str, Value], ...]:
    """A partition folder as values to compare: `month=01` and `month=1` are one partition of a whole number."""
    typed = {name.lower(): type_name for name, type_name in types.items()}
    return tuple(
        (name.lower(), value_of_text(text, typed.get(name.lower(), "string"), zone))
        for name, text in values_of(folder).items()
    )


def value_of_text(text: str | None, type_name: str, zone: str) -> Value:
    """A partition value of a Spark type (by name); text that is no such value stays text.

    Args:
        text: without the folder name's escapes; None for null.
        type_name: such as `date`.
        zone: the session's time zone, in which Spark writes instants.
    """
    if text is None:
        return None
    try:
        if type_name == "date":
            return date.fromisoformat(text)
        if type_name == "timestamp_ntz":
            return _moment(text)
        if type_name == "timestamp":
            return _moment(text).replace(tzinfo=_zone(zone))
        if type_name in _WHOLE:
            return int(text)
        if type_name == "decimal":
            return Decimal(text)
    except (ValueError, InvalidOperation):
        pass
    return text


def data_files(root: Path) -> Iterator[Path]:
    """The files below `root` that readers see, relative to it."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        yield from (Path(folder, name).relative_to(root) for name in sorted(files) if not is_hidden(name))


def _moment(text: str) -> datetime:
    """A moment from text with up to six digits of a second."""
    whole, _, fraction = text.partition(".")
    return datetime.fromisoformat(whole).replace(microsecond=int(fraction.ljust(6, "0")[:6] or 0) if fraction else 0)


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        found = re.fullmatch(r"(?:UTC|GMT|UT)?([+-])(\d{1,2})(?::?(\d{2}))?", name)
        if found is None:
            raise
        offset = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
        return timezone(-offset if found[1] == "-" else offset)
