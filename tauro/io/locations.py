"""Where inputs and outputs lie: pure answers, from the documents and the file system's names alone."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TypeVar

from tauro.errors import UnknownNameError
from tauro.io.files.marker import MARKER
from tauro.io.formats import FORMATS
from tauro.io.options import value_of
from tauro.io.ports import Project
from tauro.model import InputSpec, OutputSpec
from tauro.model.entry import Entry
from tauro.storage.paths import canonical, has_glob, is_remote, local_path

_ITSELF_A_PLACE = ("jdbc", "memory", "query")
_PASSWORD = re.compile(r"(?i)((?:^|[?&;])(?:password|pwd|user|username)=)[^&;]*")
_USERINFO = re.compile(r"//[^/@]*@")

E_ = TypeVar("E_", bound=Entry)


def output_spec_for(context: Project, id: str, inline: OutputSpec | None = None) -> OutputSpec:
    """The output called `id`, with its path absolute and its format set.

    An id without an entry, and an entry without a place, lies at `<output_path>/<id>`, dots of the id as slashes.
    """
    spec = inline if inline is not None else context.outputs.get(id) or OutputSpec.parse(id, {})
    changes: dict[str, object] = {"format": spec.format_name or context.settings.default_format}
    if spec.path is not None:
        changes["path"] = _absolute(context, spec.path)
    elif spec.table is None and changes["format"] not in _ITSELF_A_PLACE:
        base = context.settings.output_path or "output"
        changes["path"] = _absolute(context, f"{base.rstrip('/')}/{id.replace('.', '/')}")
    elif changes["format"] == "table" and value_of(spec.options.items(), "provider") is None:
        changes["options"] = {**spec.options, "provider": context.settings.default_format}
    return _changed(spec, id, changes)


def input_spec_for(context: Project, id: str, inline: InputSpec | None = None) -> InputSpec:
    """The input called `id`, with its paths absolute: an entry of `input_config`, or else of `output_config`.

    Raises:
        UnknownNameError: neither document has it.
    """
    spec = inline if inline is not None else context.inputs.get(id)
    if spec is None:
        if id not in context.outputs:
            raise UnknownNameError("input", id, list(dict.fromkeys([*context.inputs, *context.outputs])))
        return as_input(output_spec_for(context, id), id)
    changes: dict[str, object] = {}
    if spec.path is not None:
        changes["path"] = tuple(_absolute(context, path) for path in spec.path)
    return _changed(spec, id, changes)


def at_paths(spec: InputSpec, paths: tuple[str, ...]) -> InputSpec:
    """The same input, read from other paths."""
    return _changed(spec, spec.name, {"path": paths})


def at_version(spec: InputSpec, version: int) -> InputSpec:
    """The same input, read as of a version."""
    return _changed(spec, spec.name, {"options": {**spec.options, "versionAsOf": version}})


def as_input(spec: OutputSpec, id: str) -> InputSpec:
    """What an output has written, as an input: the options that say where it lies or how its text is written."""
    is_known = spec.format is not None and spec.format in FORMATS
    options = FORMATS[spec.format or ""].options_as_read(spec.options) if is_known else spec.options
    fields: dict[str, object] = {"format": spec.format, "options": options}
    if spec.path is not None:
        fields["path"] = (spec.path,)
    if spec.table is not None:
        fields["table"] = spec.table
    return InputSpec.parse(id, fields, spec.source)


def format_of(context: Project, spec: InputSpec | OutputSpec) -> str:
    """The format's name: as given, as the path, table or query tells, as the folder's content tells, or the default."""
    if spec.format_name is not None:
        return spec.format_name
    paths = (spec.path,) if isinstance(spec.path, str) else spec.path or ()
    for path in paths:
        found = None if is_remote(path) or has_glob(path) else format_of_folder(local_path(path))
        if found is not None:
            return found
    return context.settings.default_format


def format_of_folder(folder: Path) -> str | None:
    """The format that a local folder's content tells: a Delta log, or Tauro's marker."""
    if (folder / "_delta_log").is_dir():
        return "delta"
    try:
        found = json.loads((folder / MARKER).read_text(encoding="utf-8")).get("format")
    except (OSError, ValueError, AttributeError):
        return None
    return found if isinstance(found, str) else None


def location(spec: InputSpec | OutputSpec) -> str:
    """One spelling of a place, for comparing and for showing: secrets are left out.

    A path is absolute, without a trailing slash; several are joined by commas. Others read `table:<name>`,
    `jdbc:<url>#<table>`, `memory:<name>`, `query:<text>`.
    """
    options = spec.options.items()
    if spec.format_name == "jdbc":
        table = value_of(options, "dbtable") or spec.table or value_of(options, "query") or ""
        url = _USERINFO.sub("//", _PASSWORD.sub(r"\1***", value_of(options, "url") or "jdbc:"))
        return f"{url}#{table}"
    if spec.format_name == "memory":
        return f"memory:{spec.table or spec.name}"
    if spec.table is not None:
        return f"table:{spec.table.lower()}"
    if isinstance(spec, InputSpec) and spec.query is not None:
        return f"query:{' '.join(spec.query.split())}"
    paths = (spec.path,) if isinstance(spec.path, str) else spec.path or ()
    return ",".join(canonical(path) for path in paths)


def locations(spec: InputSpec | OutputSpec) -> tuple[str, ...]:
    """Every place that an entry names, each spelled as `location` spells it; globs stay globs."""
    if isinstance(spec, InputSpec) and spec.path is not None and spec.format_name != "jdbc":
        return tuple(canonical(path) for path in spec.path)
    place = location(spec)
    return (place,) if place else ()


def _absolute(context: Project, path: str) -> str:
    return canonical(str(context.resolve_path(path)))


def _changed(spec: E_, id: str, changes: dict[str, object]) -> E_:
    """A copy of an entry with other values, which keeps its name and its place in the user's files."""
    copy = spec.model_copy(update=changes)
    copy._name = spec.name or id
    copy._source = spec.source
    return copy
