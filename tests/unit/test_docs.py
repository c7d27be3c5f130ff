"""README and docs say what the code does: fields, defaults, formats, commands, exit codes, examples and links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from tauro import errors
from tauro.cli.edge import INTERRUPTED, TRANSIENT
from tauro.cli.main import COMMANDS
from tauro.cli.options import _GROUPS
from tauro.config import Context
from tauro.config.findings import DOCUMENTS
from tauro.config.project import ENVIRONMENTS
from tauro.io.formats import FORMATS
from tauro.io.formats.delta import _OWN
from tauro.io.formats.files import COMMON_READER_OPTIONS, COMMON_WRITER_OPTIONS, FileFormat
from tauro.model import events
from tauro.model.dataset import InputSpec, OutputSpec, OverwriteScope, WriteMode
from tauro.model.node import NodeSpec
from tauro.model.outcome import Status
from tauro.model.pipeline import PipelineSpec
from tauro.model.settings import BreakerSpec, FormatPolicy, GlobalSettings, RetrySpec

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
CONFIGURATION = ROOT / "docs" / "configuration.md"
PYTHON = ROOT / "docs" / "python.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
MODELS: dict[str, type[BaseModel]] = {
    "global_settings": GlobalSettings,
    "pipelines_config": PipelineSpec,
    "nodes_config": NodeSpec,
    "input_config": InputSpec,
    "output_config": OutputSpec,
    "retry": RetrySpec,
    "circuit_breaker": BreakerSpec,
    "format_policy": FormatPolicy,
}
FOR_NODES_ALONE = {"name"}
"""A field of nodes that loading takes away before the model sees it."""


def section(text: str, heading: str) -> str:
    """What stands below a heading, up to the next of the same or a higher level."""
    found = re.search(rf"^(#+) {re.escape(heading)}$", text, re.MULTILINE)
    assert found, f"there is no heading {heading!r}"
    rest = text[found.end() :]
    end = re.search(rf"^#{{1,{len(found[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def table(text: str) -> list[list[str]]:
    """The rows of the first table, without its head."""
    lines = re.search(r"(?:^\|.*\n?)+", text, re.MULTILINE)
    assert lines, "there is no table"
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[0].splitlines()[2:]]


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def fields_of(document: str) -> dict[str, str]:
    """Field -> default, as the page says."""
    rows = table(section(CONFIGURATION.read_text(), document))
    return {name: row[1] for row in rows for name in quoted(row[0])}


def blocks(page: Path, language: str) -> Iterator[tuple[str, str]]:
    """The code blocks of a page, each with the line it begins in for test names."""
    text = page.read_text()
    for found in re.finditer(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield f"{page.name}:{text.count(chr(10), 0, found.start()) + 1}", found[1]


def yaml_blocks() -> list[Any]:
    return [pytest.param(body, id=name) for page in PAGES for name, body in blocks(page, "yaml")]


def links() -> list[Any]:
    return [
        pytest.param(page, target, id=f"{page.name}-{target}")
        for page in PAGES
        for target in dict.fromkeys(re.findall(r"\]\(([^)\s]+)\)", page.read_text()))
        if not re.match(r"[a-z]+:", target)
    ]


def anchors(page: Path) -> set[str]:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    made = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.+)$", text, re.M)}
    return made | set(re.findall(r'<a name="([^"]+)">', text))


@pytest.mark.parametrize("document", MODELS)
def test_the_page_names_every_field_and_no_other(document: str) -> None:
    names = {field.alias or name for name, field in MODELS[document].model_fields.items()}
    if document == "nodes_config":
        names |= FOR_NODES_ALONE
    assert set(fields_of(document)) == names


@pytest.mark.parametrize("document", MODELS)
def test_the_page_tells_every_default(document: str) -> None:
    model = MODELS[document]
    told = fields_of(document)
    for name, field in model.model_fields.items():
        cell = told[field.alias or name]
        if cell == "required":
            assert field.is_required(), name
            continue
        default = field.get_default(call_default_factory=True)
        if cell == "none":
            assert default is None, name
            continue
        given = yaml.safe_load(quoted(cell)[0])
        complete: dict[str, Any] = {"nodes": ["a"]} if model is PipelineSpec else {}
        if model is NodeSpec:
            complete = {"function": "a.b"}
        assert getattr(model.model_validate({**complete, (field.alias or name): given}), name) == default, name


def test_the_page_tells_what_every_format_can_do() -> None:
    rows = {quoted(row[0])[0]: row[1:] for row in table(section(CONFIGURATION.read_text(), "Formats"))}
    assert set(rows) == set(FORMATS)
    for name, (modes, scopes, partitions, evolves, nested) in rows.items():
        can = FORMATS[name].capabilities
        assert can.can_read
        if not can.write_modes:
            assert modes == "only read", name
            continue
        assert modes.split(", ") == [mode.value for mode in WriteMode if mode in can.write_modes], name
        assert scopes.split(", ") == [scope.value for scope in OverwriteScope if scope in can.overwrite_scopes], name
        flags = (can.partition_by, can.schema_evolution, can.holds_nested)
        assert (partitions, evolves, nested) == tuple("yes" if flag else "no" for flag in flags), name


def test_the_page_lists_every_option() -> None:
    text = section(CONFIGURATION.read_text(), "Formats").partition("<details>")[2]
    common = set(quoted(text.partition("|")[0]))
    assert common == COMMON_READER_OPTIONS | COMMON_WRITER_OPTIONS
    for name, reading, writing in table(text):
        form: Any = FORMATS[name]  # Any: options are declared by the formats that come with Tauro, not by the protocol
        more = {f"{prefix}*" for prefix in form.option_prefixes if prefix}
        is_file = isinstance(form, FileFormat)
        assert set(quoted(reading)) == (form.reader_options - (COMMON_READER_OPTIONS if is_file else set())) | more
        if name == "table":
            assert quoted(writing) == ["provider"]
        elif form.capabilities.write_modes:
            own = form.writer_options - (COMMON_WRITER_OPTIONS if is_file else set())
            assert set(quoted(writing)) == own | more, name
    named = {row[0] for row in table(text)}
    assert named == {
        name for name in FORMATS if getattr(FORMATS[name], "reader_options", None) or name in ("jdbc", "table")
    }


def test_the_page_names_the_delta_options_that_are_tauros_to_set() -> None:
    (line,) = re.findall(r"^- \*\*delta\*\* .*?(?=^- )", CONFIGURATION.read_text(), re.MULTILINE | re.DOTALL)
    assert set(_OWN) - set(quoted(line)) <= {"txnVersion"}


def test_the_page_names_every_status_and_option_of_selection() -> None:
    running = section(CONFIGURATION.read_text(), "Running")
    assert set(map(str, Status)) <= set(quoted(running))
    assert CONFIGURATION.read_text().count("`--json`") > 0
    options = {option for give in _GROUPS["selection"] for option in _flags(give)}
    assert options <= {word.partition(" ")[0] for word in quoted(running)}


def _flags(give: Any) -> list[str]:
    """The names of one of click's option decorators."""

    def command() -> None: ...

    give(command)
    return [flag for option in command.__click_params__ for flag in option.opts]  # type: ignore[attr-defined]  # click's


@pytest.mark.parametrize("command", COMMANDS)
def test_readme_names_every_command(command: str) -> None:
    assert f"`tauro {command}`" in README.read_text()


def test_the_exit_codes_are_those_of_the_errors() -> None:
    told = {int(row[0]) for row in table(section(CONFIGURATION.read_text(), "Exit codes"))}
    tree = [errors.TauroError]
    for kind in tree:
        tree += kind.__subclasses__()
    assert told == {0, TRANSIENT, INTERRUPTED, *(kind.exit_code for kind in tree if kind.__module__ == errors.__name__)}
    in_readme = re.search(r"Exit codes: (.*?)\.\n", README.read_text(), re.DOTALL)
    assert in_readme
    assert {int(code) for code in re.findall(r"\b\d+\b", in_readme[1])} == told


def test_the_python_page_names_every_event_with_its_fields() -> None:
    rows = {quoted(row[0])[0]: quoted(row[1]) for row in table(section(PYTHON.read_text(), "Events"))}
    assert rows == {kind.__name__: list(kind.__dataclass_fields__) for kind in events.Event.__args__}


def test_the_python_page_names_every_error_class_that_a_caller_meets() -> None:
    named = set(quoted(section(PYTHON.read_text(), "Errors")))
    assert {
        kind.__name__ for kind in errors.ProjectError.__subclasses__() if kind.__module__ == errors.__name__
    } <= named
    assert {"RunFailedError", "RunInterruptedError", "SessionError"} <= named


@pytest.mark.parametrize("body", yaml_blocks())
def test_yaml_examples_are_right(body: str, tmp_path: Path) -> None:
    documents: dict[str, Any] = {}
    parts = re.split(rf"^# ({'|'.join(DOCUMENTS)})$", body, flags=re.MULTILINE)
    if len(parts) > 1:
        assert not parts[0].strip()
        documents = {name: yaml.safe_load(text) for name, text in zip(parts[1::2], parts[2::2], strict=True)}
    else:
        documents = yaml.safe_load(body)
        assert set(documents) <= {*DOCUMENTS, ENVIRONMENTS}, "say of which document it is: # nodes_config"
        documents.pop(ENVIRONMENTS, None)
    for name, value in documents.items():
        if not isinstance(value, dict):  # a path; any file will do
            documents[name] = {}
    settings = {"input_path": "data", "output_path": "output", **documents.pop("global_settings", {})}
    context = Context(settings, root=tmp_path, **documents)
    assert not context.findings


def test_the_first_example_is_a_complete_project_whose_nodes_connect(tmp_path: Path) -> None:
    from tauro.exec import check_project, make_plan
    from tauro.model import Window

    _, body = next(blocks(CONFIGURATION, "yaml"))
    (tmp_path / "tauro.yml").write_text(body)
    (tmp_path / "shop.py").write_text("def clean_orders(orders, min_quantity):\n    return orders\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "orders.csv").write_text("id,day,quantity\n")
    context = Context.from_project(tmp_path)
    window = Window.parse("2025-01-01", "2025-01-31")
    assert check_project(context, "daily", window) == []
    assert make_plan(context, "daily", window).order == ("clean", "by_day")


@pytest.mark.parametrize(("page", "target"), links())
def test_links_lead_somewhere(page: Path, target: str) -> None:
    path, _, anchor = target.partition("#")
    there = (page.parent / path).resolve() if path else page
    assert there.exists()
    if anchor:
        assert anchor in anchors(there)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_examples_compile(page: Path) -> None:
    for name, body in blocks(page, "python"):
        compile(body, name, "exec")
