"""Python source as a person would lay it out: calls on one line where they fit, else one argument a line."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

LONGEST_LINE = 88
"""Columns; what Black and Ruff take if nobody says otherwise."""
_INDENT = "    "


@dataclass(frozen=True, slots=True)
class Name:
    """A name that the source has given to something."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call: `name(argument, keyword=argument)`; what is None is left out."""

    name: str
    arguments: tuple[object, ...] = ()
    keywords: Mapping[str, object] = field(default_factory=dict)


def source(value: object, indent: int = 0, used: int = 0) -> str:
    """The source of a value; text in double quotes.

    Args:
        value: text, a number, a list, a mapping, a `Call` or a `Name`.
        indent: levels of the line it begins in.
        used: columns of that line that are taken, behind it too.
    """
    flat = _flat(value)
    if len(_INDENT) * indent + used + len(flat) <= LONGEST_LINE:
        return flat
    opened, parts, closed = _parts(value)
    if not parts:
        return flat
    inside = indent + 1
    lines = [f"{_INDENT * inside}{name}{source(part, inside, len(name) + 1)}," for name, part in parts]
    return "\n".join([opened, *lines, f"{_INDENT * indent}{closed}"])


def _flat(value: object) -> str:
    opened, parts, closed = _parts(value)
    return opened + ", ".join(f"{name}{_flat(part)}" for name, part in parts) + closed


def _parts(value: object) -> tuple[str, list[tuple[str, object]], str]:
    """What stands before the parts of a value, the parts with what names them, and what stands behind."""
    if isinstance(value, Call):
        named = [(f"{name}=", part) for name, part in value.keywords.items() if part is not None]
        return f"{value.name}(", [*(("", part) for part in value.arguments), *named], ")"
    if isinstance(value, Mapping):
        return "{", [(f"{_text(str(name))}: ", part) for name, part in value.items()], "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[", [("", part) for part in value], "]"
    if isinstance(value, Name):
        return value.text, [], ""
    return (_text(value) if isinstance(value, str) else repr(value)), [], ""


def _text(text: str) -> str:
    """Text as Python reads it and formatters leave it: in double quotes, unless it holds some."""
    written = repr(text)
    return f'"{written[1:-1]}"' if written[0] == "'" and '"' not in text else written


def names_for(texts: Iterable[str], taken: Iterable[str] = ()) -> dict[str, str]:
    """A Python name for each text, like it, and no two the same.

    Args:
        texts: such as names of nodes.
        taken: names that stand for something else.
    """
    used, names = set(taken), {}
    for text in texts:
        name = re.sub(r"\W", "_", text)
        if not name.isidentifier() or keyword.iskeyword(name):
            name = f"_{name}" if name[:1].isdigit() else f"{name}_"
        while name in used:
            name += "_"
        used.add(name)
        names[text] = name
    return names
