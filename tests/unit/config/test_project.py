"""Where a project's documents come from: `tauro.yml`, paths, globs, formats, environments."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tauro.config import Context
from tauro.errors import ConfigError, ProjectError, UnknownNameError

Project = Callable[..., Path]

MANIFEST = """
global_settings: config/settings.yml
pipelines_config: config/pipelines.yml
nodes_config: [config/nodes/*.yml]
input_config: {raw: {path: raw.csv}}
output_config: config/outputs.yml
environments:
  prod: config/prod
"""


@pytest.fixture
def whole(project: Project) -> Path:
    return project(
        {
            "tauro.yml": MANIFEST,
            "config/settings.yml": "max_workers: 2\nretry: {retries: 1, backoff_s: 5}\n",
            "config/pipelines.yml": "daily: {nodes: [a, b]}\n",
            "config/nodes/b.yml": "b: {function: m.b, dependencies: a}\n",
            "config/nodes/a.yml": "a: {function: m.a, input: raw, tags: [x, y]}\n",
            "config/outputs.yml": "",
            "config/prod/global_settings.yml": "retry: {retries: 3}\nmax_workers: 8\n",
            "config/prod/nodes_config.json": '{"a": {"tags": ["z"], "input": null}, "b": null}',
        }
    )


def problems(path: Path, **options: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        Context.from_project(path, **options)
    return [str(problem) for problem in caught.value.problems]


def test_loads_all_documents_named_by_the_manifest(whole: Path) -> None:
    context = Context.from_project(whole)
    assert list(context.nodes) == ["a", "b"], "files of a glob come sorted"
    assert context.pipelines["daily"].nodes == ("a", "b")
    assert context.inputs["raw"].path == ("raw.csv",)
    assert context.settings.max_workers == 2
    assert len(context.outputs) == 0
    assert context.root == whole
    assert context.name == whole.name
    assert context.env is None


def test_takes_the_manifest_itself_as_the_path(whole: Path) -> None:
    assert Context.from_project(whole / "tauro.yml").root == whole


def test_a_folder_without_manifest_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"there is no tauro\.yml in") as caught:
        Context.from_project(tmp_path, strict=False)
    assert caught.value.exit_code == 2


def test_an_environment_merges_mappings_replaces_lists_and_removes_nulls(whole: Path) -> None:
    context = Context.from_project(whole, env="prod")
    assert context.env == "prod"
    assert context.settings.max_workers == 8
    assert (context.settings.retry.retries, context.settings.retry.backoff_s) == (3, 5)
    assert context.nodes["a"].tags == ("z",)
    assert context.nodes["a"].input == ()
    assert context.nodes["a"].function == "m.a"
    assert "b" not in context.nodes


def test_fields_are_placed_in_the_file_that_gave_them(whole: Path) -> None:
    context = Context.from_project(whole, env="prod")
    assert str(context.source_of("nodes_config", "a", "function")) == "config/nodes/a.yml:1"
    assert str(context.source_of("nodes_config", "a", "tags")) == "config/prod/nodes_config.json:1"
    assert str(context.source_of("global_settings", "retry", "backoff_s")) == "config/settings.yml:2"
    assert str(context.source_of("input_config", "raw", "path")) == "tauro.yml:5"
    assert str(context.source_of("tauro", "environments", "prod")) == "tauro.yml:8"


def test_an_unknown_environment_is_named_with_suggestions(whole: Path) -> None:
    with pytest.raises(UnknownNameError, match="unknown environment 'prd'; known: prod") as caught:
        Context.from_project(whole, env="prd")
    assert caught.value.fix == "did you mean 'prod'?"


def test_a_misnamed_file_of_an_environment_is_an_error(whole: Path) -> None:
    (whole / "config/prod/node_config.yml").write_text("a: {}")
    assert problems(whole, env="prod") == [
        "config/prod/node_config.yml  no document is called 'node_config'\n"
        "  documents: global_settings, pipelines_config, nodes_config, input_config, output_config\n"
        "  fix: did you mean 'nodes_config'?"
    ]


def test_an_environment_holds_each_document_once(whole: Path) -> None:
    (whole / "config/prod/nodes_config.yml").write_text("a: {}")
    assert "the environment has this document twice, in nodes_config.yml, too" in problems(whole, env="prod")[0]


def test_an_environment_without_its_folder_is_an_error(project: Project) -> None:
    root = project({"tauro.yml": "environments:\n  prod: nowhere\n"})
    assert problems(root, env="prod") == ["tauro.yml:2  environment 'prod': there is no folder 'nowhere'"]
    Context.from_project(root)


def test_unknown_fields_of_the_manifest_are_errors(project: Project) -> None:
    [problem] = problems(project({"tauro.yml": "nodes_config: {}\nnode_config: {}\n"}))
    assert problem.startswith("tauro.yml:2  unknown field 'node_config'")
    assert problem.endswith("fix: did you mean 'nodes_config'?")


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ("nodes_config: 3", "nodes_config: expected a path, a list of paths or globs, or the document itself, got"),
        ("nodes_config: [1]", "nodes_config: expected a path, a list of paths or globs, or the document itself, got"),
        ("environments: [prod]", "environments: expected a mapping from name to folder, got a list"),
        ("environments: {prod: 3}", "environment 'prod': expected a folder, got the number 3"),
        ("- a", "expected a mapping, got a list"),
        ("nodes_config: nowhere.yml", "nodes_config: there is no file 'nowhere.yml'"),
        ("nodes_config: nodes/*.yml", "nodes_config: no file matches 'nodes/*.yml'"),
        ("nodes_config: .", "nodes_config: '.' is a folder"),
    ],
)
def test_a_manifest_that_names_nothing_usable_is_an_error(project: Project, manifest: str, message: str) -> None:
    [problem] = problems(project({"tauro.yml": manifest}))
    assert message in problem
    assert problem.startswith("tauro.yml")


def test_an_empty_manifest_is_a_project_with_nothing_in_it(project: Project) -> None:
    context = Context.from_project(project({"tauro.yml": "# nothing yet\n"}))
    assert len(context.pipelines) == 0


def test_a_file_that_two_globs_match_is_read_once(project: Project) -> None:
    root = project({"tauro.yml": "nodes_config: [n/a.yml, 'n/*.yml', 'n/**/*.yml']", "n/a.yml": "a: {function: m.a}"})
    assert list(Context.from_project(root).nodes) == ["a"]


def test_the_same_name_in_two_files_names_both_places(project: Project) -> None:
    root = project(
        {
            "tauro.yml": "nodes_config: n/*.yml\nglobal_settings: [s1.yml, s2.yml]",
            "n/1.yml": "x: {function: m.x}\na: {function: m.a}",
            "n/2.yml": "\n\na: {function: m.other}",
            "s1.yml": "max_workers: 1",
            "s2.yml": "max_workers: 2",
        }
    )
    assert problems(root) == [
        "s2.yml:1  global_settings: max_workers stands in two files\n  first in s1.yml:1\n"
        "  fix: rename or remove one of them",
        "n/2.yml:3  node 'a': this node stands in another file, too\n  first in n/1.yml:2\n"
        "  fix: rename or remove one of them",
    ]


def test_json_and_toml_documents_hold_the_same_as_yaml(project: Project) -> None:
    root = project(
        {
            "tauro.yml": "nodes_config: [n.json]\ninput_config: i.toml\nglobal_settings: s.toml",
            "n.json": '{"$schema": "x.json",\n "a": {\n  "function": "m.a", "params": {"n": 1.5}}}',
            "i.toml": '[raw]\npath = "raw.csv"\n\n[raw.options]\nheader = true\n',
            "s.toml": "start_date = 2013-01-01\nvariables.at = 2013-01-01T06:00:00\n",
        }
    )
    context = Context.from_project(root)
    assert context.nodes["a"].params == {"n": 1.5}
    assert context.inputs["raw"].options == {"header": True}
    assert context.settings.start_date == "2013-01-01"
    assert context.settings.variables == {"at": "2013-01-01T06:00:00"}
    assert str(context.source_of("nodes_config", "a", "function")) == "n.json:3"
    assert str(context.nodes["a"].source) == "n.json:2"
    assert str(context.source_of("input_config", "raw", "options", "header")) == "i.toml:5"
    assert str(context.source_of("input_config", "raw", "nowhere")) == "i.toml:1"


@pytest.mark.parametrize(
    ("name", "content", "place", "message"),
    [
        ("n.json", b'{\n "a": }', "n.json:2", "not valid JSON: Expecting value"),
        ("n.json", b'{"a": {"function": "m.a"},\n "a": {}}', "n.json:2", "key 'a' stands twice"),
        ("n.toml", b"a = 1\nb = \n", "n.toml:2", "not valid TOML"),
        ("n.yml", b"a: {function: 1\n", "n.yml:", "not valid YAML"),
        ("n.yml", b"ok: 1\nname: caf\xe9\n", "n.yml:2", "the file is not UTF-8 text"),
        ("n.yml", b"- a\n", "n.yml:1", "expected a mapping from name to entry, got a list"),
        ("n.ini", b"[a]\n", "n.ini", "a file of the format .ini can't be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_its_line(
    project: Project, name: str, content: bytes, place: str, message: str
) -> None:
    root = project({"tauro.yml": f"nodes_config: {name}", name: content})
    first = problems(root)[0]
    assert first.startswith(place)
    assert message in first


def test_a_byte_order_mark_is_no_part_of_the_text(project: Project) -> None:
    root = project({"tauro.yml": "nodes_config: n.yml", "n.yml": "\ufeffa: {function: m.a}".encode()})
    assert list(Context.from_project(root).nodes) == ["a"]


def test_unreadable_documents_are_findings_when_not_strict(project: Project) -> None:
    context = Context.from_project(project({"tauro.yml": "nodes_config: n.yml", "n.yml": "a: ["}), strict=False)
    [finding] = context.findings
    assert (finding.document, finding.entry) == ("nodes_config", None)
    assert len(context.nodes) == 0


def test_the_manifest_may_be_faulty_when_not_strict(project: Project) -> None:
    context = Context.from_project(project({"tauro.yml": "a: ["}), env="prod", strict=False)
    assert [finding.document for finding in context.findings] == ["tauro"]


def test_problems_of_the_manifest_concern_the_whole_project(project: Project) -> None:
    root = project({"tauro.yml": "node_config: {}\nenvironments: {prod: 3}\nnodes_config: 3\n"})
    context = Context.from_project(root, strict=False)
    assert [(finding.document, finding.entry) for finding in context.findings] == [("tauro", None)] * 3


def test_a_file_of_an_environment_without_a_base_document_stands_alone(project: Project) -> None:
    root = project({"tauro.yml": "environments: {prod: p}", "p/nodes_config.toml": '[a]\nfunction = "m.a"\n'})
    assert list(Context.from_project(root, env="prod").nodes) == ["a"]
    assert list(Context.from_project(root).nodes) == []
