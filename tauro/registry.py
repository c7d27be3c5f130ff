"""Plug-ins by name: a format, a session mode or an executor is one file and one row here.

A row is a class, or its place as `package.module:attribute`, which is imported when it is asked for. Packages add
their own by an entry point in the group that the registry names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar, cast

from tauro.errors import MissingExtraError, UnknownNameError

T = TypeVar("T")


class Registry(Generic[T]):
    """Names and what they stand for.

    Args:
        kind: what the names name, for messages: `format`.
        rows: name -> object, or its place as `package.module:attribute`.
        group: the entry-point group in which other packages add rows; None if they can't.
        extras: name -> the extra of Tauro that brings what the row needs, for the install hint.
    """

    def __init__(
        self,
        kind: str,
        rows: Mapping[str, T | str],
        *,
        group: str | None = None,
        extras: Mapping[str, str] | None = None,
    ) -> None:
        self.kind = kind
        self._rows: dict[str, T | str] = dict(rows)
        self._group = group
        self._extras = dict(extras or {})
        self._has_read_entry_points = False

    def __contains__(self, name: object) -> bool:
        if name not in self._rows:
            self._read_entry_points()
        return name in self._rows

    def __iter__(self) -> Iterator[str]:
        self._read_entry_points()
        return iter(sorted(self._rows))

    def __getitem__(self, name: str) -> T:
        """The object registered as `name`, imported if need be.

        Raises:
            UnknownNameError: nothing is registered under `name`.
            MissingExtraError: it needs a package that is not installed.
        """
        if name not in self:
            raise UnknownNameError(self.kind, name, list(self))
        row = self._rows[name]
        if isinstance(row, str):
            row = self._rows[name] = cast("T", self._load(name, row))
        return row

    def add(self, name: str, row: T | str) -> None:
        """Registers `row` as `name`, in place of what stood there."""
        self._rows[name] = row

    def _load(self, name: str, place: str) -> Any:  # Any: what a row holds is known to the registry's owner alone
        module, _, attribute = place.partition(":")
        try:
            return getattr(import_module(module), attribute)
        except ModuleNotFoundError as error:
            missing = (error.name or "").partition(".")[0]
            if missing == module.partition(".")[0] or name not in self._extras:
                raise
            raise MissingExtraError(missing, self._extras[name], needed_for=f"{self.kind} {name!r}") from error

    def _read_entry_points(self) -> None:
        if self._group is None or self._has_read_entry_points:
            return
        self._has_read_entry_points = True
        for point in entry_points(group=self._group):
            self._rows.setdefault(point.name, point.value)
