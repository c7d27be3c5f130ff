"""Checks of the options that a format is given, against those that Spark documents for it."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from tauro.errors import did_you_mean


def unknown_options(
    given: Iterable[str], known: Collection[str], *, what: str, prefixes: tuple[str, ...] = ()
) -> list[str]:
    """One message for each option that is not among the known ones; Spark ignores such options without a word.

    Args:
        given: the option names as written; Spark does not mind their case.
        known: the names that are documented.
        what: the reader or writer, for messages: `csv reader`.
        prefixes: beginnings of names that are passed on as they are, such as `delta.`.
    """
    lower = {name.lower() for name in known}
    messages = []
    for name in given:
        if name.lower() in lower or name.lower().startswith(prefixes):
            continue
        hint = did_you_mean(name, sorted(known)) or _by_lower(name, known)
        messages.append(f"the {what} has no option {name!r}" + (f"; {hint}" if hint else ""))
    return messages


def value_of(options: Iterable[tuple[str, object]], name: str) -> str | None:
    """The value of an option, whatever the case of its name, as text; None if it is not given or null."""
    for key, value in options:
        if key.lower() == name.lower() and value is not None:
            return str(value)
    return None


def _by_lower(name: str, known: Collection[str]) -> str | None:
    hint = did_you_mean(name.lower(), sorted(one.lower() for one in known))
    if hint is None:
        return None
    return next((f"did you mean {one!r}?" for one in known if repr(one.lower()) in hint), None)
