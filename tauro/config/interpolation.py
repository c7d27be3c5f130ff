"""What `${...}` in a value stands for.

Pure: the run's values, variables, settings, environment and files come in as values or as a function, and problems
come out beside the values. References are

    ${name}            the run's own values; then variables; then other settings of global_settings
    ${env:NAME}        an environment variable
    ${secret:NAME}     an environment variable, or a file of that name in `secrets_path`
    ${file:PATH}       a file's text, without its last line break
    ${name:-default}   the default where there is no value, or an empty one
    $${text}           the text ${text} itself

A value that is one whole reference keeps the type of what it refers to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tauro.config.parsed import Path, Plain
from tauro.config.references import Reference, ReferenceProblem, as_text, split
from tauro.config.scalars import plain_scalar
from tauro.errors import bounded, did_you_mean

RUN_NAMES = ("start_date", "end_date", "run_id")
"""Names that only a run gives a value to."""
PATH_FIELDS = frozenset({"path", "input_path", "output_path", "secrets_path"})
"""Fields whose value becomes part of file names, which every log shows."""
_SECRET_NAME = re.compile(r"[\w.-]+")


class FaultElsewhereError(ReferenceProblem):
    """The reference is right; the variable that it names has a problem of its own, which is reported there."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Where references find their values."""

    variables: Mapping[str, Plain]
    settings: Mapping[str, Plain]
    """The document global_settings."""
    environ: Mapping[str, str]
    read_text: Callable[[str], str]
    """The text of a file, its path relative to the project; raises OSError or UnicodeDecodeError."""
    run: Mapping[str, str] | None = None
    """The run's own values, by RUN_NAMES; None while there is no run: then references to them stay as they are."""


@dataclass(slots=True)
class Filled:
    """A value with its references filled in."""

    value: Plain
    problems: list[tuple[Path, ReferenceProblem]] = field(default_factory=list)
    waits_for_run: bool = False
    """Whether a reference to one of the run's values is left in it."""
    is_secret: bool = False
    """Whether a secret went into it."""


class Interpolator:
    """Fills in references; each variable is worked out once, when it is first needed."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._known: dict[tuple[str, str], Filled] = {}
        self._open: list[tuple[str, str]] = []
        self.secrets: set[str] = set()
        """The values of the secrets used so far."""

    def fill(self, value: Plain) -> Filled:
        """`value` with every reference in it filled in; the very same object if there is none."""
        filled = Filled(None)
        filled.value = self._fill(value, (), filled)
        return filled

    def variable(self, name: str) -> Filled:
        """The variable called `name`, its references filled in."""
        return self._work_out("variables", name, self._scope.variables[name])

    def setting(self, name: str) -> Filled:
        """The setting called `name`, its references filled in."""
        return self._work_out("settings", name, self._scope.settings[name])

    def _fill(self, value: Plain, path: Path, filled: Filled) -> Plain:
        if isinstance(value, str):
            return self._fill_text(value, path, filled) if "${" in value else value
        if isinstance(value, dict):
            changed = None
            for key, item in value.items():
                new = self._fill(item, (*path, key), filled)
                if new is not item:
                    if changed is None:
                        changed = dict(value)
                    changed[key] = new
            return value if changed is None else changed
        if isinstance(value, list):
            items = [self._fill(item, (*path, at), filled) for at, item in enumerate(value)]
            return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
        return value

    def _fill_text(self, text: str, path: Path, filled: Filled) -> Plain:
        part = Filled(None)
        try:
            value = self._text(text, part)
            field_name = next((key for key in reversed(path) if isinstance(key, str)), None)
            if part.is_secret and field_name in PATH_FIELDS:
                raise ReferenceProblem(
                    "a secret can't be part of a path, which logs and plans show",
                    fix="use ${env:...} or a variable for what is no secret",
                )
        except ReferenceProblem as problem:
            filled.problems.append((path, problem))
            return text
        filled.waits_for_run |= part.waits_for_run
        filled.is_secret |= part.is_secret
        return value

    def _text(self, text: str, filled: Filled) -> Plain:
        pieces = split(text)
        if len(pieces) == 1 and isinstance(pieces[0], Reference):
            return self._resolve(pieces[0], filled)
        return "".join(
            piece if isinstance(piece, str) else as_text(piece, self._resolve(piece, filled)) for piece in pieces
        )

    def _resolve(self, reference: Reference, filled: Filled) -> Plain:
        name = reference.name
        if "${" in name:
            name = as_text(reference, self._text(name, filled))
        if name in RUN_NAMES and self._scope.run is None:
            filled.waits_for_run = True
            return reference.text
        try:
            value = self._look_up(name, filled)
        except _MissingError as missing:
            if reference.default is None:
                raise missing.problem from None
            value = None
        if (value is None or value == "") and reference.default is not None:
            return self._default(reference.default, filled)
        return value

    def _default(self, text: str, filled: Filled) -> Plain:
        if "${" in text:
            return self._text(text, filled)
        if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
            return text[1:-1]
        return "" if text == "" else plain_scalar(text)

    def _look_up(self, name: str, filled: Filled) -> Plain:
        kind, is_kind, rest = name.partition(":")
        if is_kind:
            return self._outside(kind.strip(), rest.strip(), filled)
        run = self._scope.run or {}
        if name in run:
            return run[name]
        if name in self._scope.variables:
            found = self.variable(name)
        elif name in self._scope.settings and name != "variables":
            found = self.setting(name)
        else:
            raise _MissingError(self._undefined(name))
        if found.problems:
            raise FaultElsewhereError(f"${{{name}}} has no value, because of a problem of its own")
        filled.waits_for_run |= found.waits_for_run
        filled.is_secret |= found.is_secret
        return found.value

    def _undefined(self, name: str) -> ReferenceProblem:
        if name in RUN_NAMES and self._scope.run is not None:
            return ReferenceProblem(
                f"${{{name}}} has no value, since the run has no dates", fix=f"give dates, or ${{{name}:-default}}"
            )
        settings = [key for key in self._scope.settings if key != "variables"]
        known = list(dict.fromkeys([*self._scope.variables, *RUN_NAMES, *settings]))
        close = did_you_mean(name, known)
        return ReferenceProblem(
            f"${{{name}}} is not defined",
            notes=(f"known names: {bounded(known)}",),
            fix=close or f"define {name} in variables of global_settings, or pass --set {name}=...",
        )

    def _outside(self, kind: str, name: str, filled: Filled) -> Plain:
        if kind == "env":
            if name in self._scope.environ:
                return self._scope.environ[name]
            raise _MissingError(
                ReferenceProblem(
                    f"the environment variable {name!r} is not set",
                    fix=did_you_mean(name, list(self._scope.environ)) or f"set it, or write ${{env:{name}:-default}}",
                )
            )
        if kind not in ("secret", "file"):
            raise ReferenceProblem(
                f"unknown kind of reference {kind!r}",
                notes=("known kinds: env, secret, file",),
                fix=did_you_mean(kind, ("env", "secret", "file")) or "write $${ for the text ${ itself",
            )
        value = self._secret(name) if kind == "secret" else self._file(name)
        filled.is_secret = True
        if value:
            self.secrets.add(value)
        return value

    def _secret(self, name: str) -> str:
        if name in self._scope.environ:
            return self._scope.environ[name]
        if not _SECRET_NAME.fullmatch(name) or not name.strip("."):
            raise ReferenceProblem(f"{name!r} is no name of a secret", fix="use letters, digits, '_', '-' and '.'")
        folder = self.setting("secrets_path").value if self._scope.settings.get("secrets_path") else None
        if isinstance(folder, str):
            try:
                return self._read(f"{folder.rstrip('/')}/{name}")
            except FileNotFoundError:
                pass
        where = f"nor a file in {folder}" if folder else "and global_settings has no secrets_path"
        raise _MissingError(
            ReferenceProblem(
                f"the secret {name!r} is not an environment variable, {where}",
                fix=f"set the environment variable {name}, or write the secret to a file {name} in secrets_path",
            )
        )

    def _file(self, path: str) -> str:
        try:
            return self._read(path)
        except FileNotFoundError:
            raise _MissingError(
                ReferenceProblem(f"the file {path!r} does not exist", fix="a relative path starts at the project")
            ) from None

    def _read(self, path: str) -> str:
        try:
            text = self._scope.read_text(path)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise ReferenceProblem(f"the file {path!r} can't be read: {error.strerror or error}") from None
        except UnicodeDecodeError:
            raise ReferenceProblem(f"the file {path!r} is not UTF-8 text") from None
        return text.removesuffix("\n").removesuffix("\r")

    def _work_out(self, kind: str, name: str, value: Plain) -> Filled:
        key = (kind, name)
        if key in self._open:
            names = [open_name for _, open_name in self._open[self._open.index(key) :]]
            raise ReferenceProblem(
                f"values refer to each other in a circle: {' -> '.join([*names, name])}",
                fix="give one of them a value of its own",
            )
        if key not in self._known:
            self._open.append(key)
            filled = self.fill({name: value})
            self._open.pop()
            filled.value = filled.value[name]
            filled.problems = [(path[1:], problem) for path, problem in filled.problems]
            self._known[key] = filled
        return self._known[key]


class _MissingError(Exception):
    """There is no such value; a default may take its place."""

    def __init__(self, problem: ReferenceProblem) -> None:
        super().__init__(problem.message)
        self.problem = problem
