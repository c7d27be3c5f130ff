"""The options that several commands share, and what a call asked for in one value."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import wraps
from typing import Any, TypeVar

import click

from tauro.cli import completion

_DURATION = re.compile(r"(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m)?(?:(?P<s>\d+(?:\.\d+)?)s?)?")
Command = TypeVar("Command", bound=Callable[..., Any])  # Any: a command's own options follow


@dataclass(frozen=True, slots=True)
class Asked:
    """What the shared options of one call said; a command that lacks an option sees its default."""

    project: str | None = None
    """A folder; None for the current one or its nearest parent with a tauro.yml."""
    env: str | None = None
    pipeline: str | None = None
    start: str | None = None
    end: str | None = None
    nodes: tuple[str, ...] = ()
    begin: tuple[str, ...] = ()
    finish: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    settings: dict[str, str] = field(default_factory=dict)
    """--set, as text."""


class Duration(click.ParamType[float]):
    """Seconds, written as `90`, `30s`, `10m` or `1h30m`."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The seconds; what is a number already stays."""
        if isinstance(value, int | float):
            return float(value)
        found = _DURATION.fullmatch(str(value).strip())
        if found is None or not any(found.groups()):
            self.fail(f"{value!r} is not a duration; write it as 30s, 10m or 1h30m", param, ctx)
        hours, minutes, seconds = (float(found[unit] or 0) for unit in "hms")
        return hours * 3600 + minutes * 60 + seconds


def pairs(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> dict[str, str]:
    """What an option that is given as key=value says, by key; a callback of click."""
    found: dict[str, str] = {}
    for item in value:
        key, equals, text = item.partition("=")
        if not equals or not key.strip():
            raise click.BadParameter(f"{item!r} is not key=value", ctx, param)
        found[key.strip()] = text
    return found


def _split(_ctx: click.Context, _param: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for item in value for name in (part.strip() for part in item.split(",")) if name)


_PROJECT = (
    click.option(
        "--project",
        type=click.Path(),
        metavar="DIR",
        help="The project's folder; the current one, or its nearest parent with a tauro.yml, if left out.",
    ),
    click.option(
        "--env", metavar="NAME", shell_complete=completion.environments, help="The environment, such as prod."
    ),
    click.option(
        "--set",
        "settings",
        metavar="KEY=VALUE",
        multiple=True,
        callback=pairs,
        help="A value for ${KEY}; may be repeated.",
    ),
)
_PIPELINE = (
    click.option(
        "--pipeline",
        "-p",
        metavar="NAME",
        shell_complete=completion.pipelines,
        help="The pipeline; may be left out where the project has one.",
    ),
)
_ONLY_PIPELINE = (
    click.option(
        "--pipeline",
        "-p",
        metavar="NAME",
        shell_complete=completion.pipelines,
        help="This pipeline only.",
    ),
)
_WINDOW = (
    click.option("--start", metavar="DATE", help="The window's start: 2025-01-01, or 2025-01-01T06:00:00."),
    click.option("--end", metavar="DATE", help="The window's end; a date is inside, a date-time is outside."),
)
_SELECTION = (
    click.option(
        "--node",
        "nodes",
        metavar="NAME",
        multiple=True,
        shell_complete=completion.nodes,
        help="Only this node, with what it needs that is stored nowhere; may be repeated.",
    ),
    click.option(
        "--from",
        "begin",
        metavar="NAME",
        multiple=True,
        shell_complete=completion.nodes,
        help="This node and all that follow from it; may be repeated.",
    ),
    click.option(
        "--to",
        "finish",
        metavar="NAME",
        multiple=True,
        shell_complete=completion.nodes,
        help="This node and all that it follows from; may be repeated.",
    ),
    click.option(
        "--tags",
        metavar="TAG[,TAG]",
        multiple=True,
        callback=_split,
        help="Nodes with one of these tags; may be repeated.",
    ),
)
_JSON = (click.option("--json", is_flag=True, expose_value=False, help="Answer with one JSON document."),)
_GROUPS = {
    "project": _PROJECT,
    "pipeline": _PIPELINE,
    "only pipeline": _ONLY_PIPELINE,
    "window": _WINDOW,
    "selection": _SELECTION,
    "json": _JSON,
}
_NAMES = frozenset(item.name for item in fields(Asked))


def takes(*groups: str) -> Callable[[Command], Command]:
    """Gives a command the named groups of shared options; what they said comes as the first argument, an `Asked`.

    Args:
        groups: of `project`, `pipeline` (or `only pipeline`), `window`, `selection` and `json`.
    """

    def give(command: Command) -> Command:
        @wraps(command)
        def call(*args: Any, **values: Any) -> Any:  # Any: a command's own options pass through
            asked = Asked(**{name: values.pop(name) for name in _NAMES & values.keys()})
            return command(asked, *args, **values)

        for group in reversed(groups):
            for option in reversed(_GROUPS[group]):
                call = option(call)
        return call  # type: ignore[return-value]  # the same command, with fewer arguments to give

    return give
