"""What every entry of a document has in common: a name, a place in the user's files, and fields that are checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, PrivateAttr


@dataclass(frozen=True, slots=True)
class Source:
    """Where an entry stands in the user's files."""

    file: str
    """The file as the user would name it, relative to the project."""
    line: int | None = None
    """Counted from 1; None where the format does not tell."""

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


class Entry(BaseModel):
    """An immutable entry of a document; unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=False, protected_namespaces=())

    _name: str = PrivateAttr(default="")
    _source: Source | None = PrivateAttr(default=None)

    @classmethod
    def parse(cls, name: str, fields: Mapping[str, Any], source: Source | None = None) -> Self:
        """The entry called `name` from its fields.

        Raises:
            pydantic.ValidationError: with every field that is wrong, each with its path.
        """
        entry = cls.model_validate(fields)
        entry._name = name
        entry._source = source
        return entry

    @property
    def name(self) -> str:
        """The key under which the entry stands in its document; an inline entry's made-up name."""
        return self._name

    @property
    def source(self) -> Source | None:
        """The place in the user's files; None for entries given in memory."""
        return self._source
