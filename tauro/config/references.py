"""The spelling of references: how a text falls into `${...}` and what stands between."""

from __future__ import annotations

from dataclasses import dataclass

from tauro.config.parsed import Plain


class ReferenceProblem(Exception):
    """A reference that leads nowhere."""

    def __init__(self, message: str, *, notes: tuple[str, ...] = (), fix: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.notes = notes
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Reference:
    """One `${name}` or `${name:-default}`."""

    text: str
    """As it was written."""
    name: str
    default: str | None


def split(text: str) -> list[str | Reference]:
    """A text's references, and what stands between them with its escapes undone.

    Raises:
        ReferenceProblem: a reference has no end or no name.
    """
    pieces: list[str | Reference] = []
    literal = ""
    at = 0
    while (start := text.find("${", at)) >= 0:
        if start > at and text[start - 1] == "$":
            literal += text[at : start - 1] + "${"
            at = start + 2
            continue
        end = _end(text, start)
        literal += text[at:start]
        if literal:
            pieces.append(literal)
            literal = ""
        pieces.append(_reference(text[start:end]))
        at = end
    literal += text[at:]
    if literal:
        pieces.append(literal)
    return pieces


def escape(text: str) -> str:
    """The text that stands for `text` itself, whatever `${...}` it holds."""
    return text.replace("${", "$${")


def as_text(reference: Reference, value: Plain) -> str:
    """A value as it stands inside of a text.

    Raises:
        ReferenceProblem: it is null, a list or a mapping.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    raise ReferenceProblem(
        f"{reference.text} is {'null' if value is None else 'a list or a mapping'}, which can't be part of a text",
        fix="let the reference be the whole value, or refer to a text",
    )


def _end(text: str, start: int) -> int:
    """Where the reference that starts at `start` ends, those inside of it passed over."""
    depth, at = 0, start
    while at < len(text):
        if text.startswith("${", at):
            depth += 1
            at += 2
        elif text[at] == "}":
            depth -= 1
            at += 1
            if depth == 0:
                return at
        else:
            at += 1
    raise ReferenceProblem("a ${ has no closing }", fix="close it, or write $${ for the text ${ itself")


def _reference(text: str) -> Reference:
    body = text[2:-1]
    depth = 0
    for at, char in enumerate(body):
        if body.startswith("${", at):
            depth += 1
        elif char == "}" and depth:
            depth -= 1
        elif depth == 0 and body.startswith(":-", at):
            name, default = body[:at].strip(), body[at + 2 :]
            break
    else:
        name, default = body.strip(), None
    if not name:
        raise ReferenceProblem(f"{text} names nothing", fix="write ${name}, or $${ for the text ${ itself")
    return Reference(text, name, default)
