"""One file of a document: read, parsed by its format, able to tell the line of any of its values."""

from __future__ import annotations

import datetime
import json
import re
from dataclasses import dataclass, field
from pathlib import Path as FilePath

from tauro.config.parsed import Flaw, Parsed, Path, Plain
from tauro.config.positions import Positions, toml_positions, yaml_positions
from tauro.config.yaml_reader import read_yaml

SUFFIXES = (".yml", ".yaml", ".json", ".toml")
"""What a file's name may end with."""


@dataclass(slots=True)
class SourceFile:
    """A file, its content, its lines; mutable only in what it has looked up already."""

    name: str
    """As the user would name it: relative to the project where it lies there."""
    text: str
    parsed: Parsed
    is_toml: bool
    _positions: Positions | None = field(default=None, repr=False)

    def locate(self, path: Path) -> tuple[int, int | None]:
        """How many steps of `path` the file holds, and the line of the last of them (None before the first).

        The text is parsed again for it, once, when it is first asked for a value below the top keys.
        """
        if len(path) == 1 and path[0] in self.parsed.lines:
            return 1, self.parsed.lines[str(path[0])]
        if self._positions is None:
            self._positions = toml_positions(self.text) if self.is_toml else yaml_positions(self.text)
        return self._positions.locate(path)


def read_file(path: FilePath, name: str) -> SourceFile:
    """The file at `path`, called `name` in messages; what is wrong with it is among `parsed.flaws`."""
    suffix = path.suffix.lower()
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        flaw = Flaw("the file is not UTF-8 text", line, fix="save it with the encoding UTF-8")
        return SourceFile(name, "", Parsed(None, flaws=(flaw,)), False)
    except OSError as error:
        flaw = Flaw(f"the file can't be read: {error.strerror or error}")
        return SourceFile(name, "", Parsed(None, flaws=(flaw,)), False)
    match suffix:
        case ".yml" | ".yaml":
            return SourceFile(name, text, read_yaml(text), False)
        case ".json":
            return SourceFile(name, text, _read_json(text), False)
        case ".toml":
            return SourceFile(name, text, _read_toml(text), True)
    flaw = Flaw(f"a file of the format {suffix or 'without a suffix'} can't be read", fix=f"use {', '.join(SUFFIXES)}")
    return SourceFile(name, text, Parsed(None, flaws=(flaw,)), False)


def _read_json(text: str) -> Parsed:
    if not text.strip():
        return Parsed(None)
    twice: list[str] = []

    def pairs(items: list[tuple[str, Plain]]) -> dict[str, Plain]:
        mapping = dict(items)
        if len(mapping) < len(items):
            seen: set[str] = set()
            twice.extend(key for key, _ in items if key in seen or seen.add(key))  # type: ignore[func-returns-value]  # set.add has no result, which counts as false
        return mapping

    try:
        value = json.loads(text, object_pairs_hook=pairs)
    except json.JSONDecodeError as error:
        return Parsed(None, flaws=(Flaw(f"not valid JSON: {error.msg}", error.lineno),))
    if not twice:
        return Parsed(value)
    with_lines = read_yaml(text)  # YAML contains JSON but for rarities, and its reader knows the lines
    if any("stands twice" in flaw.message for flaw in with_lines.flaws):
        return with_lines
    return Parsed(value, flaws=tuple(Flaw(f"key {key!r} stands twice") for key in twice))


def _read_toml(text: str) -> Parsed:
    import tomllib  # here, since few projects use it, and it costs more to import than most of this room

    try:
        return Parsed(_without_dates(tomllib.loads(text)))
    except tomllib.TOMLDecodeError as error:
        message, line = str(error), None
        if found := re.search(r" \(at line (\d+), column \d+\)$", message):
            message, line = message[: found.start()], int(found[1])
        return Parsed(None, flaws=(Flaw(f"not valid TOML: {message}", line),))


def _without_dates(value: Plain) -> Plain:
    if isinstance(value, dict):
        return {key: _without_dates(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_dates(item) for item in value]
    if isinstance(value, datetime.date | datetime.time):  # a datetime is a date, too
        return value.isoformat()
    return value
