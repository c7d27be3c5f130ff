"""On which line a value stands; worked out only for values that somebody asks about."""

from __future__ import annotations

import re
from typing import Protocol

import yaml
from yaml import MappingNode, Node, SequenceNode

from tauro.config.parsed import Path
from tauro.config.yaml_reader import compose


class Positions(Protocol):
    """The lines of one text."""

    def locate(self, path: Path) -> tuple[int, int | None]:
        """How many steps of `path` there are, and the line of the last of them (None before the first)."""
        ...


def yaml_positions(text: str) -> Positions:
    """The lines of a YAML text, or of JSON, which YAML contains but for a few rarities; then none are known."""
    try:
        return _NodePositions(compose(text))
    except yaml.YAMLError:
        return _KeyPositions({})


def toml_positions(text: str) -> Positions:
    """The lines of a TOML text, by its table headers and the keys at the start of lines."""
    lines: dict[Path, int] = {}
    table: Path = ()
    counts: dict[Path, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[\[(.+?)\]\]", line):
            array = _toml_keys(header[1])
            table = (*array, counts.get(array, 0))
            counts[array] = counts.get(array, 0) + 1
            lines.setdefault(array, number)
            lines[table] = number
        elif header := re.match(r"\s*\[(.+?)\]\s*(?:#.*)?$", line):
            table = _toml_keys(header[1])
            lines.setdefault(table, number)
        elif key := re.match(rf"\s*({_TOML_KEY}(?:\s*\.\s*{_TOML_KEY})*)\s*=", line):
            lines.setdefault((*table, *_toml_keys(key[1])), number)
    for path, number in list(lines.items()):
        for length in range(1, len(path)):
            lines.setdefault(path[:length], number)
    return _KeyPositions(lines)


_TOML_KEY = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""


def _toml_keys(text: str) -> Path:
    return tuple(key.strip("\"'") for key in re.findall(_TOML_KEY, text))


class _KeyPositions:
    def __init__(self, lines: dict[Path, int]) -> None:
        self._lines = lines

    def locate(self, path: Path) -> tuple[int, int | None]:
        for length in range(len(path), 0, -1):
            if path[:length] in self._lines:
                return length, self._lines[path[:length]]
        return 0, None


class _NodePositions:
    def __init__(self, root: Node | None) -> None:
        self._root = root
        self._top = dict(_entries(root)) if isinstance(root, MappingNode) else {}

    def locate(self, path: Path) -> tuple[int, int | None]:
        node, depth, line = self._root, 0, None
        for part in path:
            found = self._top.get(str(part)) if depth == 0 else _child(node, part)
            if found is None:
                break
            line, node = found
            depth += 1
        return depth, line


def _entries(node: MappingNode) -> list[tuple[str, tuple[int, Node]]]:
    """Key -> line and value, what is merged in by << included; own keys win by standing last."""
    own: list[tuple[str, tuple[int, Node]]] = []
    merged: list[tuple[str, tuple[int, Node]]] = []
    for key, value in reversed(node.value):
        if key.value == "<<":
            sources = value.value if isinstance(value, SequenceNode) else [value]
            for source in reversed(sources):
                if isinstance(source, MappingNode) and source is not node:
                    merged += _entries(source)
        else:
            own.append((str(key.value), (key.start_mark.line + 1, value)))
    return merged + own


def _child(node: Node | None, part: str | int) -> tuple[int, Node] | None:
    if isinstance(node, MappingNode):
        return dict(_entries(node)).get(str(part))
    if isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
        item = node.value[part]
        return item.start_mark.line + 1, item
    return None
