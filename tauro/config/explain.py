"""What pydantic found, in the words of the configuration."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from pydantic import BaseModel, ValidationError

from tauro.config.parsed import Path, Plain, dotted, kind_of
from tauro.errors import did_you_mean
from tauro.model.dataset import InputSpec, OutputSpec
from tauro.model.entry import Entry

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_INLINE: dict[str, type[Entry]] = {"input": InputSpec, "output": OutputSpec}
_SCALARS = frozenset({"str", "int", "float", "bool"})
_EXPECTED = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "dict": "a mapping",
    "model": "a mapping",
    "tuple": "a name or a list of names",
    "list": "a list",
}
_BOUNDS = {
    "greater_than": ("greater than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """One thing that is wrong with an entry."""

    path: Path
    """The field; empty for the entry as a whole."""
    message: str
    notes: tuple[str, ...] = ()
    fix: str | None = None


def explain(model: type[BaseModel], fields: Mapping[str, Plain], error: ValidationError) -> list[Explanation]:
    """Everything that `error` says about an entry, one explanation a fault."""
    found: list[Explanation] = []
    inline: dict[str | int, list[Explanation]] = {}
    for details in _without_alternatives(error.errors(include_url=False)):
        at = details["loc"][0] if details["loc"] else ""
        if at in _INLINE and at not in inline:
            # pydantic does not tell which of several inline entries is at fault
            inline[at] = list(_explain_inline(_INLINE[str(at)], (at,), fields.get(str(at))))
            found.extend(inline[at])
        if not inline.get(at):
            found.extend(_explain(model, details))
    return found


def known_fields(model: type[BaseModel]) -> list[str]:
    """The fields of an entry by the names that users write."""
    return [field.alias or name for name, field in model.model_fields.items()]


def unknown_field(path: Path, model: type[BaseModel]) -> Explanation:
    """What there is to say about a field that a model does not have."""
    known = known_fields(model)
    name = str(path[-1])
    return Explanation(
        path, f"unknown field {dotted(path)!r}", (f"known fields: {', '.join(known)}",), did_you_mean(name, known)
    )


def _explain(model: type[BaseModel], details: ErrorDetails) -> Iterator[Explanation]:
    path, kind, value = details["loc"], details["type"], details["input"]
    context = details.get("ctx", {})
    name = dotted(path)
    if kind == "extra_forbidden":
        yield unknown_field(path, _model_at(model, path[:-1]))
    elif kind == "missing":
        yield Explanation(path[:-1], f"the field {name!r} is missing")
    elif kind == "value_error":
        cause = context.get("error")
        yield Explanation(path, f"{name}: {cause}" if path else str(cause))
    elif kind == "enum":
        choices = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        fix = did_you_mean(value, choices) if isinstance(value, str) else None
        yield Explanation(path, f"{name}: expected {_one_of(choices)}, got {kind_of(value)}", fix=fix)
    elif kind in _BOUNDS:
        words, bound = _BOUNDS[kind]
        yield Explanation(path, f"{name}: must be {words} {context[bound]:g}, got {value}")
    elif kind == "too_short":
        yield Explanation(path, f"{name}: must not be empty")
    elif kind == "scalar":
        yield Explanation(path, f"{name}: expected text, a number, true or false, got {kind_of(value)}")
    else:
        expected = _EXPECTED.get(kind.partition("_")[0])
        message = f"expected {expected}, got {kind_of(value)}" if expected else details["msg"]
        is_unquoted = expected == "text" and isinstance(value, bool | int | float)
        fix = "write it in quotes, so that it stays text" if is_unquoted else None
        yield Explanation(path, f"{name}: {message}" if path else message, fix=fix)


def _explain_inline(model: type[Entry], path: Path, value: Plain) -> Iterator[Explanation]:
    """What is wrong with the entries that stand inline in `input` or `output`."""
    items: Iterable[tuple[str | int, Plain]]
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        if isinstance(item, Mapping):
            try:
                model.parse(str(key), item)
            except ValidationError as error:
                for told in explain(model, item, error):
                    at = (*path, key)
                    message = told.message if told.path else f"{dotted(at)}: {told.message}"
                    if told.path:
                        message = message.replace(dotted(told.path), dotted((*at, *told.path)), 1)
                    yield Explanation((*at, *told.path), message, told.notes, told.fix)


def _without_alternatives(errors: list[ErrorDetails]) -> Iterator[ErrorDetails]:
    """The errors, with those that one value got for each of several scalar types made one."""
    seen: set[Path] = set()
    for details in errors:
        path = details["loc"]
        if len(path) < 2 or path[-1] not in _SCALARS or details["type"].partition("_")[0] not in _EXPECTED:
            yield details
            continue
        above = path[:-1]
        if sum(other["loc"][:-1] == above and other["loc"][-1] in _SCALARS for other in errors) < len(_SCALARS):
            yield details
        elif above not in seen:
            seen.add(above)
            yield {**details, "loc": above, "type": "scalar"}


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel]:
    """The model of the mapping at `path` inside of an entry."""
    for part in path:
        field = next((field for name, field in model.model_fields.items() if (field.alias or name) == part), None)
        if field is None:
            break
        annotations = [field.annotation, *get_args(field.annotation)]
        annotations += [argument for annotation in annotations for argument in get_args(annotation)]
        found = (item for item in annotations if isinstance(item, type) and issubclass(item, BaseModel))
        model = next(found, model)
    return model


def _one_of(choices: list[str]) -> str:
    return ", ".join(choices[:-1]) + f" or {choices[-1]}" if len(choices) > 1 else "".join(choices)
