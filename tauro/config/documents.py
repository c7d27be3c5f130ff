"""One of the five documents: its files put together, its environment laid over it, the places of its values known."""

from __future__ import annotations

import datetime
import glob
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from pathlib import PurePath

from tauro.config.files import SUFFIXES, SourceFile, read_file
from tauro.config.findings import DOCUMENTS, ENTRY_KINDS, MANIFEST, Finding, where
from tauro.config.overlay import merge
from tauro.config.parsed import Flaw, Path, Plain, kind_of
from tauro.config.project import Given, Project
from tauro.errors import Problem, did_you_mean
from tauro.model.entry import Source


@dataclass(frozen=True, slots=True)
class Layer:
    """What one file, or a mapping in memory, says about a document."""

    values: Mapping[str, Plain]
    file: SourceFile | None = None
    """None for what was given in memory."""
    inside: Path = ()
    """Where in the file the document stands; empty where it is the whole file."""

    def line_of(self, entry: str) -> int | None:
        """The line of a top key."""
        return self.file.locate((*self.inside, entry))[1] if self.file else None


@dataclass(frozen=True, slots=True)
class Document:
    """A document, merged; references are still as they were written."""

    name: str
    values: Mapping[str, Plain]
    layers: tuple[Layer, ...]
    """The environment's last."""
    homes: Mapping[str, tuple[Layer, ...]]
    """Top key -> the layers that have it, in the same order."""

    def source_of(self, path: Path) -> Source | None:
        """The place of the value at `path`, or of the nearest one above it; None if the document has no file."""
        best: Source | None = None
        best_depth = -1
        for layer in reversed(self.homes.get(str(path[0]), ()) if path else self.layers):
            if layer.file is None:
                continue
            depth, line = layer.file.locate((*layer.inside, *path))
            if depth > best_depth:
                best, best_depth = Source(layer.file.name, line), depth
        return best or next((Source(layer.file.name) for layer in self.layers if layer.file), None)


def load_document(name: str, project: Project) -> tuple[Document, list[Finding]]:
    """The document called `name`, and what is wrong with its files."""
    loading = _Loading(name, project)
    base = list(loading.base(project.documents.get(name)))
    values: dict[str, Plain] = {}
    first: dict[str, Layer] = {}
    for layer in base:
        for key, value in layer.values.items():
            if key in values:
                loading.stands_twice(key, first[key], layer)
            else:
                values[key] = value
                first[key] = layer
    overlay = list(loading.overlay())
    for layer in overlay:
        values = merge(values, layer.values)
    layers = (*base, *overlay)
    homes: dict[str, tuple[Layer, ...]] = {}
    for layer in layers:
        for key in layer.values:
            homes[key] = (*homes.get(key, ()), layer)
    return Document(name, values, layers, homes), loading.findings


def misnamed_overlays(project: Project) -> list[Finding]:
    """Files of the environment's folder that are named like no document, and so would have no effect."""
    if project.overlay is None or not project.overlay.is_dir():
        return []
    return [
        Finding(
            MANIFEST,
            None,
            Problem(
                f"no document is called {path.stem!r}",
                file=project.shown(path),
                notes=(f"documents: {', '.join(DOCUMENTS)}",),
                fix=did_you_mean(path.stem, DOCUMENTS),
            ),
        )
        for path in sorted(project.overlay.iterdir())
        if path.suffix.lower() in SUFFIXES and path.stem not in DOCUMENTS
    ]


class _Loading:
    def __init__(self, name: str, project: Project) -> None:
        self.findings: list[Finding] = []
        self._name = name
        self._project = project

    def base(self, given: Given) -> Iterator[Layer]:
        manifest = self._project.manifest
        if given is None:
            return
        if isinstance(given, Mapping):
            if manifest is None:
                yield Layer(_plain_mapping(given))
            else:
                yield from self._layer(given, manifest, (self._name,))
            return
        patterns = [given] if isinstance(given, str | os.PathLike) else list(given)
        for path in dict.fromkeys(path for pattern in patterns for path in self._matches(os.fspath(pattern))):
            yield from self._file(path)

    def overlay(self) -> Iterator[Layer]:
        folder = self._project.overlay
        if folder is None:
            return
        paths = [path for suffix in SUFFIXES if (path := folder / f"{self._name}{suffix}").is_file()]
        for path in paths[:1]:
            yield from self._file(path)
        for path in paths[1:]:
            self._add(
                None, f"the environment has this document twice, in {paths[0].name}, too", self._project.shown(path)
            )

    def stands_twice(self, key: str, first: Layer, again: Layer) -> None:
        kind = ENTRY_KINDS.get(self._name, "setting")
        known = f"{first.file.name}:{first.line_of(key)}" if first.file else "what was given in memory"
        self._add(
            key,
            f"this {kind} stands in another file, too" if self._name in ENTRY_KINDS else f"{key} stands in two files",
            again.file.name if again.file else None,
            again.line_of(key),
            notes=(f"first in {known}",),
            fix="rename or remove one of them",
        )

    def _matches(self, pattern: str) -> list[FilePath]:
        path = self._project.root / pattern
        if path.is_file():
            return [path]
        if path.is_dir():
            self._missing(f"{pattern!r} is a folder", fix=f"name its files: {pattern.rstrip('/')}/*.yml")
            return []
        found = sorted(glob.glob(str(path), recursive=True)) if glob.has_magic(pattern) else []
        files = [FilePath(name) for name in found if os.path.isfile(name)]
        if not files:
            self._missing(
                f"no file matches {pattern!r}" if glob.has_magic(pattern) else f"there is no file {pattern!r}"
            )
        return files

    def _missing(self, message: str, *, fix: str | None = None) -> None:
        manifest = self._project.manifest
        line = manifest.locate((self._name,))[1] if manifest else None
        self._add(None, message, manifest.name if manifest else None, line, fix=fix)

    def _file(self, path: FilePath) -> Iterator[Layer]:
        file = read_file(path, self._project.shown(path))
        yield from self._layer(file.parsed.value, file, ())

    def _layer(self, value: Plain, file: SourceFile, inside: Path) -> Iterator[Layer]:
        for flaw in file.parsed.flaws:
            if flaw.path[: len(inside)] == inside:
                self._flaw(flaw, file, flaw.path[len(inside) :])
        if value is None:
            return
        if not isinstance(value, dict):
            expected = "a mapping from name to entry" if self._name in ENTRY_KINDS else "a mapping of settings"
            self._add(None, f"expected {expected}, got {kind_of(value)}", file.name, 1 if not inside else None)
            return
        yield Layer({key: item for key, item in value.items() if key != "$schema"}, file, inside)

    def _flaw(self, flaw: Flaw, file: SourceFile, path: Path) -> None:
        self._add(str(path[0]) if path else None, flaw.message, file.name, flaw.line, notes=flaw.notes, fix=flaw.fix)

    def _add(
        self,
        entry: str | None,
        message: str,
        file: str | None,
        line: int | None = None,
        *,
        notes: tuple[str, ...] = (),
        fix: str | None = None,
    ) -> None:
        problem = Problem(message, file=file, line=line, where=where(self._name, entry), notes=notes, fix=fix)
        self.findings.append(Finding(self._name, entry if self._name in ENTRY_KINDS else None, problem))


def _plain_mapping(given: Mapping[str, Plain]) -> dict[str, Plain]:
    return {str(key): _plain(value) for key, value in given.items()}


def _plain(value: Plain) -> Plain:
    """A value given in Python as a file would hold it; what no file can hold stays as it is."""
    if isinstance(value, Mapping):
        return _plain_mapping(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime.date):
        return value.isoformat()
    return str(value) if isinstance(value, PurePath) else value
