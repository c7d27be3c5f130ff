"""What a node's result depends on besides its inputs' rows: whether a result from an earlier run still stands."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from threading import Lock
from typing import Any

from tauro.config import Context
from tauro.errors import InvalidValueError
from tauro.exec.code.functions import FunctionError, load_function, parameters_of
from tauro.exec.code.reached import ReachedCode
from tauro.exec.code.sql import sql_text
from tauro.exec.code.stable_text import stable_text
from tauro.model.dataset import InputSpec, OutputSpec
from tauro.model.pipeline import PipelineType
from tauro.model.plan import Plan, PlannedInput, PlannedNode

_NOBODYS = frozenset({"delta", "pyspark", "tauro"})
"""Packages that are no project's, though a node may name a function of theirs."""
_SCHEMA_FILES = (".ddl", ".sql", ".json")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a node is; digests, from which nothing can be read."""

    code: str
    """Of its function and all of the project's code that this reaches, or of its query."""
    configuration: str
    """Of its entry, its inputs' and outputs' entries, the window, and what else it is told."""

    def changed_since(self, earlier: Fingerprint) -> str | None:
        """What has changed, such as `its code has changed`; None if nothing has."""
        changed = [name for name in ("code", "configuration") if getattr(self, name) != getattr(earlier, name)]
        if not changed:
            return None
        return f"its {' and its '.join(changed)} {'has' if len(changed) == 1 else 'have'} changed"


class Fingerprints:
    """The fingerprints of a plan's nodes; for many threads.

    All are taken when the first is asked for, which had better be before any node runs: what nodes do to the values in
    their modules is no change of the code.

    Args:
        context: the project, with the run's values filled in.
        plan: what runs; the modules of its functions can be imported.
        ml_info: what machine-learning nodes are told besides what the project says.
    """

    def __init__(self, context: Context, plan: Plan, ml_info: Mapping[str, Any] | None = None) -> None:
        self._context = context
        self._plan = plan
        self._ml_info = ml_info
        functions = (node.spec.function for node in plan.nodes.values())
        tops = {path.partition(".")[0] for path in functions if path}
        self._code = ReachedCode(tops - sys.stdlib_module_names - _NOBODYS)
        self._codes: dict[str, str] = {}
        self._shared: str | None = None
        self._taken: dict[str, Fingerprint] | None = None
        self._lock = Lock()

    def of(self, node: PlannedNode) -> Fingerprint:
        """The fingerprint of a node.

        Raises:
            FunctionError: its function can't be had.
            InvalidValueError: the file of its query can't be read.
        """
        with self._lock:
            if self._taken is None:
                self._taken = dict(self._take_all())
            return self._taken.get(node.name) or self._take(node)

    def _take_all(self) -> Iterator[tuple[str, Fingerprint]]:
        """Those of all nodes whose function or query is there."""
        for name, node in self._plan.nodes.items():
            with suppress(FunctionError, InvalidValueError):
                yield name, self._take(node)

    def _take(self, node: PlannedNode) -> Fingerprint:
        path = node.spec.function
        if path is None:
            code = _digest(sql_text(self._context, node.spec))
        elif path in self._codes:
            code = self._codes[path]
        else:
            load_function(path)
            code = self._codes[path] = self._code.digest(path)
        return Fingerprint(code, self._configuration(node))

    def _configuration(self, node: PlannedNode) -> str:
        spec, pipeline = node.spec, self._plan.pipeline
        parts: list[object] = [
            spec.function,
            spec.params,
            spec.hyperparams,
            spec.metrics,
            [self._input(one) for one in node.inputs],
            [(one.id, _entry(one.spec)) for one in node.outputs],
        ]
        is_learning = bool(spec.hyperparams) or pipeline.type is PipelineType.ML
        if not is_learning and spec.function is not None:
            is_learning = "ml_context" in parameters_of(load_function(spec.function)).names
        if is_learning:
            settings = self._context.settings
            parts.append((settings.default_hyperparams, settings.default_model_version))
            parts.append((pipeline.hyperparams, pipeline.model_version, self._ml_info))
        return _digest(f"{self._told_to_all()} {_text(parts)}")

    def _told_to_all(self) -> str:
        """What is the same for all nodes of the plan."""
        if self._shared is None:
            window = self._plan.window
            self._shared = _text([window and (window.start, window.end), self._plan.pipeline.spark_config])
        return self._shared

    def _input(self, one: PlannedInput) -> tuple[object, ...]:
        if one.spec is not None:
            return (one.id, one.keyword, _entry(one.spec), self._schema_file(one.spec))
        return (one.id, one.keyword, None if one.output is None else _entry(one.output))

    def _schema_file(self, spec: InputSpec) -> str | None:
        """What is in the file that an input's schema names."""
        text = (spec.schema_ or "").strip()
        if not text.lower().endswith(_SCHEMA_FILES) or "\n" in text:
            return None
        try:
            return Path(self._context.resolve_path(text)).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None  # the read says so


def _entry(spec: InputSpec | OutputSpec) -> dict[str, Any]:  # Any: whatever fields an entry has
    return spec.model_dump(mode="json", by_alias=True)


def _text(value: object) -> str:
    """A document as text: the order of names in it does not count."""
    return stable_text(value, _other, is_ordered=False)


def _other(value: object) -> str:
    """What only projects made in Python hold, as they show it."""
    return stable_text(dict(value), _other, is_ordered=False) if isinstance(value, Mapping) else repr(value)


def _digest(text: str) -> str:
    return blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()
