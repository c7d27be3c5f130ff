"""The folders of a partitioned table: their names as values, and which of them an overwrite replaces."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal, InvalidOperation
from itertools import groupby
from pathlib import Path
from urllib.parse import unquote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tauro.storage.place import Place, folders_in
from tauro.storage.remote import RemotePath

NULL_FOLDER = "__HIVE_DEFAULT_PARTITION__"
_WHOLE = ("byte", "short", "integer", "long")

Value = date | datetime | int | Decimal | str | None


def is_hidden(name: str) -> bool:
    """Whether Spark's readers pass over a file or folder of this name."""
    return name.startswith(".") or (name.startswith("_") and "=" not in name)


def partition_folders(root: Place) -> list[Path]:
    """The innermost partition folders that hold data files, relative to `root`, sorted."""
    return sorted(
        folder
        for folder, files in _walked(root, lambda name: "=" in name)
        if folder.parts and any(not is_hidden(name) for name in files)
    )


def partition_columns(root: Place) -> tuple[str, ...]:
    """The columns that the folders below `root` are named after, outermost first."""
    names: list[str] = []
    while True:
        inner = [one.name for one in folders_in(root) if "=" in one.name]
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


def data_files(root: Place) -> Iterator[Path]:
    """The files below `root` that readers see, relative to it."""
    for folder, files in _walked(root, lambda name: not is_hidden(name)):
        yield from (folder / name for name in files if not is_hidden(name))


def _walked(root: Place, is_entered: Callable[[str], bool]) -> Iterator[tuple[Path, list[str]]]:
    """The folders from `root` on, relative to it, each with the names of its files, sorted.

    Args:
        root: nothing comes of one that does not exist.
        is_entered: asked of the names of folders; what lies below others is left out.
    """
    if isinstance(root, RemotePath):
        paths = (Path(one.path[len(root.path) + 1 :]) for one in root.found_below())
        entered = [path for path in paths if all(map(is_entered, path.parts[:-1]))]
        for folder, inside in groupby(sorted(entered, key=lambda one: (one.parent, one)), lambda one: one.parent):
            yield folder, [one.name for one in inside]
        return
    for above, folders, files in os.walk(str(root)):
        folders[:] = sorted(filter(is_entered, folders))
        yield Path(above).relative_to(str(root)), sorted(files)


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
