"""A node: a function or a SQL statement, with inputs, outputs and dependencies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from tauro.model.dataset import InputSpec, Names, OutputSpec
from tauro.model.entry import Entry
from tauro.model.settings import Retry


@dataclass(frozen=True, slots=True)
class InputRef:
    """One slot of a node's inputs: an id to look up, or an entry that stands inline."""

    id: str
    """The id as written; for an inline entry its keyword, or `<position>` counted from 1."""
    keyword: str | None = None
    """The argument that receives it; None where it is passed by position."""
    inline: InputSpec | None = None


@dataclass(frozen=True, slots=True)
class OutputRef:
    """One of a node's outputs: an id to look up, or an entry that stands inline."""

    id: str
    inline: OutputSpec | None = None


def dependency_name(value: object) -> str:
    """The node that one dependency names: a name, or a mapping whose single key is the name.

    Raises:
        ValueError: it is neither; the message says what it is.
    """
    if isinstance(value, str):
        if not value.strip():
            raise ValueError("a dependency is empty text; expected a node's name")
        return value
    if isinstance(value, Mapping):
        if len(value) != 1:
            raise ValueError(
                f"a dependency written as a mapping has one key, the node's name; this one has {len(value)}: "
                f"{', '.join(map(str, value)) or 'none'}"
            )
        return dependency_name(next(iter(value)))
    shown = "null" if value is None else f"{value!r} ({type(value).__name__})"
    raise ValueError(f"a dependency is {shown}; expected a node's name or a one-key mapping")


def dependency_names(value: object) -> tuple[str, ...]:
    """The nodes that a `dependencies` field names, in order and each once; null or nothing names none.

    Raises:
        ValueError: an item is neither a name nor a one-key mapping.
    """
    if value is None:
        return ()
    if isinstance(value, Mapping) and not value:
        return ()
    items = value if isinstance(value, list | tuple | set | frozenset) else [value]
    if isinstance(items, set | frozenset):
        items = sorted(items, key=str)
    return tuple(dict.fromkeys(dependency_name(item) for item in items))


def _input_refs(value: object) -> tuple[InputRef, ...]:
    if value is None:
        return ()
    if isinstance(value, str | InputSpec):
        value = [value]
    if isinstance(value, Mapping):
        return tuple(_input_ref(item, keyword, keyword) for keyword, item in value.items())
    if isinstance(value, list | tuple):
        return tuple(_input_ref(item, str(at), None) for at, item in enumerate(value, start=1))
    raise ValueError(f"expected an id, a list of ids, or a mapping from argument to id; got {type(value).__name__}")


def _input_ref(item: object, made_up: str, keyword: str | None) -> InputRef:
    if isinstance(item, InputRef):
        return item
    if isinstance(item, str):
        return InputRef(item, keyword)
    if isinstance(item, InputSpec):
        return InputRef(item.name or made_up, keyword, item)
    if isinstance(item, Mapping):
        return InputRef(made_up, keyword, InputSpec.parse(made_up, item))
    raise ValueError(f"expected an id or an inline entry, got {item!r}")


def _output_refs(value: object) -> tuple[OutputRef, ...]:
    if value is None:
        return ()
    if isinstance(value, str | OutputSpec):
        value = [value]
    if isinstance(value, Mapping):
        return tuple(_output_ref(item, name) for name, item in value.items())
    if isinstance(value, list | tuple):
        return tuple(_output_ref(item, str(at)) for at, item in enumerate(value, start=1))
    raise ValueError(f"expected an id, a list of ids, or a mapping from id to entry; got {type(value).__name__}")


def _output_ref(item: object, made_up: str) -> OutputRef:
    if isinstance(item, OutputRef):
        return item
    if isinstance(item, str):
        return OutputRef(item)
    if isinstance(item, OutputSpec):
        return OutputRef(item.name or made_up, item)
    if isinstance(item, Mapping):
        return OutputRef(made_up, OutputSpec.parse(made_up, item))
    raise ValueError(f"expected an id or an inline entry, got {item!r}")


_InlineOr = str | dict[str, Any]
InputRefs = Annotated[
    tuple[InputRef, ...],
    BeforeValidator(_input_refs, json_schema_input_type=_InlineOr | list[_InlineOr]),
]
OutputRefs = Annotated[
    tuple[OutputRef, ...],
    BeforeValidator(_output_refs, json_schema_input_type=_InlineOr | list[_InlineOr]),
]
Dependencies = Annotated[
    tuple[str, ...],
    BeforeValidator(dependency_names, json_schema_input_type=str | dict[str, Any] | list[str | dict[str, Any]] | None),
]


class NodeSpec(Entry):
    """An entry of `nodes_config`."""

    function: str | None = Field(default=None, description="Dotted path of a Python function.")
    sql: str | None = Field(default=None, description="One query, or the path of a .sql file.")
    input: InputRefs = Field(default=(), description="Ids, in the order they are passed, or argument: id.")
    output: OutputRefs = Field(default=(), description="Ids of what is written, in the order it is returned.")
    dependencies: Dependencies = Field(default=(), description="Nodes that must be done before.")
    params: dict[str, Any] = Field(default_factory=dict, description="Keyword arguments.")
    hyperparams: dict[str, Any] = Field(default_factory=dict, description="Hyperparameters of this node.")
    metrics: Names = Field(default=(), description="Names of the metrics that an ML node reports.")
    description: str | None = Field(default=None, description="What the node does, for people.")
    tags: Names = Field(default=(), description="Words that select it: --tags.")
    retry: Retry | None = Field(default=None, description="Retries of failed attempts.")
    timeout_s: float | None = Field(default=None, gt=0, description="Seconds that one attempt may take.")

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if (self.function is None) == (self.sql is None):
            raise ValueError("a node has either a function or sql")
        return self
