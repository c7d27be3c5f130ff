"""SQL text as regions: code, strings, quoted names and comments."""

from __future__ import annotations

import re
from collections.abc import Iterator

_REGION = re.compile(
    r"""
      (?P<comment> --[^\n]* )
    | (?P<block> /\* )
    | (?P<raw> \b[rR](?:'[^']*'|"[^"]*") )
    | (?P<string> '(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*" )
    | (?P<name> `(?:[^`]|``)*` )
    """,
    re.VERBOSE | re.DOTALL,
)
_BLOCK_EDGE = re.compile(r"/\*|\*/")
_PARAMETER = re.compile(r"(?<![:\w\])]):([A-Za-z_]\w*)")


def parameters_of(text: str) -> set[str]:
    """The names of the parameters, `:name`, that a query uses; not those in strings, comments or `value::type`."""
    return {name for kind, part in regions(text) if kind == "code" for name in _PARAMETER.findall(part)}


def without_end(text: str) -> str:
    """The text without comments, semicolons and blanks behind its last statement."""
    parts = list(regions(text))
    while parts:
        kind, part = parts[-1]
        if kind == "code":
            part = part.rstrip("; \t\r\n\f")
        if kind == "comment" or not part:
            parts.pop()
            continue
        parts[-1] = (kind, part)
        break
    return "".join(part for _, part in parts)


def regions(text: str) -> Iterator[tuple[str, str]]:
    """The text in pieces: `code`, `string`, `name` (in backticks) or `comment`; joined they are the text."""
    at = 0
    for start, end, kind in _marked(text):
        if at < start:
            yield "code", text[at:start]
        yield kind, text[start:end]
        at = end
    if at < len(text):
        yield "code", text[at:]


def _marked(text: str) -> Iterator[tuple[int, int, str]]:
    at = 0
    while (found := _REGION.search(text, at)) is not None:
        kind = found.lastgroup or ""
        end = _end_of_block(text, found.end()) if kind == "block" else found.end()
        yield found.start(), end, {"block": "comment", "raw": "string"}.get(kind, kind)
        at = end


def _end_of_block(text: str, at: int) -> int:
    """Where a comment ends that begins before `at`; Spark's comments nest."""
    depth = 1
    while depth:
        edge = _BLOCK_EDGE.search(text, at)
        if edge is None:
            return len(text)
        depth += 1 if edge[0] == "/*" else -1
        at = edge.end()
    return at
