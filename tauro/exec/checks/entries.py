"""What can be known of inputs and outputs before they are read and written: their formats, options and paths."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping

from tauro.config import Context
from tauro.errors import Problem, UnknownNameError
from tauro.exec.planning.resolution import problem_at
from tauro.io.formats import FORMATS
from tauro.io.locations import format_of, locations
from tauro.io.ports import Format
from tauro.io.promises import why_not_over_connect
from tauro.model.dataset import InputSpec, OutputSpec
from tauro.model.settings import Mode
from tauro.storage.paths import covers, has_glob, matches

Place = tuple[str, ...]
"""Document, entry and field of a thing, as `problem_at` takes it."""


def input_problems(context: Context, place: Place, spec: InputSpec, name: str) -> Iterator[Problem]:
    """What the format of an input can tell is wrong with it."""
    return _problems(context, place, spec, name, lambda found: found.check_input(spec))


def output_problems(context: Context, place: Place, spec: OutputSpec, name: str) -> Iterator[Problem]:
    """What the format of an output can tell is wrong with it."""
    is_right = True
    for problem in _problems(context, place, spec, name, lambda found: found.check_output(spec)):
        is_right = False
        yield problem
    reason = why_not_over_connect(spec) if is_right and context.settings.mode == Mode.CONNECT else None
    if reason is not None:
        yield problem_at(context, place, _named(place, name, reason[0]), fix=reason[1])


def missing_paths(
    context: Context, place: Place, spec: InputSpec, written: Mapping[str, str], *, is_read: bool
) -> Iterator[Problem]:
    """The local paths of an input that do not exist.

    Args:
        context: the project.
        place: where the input stands.
        spec: the input, its paths absolute.
        written: location -> which node writes it.
        is_read: whether the input is about to be read, so that it must exist even if a node could write it.
    """
    if spec.optional:
        return
    place = (*place, "path") if len(place) == 2 else place
    for path in locations(spec):
        if not os.path.isabs(path) or "${" in path or os.path.exists(path) or (has_glob(path) and matches(path)):
            continue
        writer = written.get(path)
        if writer is None and has_glob(path):
            writer = next((node for there, node in written.items() if covers(path, there)), None)
        if writer is None:
            yield problem_at(context, place, f"{path} does not exist", fix="check 'path', or write 'optional: true'")
            continue
        if is_read:
            message = f"{path} does not exist yet; it is written by {writer}"
            yield problem_at(context, place, message, fix="run that pipeline first")


def _problems(
    context: Context,
    place: Place,
    spec: InputSpec | OutputSpec,
    name: str,
    check: Callable[[Format], Iterable[str]],
) -> Iterator[Problem]:
    found = _format(context, spec)
    if isinstance(found, UnknownNameError):
        yield problem_at(context, _format_place(place, spec), _named(place, name, found.message), fix=found.fix)
        return
    for message in check(found):
        yield problem_at(context, place, _named(place, name, message))


def _format(context: Context, spec: InputSpec | OutputSpec) -> Format | UnknownNameError:
    try:
        return FORMATS[format_of(context, spec)]
    except UnknownNameError as error:
        return error


def _format_place(place: Place, spec: InputSpec | OutputSpec) -> Place:
    return (*place, "format") if spec.format is not None and len(place) == 2 else place


def _named(place: Place, name: str, message: str) -> str:
    """The message, with the name of an entry that stands inline in a node."""
    return message if name in place else f"{place[-1]} {name!r}: {message}"
