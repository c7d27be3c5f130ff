"""From a project's files to entries that can be used: read, merge, fill in references, check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from tauro.config.catalog import Catalog
from tauro.config.collector import collector_paused
from tauro.config.documents import Document, load_document, misnamed_overlays
from tauro.config.explain import Explanation, explain
from tauro.config.findings import DOCUMENTS, ENTRY_KINDS, Finding, where
from tauro.config.interpolation import FaultElsewhereError, Filled, Interpolator, Scope
from tauro.config.parsed import Path, Plain, dotted, kind_of
from tauro.config.project import Project
from tauro.config.secrets import redact
from tauro.errors import Problem
from tauro.model.dataset import InputSpec, OutputSpec
from tauro.model.entry import Entry, Source
from tauro.model.node import NodeSpec
from tauro.model.pipeline import PipelineSpec
from tauro.model.settings import GlobalSettings

SPECS: dict[str, type[Entry]] = {
    "pipelines_config": PipelineSpec,
    "nodes_config": NodeSpec,
    "input_config": InputSpec,
    "output_config": OutputSpec,
}
"""What the entries of each document become."""
_SETTINGS = "global_settings"


@dataclass(slots=True)
class Loaded:
    """A loaded project; nobody changes it once `load` or `for_run` has handed it out."""

    documents: Mapping[str, Document]
    scope: Scope
    settings: GlobalSettings
    values: dict[str, dict[str, Plain]] = field(default_factory=dict)
    """By document: its content, merged and filled in."""
    entries: dict[str, dict[str, Entry]] = field(default_factory=dict)
    """By document but global_settings: the usable entries."""
    faulty: dict[str, dict[str, tuple[Problem, ...]]] = field(default_factory=dict)
    waiting: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By document: the entries that refer to the run's own values."""
    findings: list[Finding] = field(default_factory=list)
    secrets: frozenset[str] = frozenset()

    def catalog(self, document: str) -> Catalog[Entry]:
        """The entries of one document."""
        return Catalog(ENTRY_KINDS[document], self.entries[document], self.faulty[document])


def load(
    project: Project,
    variables: Mapping[str, Plain],
    environ: Mapping[str, str],
    read_text: Callable[[str], str],
) -> Loaded:
    """Loads `project`; what is wrong with it is among the findings, and never raised."""
    findings = [*project.findings, *misnamed_overlays(project)]
    documents: dict[str, Document] = {}
    with collector_paused():
        for name in DOCUMENTS:
            documents[name], found = load_document(name, project)
            findings += found
        values = dict(documents[_SETTINGS].values)
        declared = values.get("variables")
        if variables and (declared is None or isinstance(declared, dict)):
            values["variables"] = {**(declared or {}), **variables}
        own = values.get("variables")
        scope = Scope(own if isinstance(own, dict) else {}, values, environ, read_text)
        step = _Step(documents, scope, findings)
        settings = step.settings(frozenset(variables))
        loaded = Loaded(documents, scope, settings)
        for name in ENTRY_KINDS:
            step.fill(name, documents[name].values, loaded)
    return step.finish(loaded, project)


def for_run(loaded: Loaded, run: Mapping[str, str], project: Project, from_command: frozenset[str]) -> Loaded:
    """`loaded` with the run's own values filled in; only what refers to them is worked out again."""
    scope = replace(loaded.scope, run=run)
    with collector_paused():
        step = _Step(loaded.documents, scope, list(loaded.findings))
        settings = step.settings(from_command) if _SETTINGS in loaded.waiting else loaded.settings
        again = Loaded(loaded.documents, scope, settings, secrets=loaded.secrets)
        again.values[_SETTINGS] = loaded.values[_SETTINGS]
        for name in ENTRY_KINDS:
            again.values[name] = dict(loaded.values[name])
            again.entries[name] = dict(loaded.entries[name])
            again.faulty[name] = dict(loaded.faulty[name])
            raw = loaded.documents[name].values
            step.fill(name, {entry: raw[entry] for entry in loaded.waiting[name]}, again)
    return step.finish(again, project)


class _Step:
    """One pass over the documents with one scope."""

    def __init__(self, documents: Mapping[str, Document], scope: Scope, findings: list[Finding]) -> None:
        self._documents = documents
        self._scope = scope
        self._interpolator = Interpolator(scope)
        self._known = set(findings)
        self._findings = findings
        self._settings_values: dict[str, Plain] | None = None
        self._settings_wait = False

    def settings(self, from_command: frozenset[str]) -> GlobalSettings:
        """The document global_settings; fields that are wrong are left at their defaults."""
        values: dict[str, Plain] = {}
        faulty: set[str] = set()
        for key, raw in self._scope.settings.items():
            if key == "variables" and isinstance(raw, dict):
                parts = {name: self._interpolator.variable(name) for name in raw}
                values[key] = {name: part.value for name, part in parts.items()}
                for name, part in parts.items():
                    self._told(part, _SETTINGS, None, (key, name), is_in_file=name not in from_command)
                    self._settings_wait |= part.waits_for_run
                continue
            filled = self._interpolator.setting(key)
            values[key] = filled.value
            self._settings_wait |= filled.waits_for_run
            if self._told(filled, _SETTINGS, None, (key,)):
                faulty.add(key)
        self._settings_values = values
        usable = {key: value for key, value in values.items() if key not in faulty}
        try:
            return GlobalSettings.parse(_SETTINGS, usable)
        except ValidationError as error:
            for told in explain(GlobalSettings, usable, error):
                self._explained(_SETTINGS, None, (), told)
                usable.pop(str(told.path[0]), None) if told.path else usable.clear()
        return GlobalSettings.parse(_SETTINGS, usable)

    def fill(self, document: str, raw: Mapping[str, Plain], into: Loaded) -> None:
        """Turns the entries `raw` of a document into specs, in place of what `into` knows of them."""
        spec = SPECS[document]
        values, entries = into.values.setdefault(document, {}), into.entries.setdefault(document, {})
        faulty, waiting = into.faulty.setdefault(document, {}), []
        flawed = {finding.entry for finding in self._findings if finding.document == document}
        source_of = self._documents[document].source_of
        fill = self._interpolator.fill
        for name, written in raw.items():
            filled = fill(written)
            if filled.waits_for_run:
                waiting.append(name)
            fields = values[name] = {} if filled.value is None else filled.value
            is_faulty = self._told(filled, document, name, (name,)) if filled.problems else False
            if not is_faulty:
                entry = self._parse(spec, document, name, fields, source_of((name,)))
                if entry is not None and name not in flawed:
                    entries[name] = entry
                    faulty.pop(name, None)
                    continue
            entries.pop(name, None)
            faulty[name] = ()
        into.waiting[document] = tuple(waiting)

    def finish(self, loaded: Loaded, project: Project) -> Loaded:
        """Puts the findings in order, with no secret in them, and those of unusable entries beside their names."""
        if self._settings_values is not None:
            loaded.values[_SETTINGS] = self._settings_values
        if self._settings_wait:
            loaded.waiting[_SETTINGS] = ()
        loaded.secrets |= self._interpolator.secrets
        files = [project.manifest] if project.manifest else []
        files += [layer.file for name in DOCUMENTS for layer in self._documents[name].layers if layer.file]
        order = {file.name: at for at, file in reversed(list(enumerate(files)))}
        findings = [replace(each, problem=_without_secrets(each.problem, loaded.secrets)) for each in self._findings]
        findings.sort(key=lambda each: (order.get(each.problem.file or "", len(order)), each.problem.line or 0))
        loaded.findings = findings
        for finding in findings:
            if finding.entry is not None and finding.entry in loaded.faulty.get(finding.document, ()):
                known = loaded.faulty[finding.document][finding.entry]
                if finding.problem not in known:
                    loaded.faulty[finding.document][finding.entry] = (*known, finding.problem)
        for document, faulty in loaded.faulty.items():
            for name, problems in faulty.items():
                if not problems:
                    message = "it refers to a variable or setting that has a problem of its own"
                    faulty[name] = (Problem(message, where=where(document, name)),)
        return loaded

    def _parse(self, spec: type[Entry], document: str, name: str, fields: Plain, source: Source | None) -> Entry | None:
        if not isinstance(fields, dict):
            told = Explanation((), f"expected a mapping of fields, got {kind_of(fields)}")
            self._explained(document, name, (name,), told)
            return None
        if document == "nodes_config" and "name" in fields:
            fields = dict(fields)
            own = fields.pop("name")
            if own != name:
                told = Explanation(("name",), f"its name is {own!r}", fix=f"leave the field name out, or write {name}")
                self._explained(document, name, (name,), told)
                return None
        try:
            return spec.parse(name, fields, source)
        except ValidationError as error:
            for told in explain(spec, fields, error):
                self._explained(document, name, (name,), told)
            return None

    def _told(self, filled: Filled, document: str, entry: str | None, at: Path, *, is_in_file: bool = True) -> bool:
        """Adds what is wrong with the references of a value; whether anything is."""
        for path, problem in filled.problems:
            if isinstance(problem, FaultElsewhereError):
                continue
            inside = (*at, *path)
            field_name = dotted(inside if entry is None else inside[1:])
            message = f"{field_name}: {problem.message}" if field_name else problem.message
            told = Explanation(path, message, problem.notes, problem.fix)
            self._explained(document, entry, at, told, is_in_file=is_in_file)
        return bool(filled.problems)

    def _explained(
        self, document: str, entry: str | None, at: Path, told: Explanation, *, is_in_file: bool = True
    ) -> None:
        source = self._documents[document].source_of((*at, *told.path)) if is_in_file else None
        problem = Problem(
            told.message,
            file=source.file if source else None,
            line=source.line if source else None,
            where=where(document, entry) if is_in_file else "--set",
            notes=told.notes,
            fix=told.fix,
        )
        finding = Finding(document, entry, problem)
        if finding not in self._known:
            self._known.add(finding)
            self._findings.append(finding)


def _without_secrets(problem: Problem, secrets: frozenset[str]) -> Problem:
    if not secrets:
        return problem
    notes = tuple(redact(note, secrets) for note in problem.notes)
    fix = redact(problem.fix, secrets) if problem.fix else None
    return replace(problem, message=redact(problem.message, secrets), notes=notes, fix=fix)
