"""`validate`, `plan`, `graph`, `list`, `show`, `schema`, `init` and `completion` on a small project."""

from __future__ import annotations

import json
import sys
from xml.etree import ElementTree

import pytest

DAYS = ("--start", "2025-01-01", "--end", "2025-01-02")


def spoil(project, name: str, old: str, new: str) -> None:
    """Changes a file of the project."""
    text = (project / name).read_text()
    assert old in text
    (project / name).write_text(text.replace(old, new))


def test_validate_counts_what_is_right(project, tauro):
    called = tauro("validate")
    assert (called.code, called.out) == (0, "shop: 2 pipelines, 5 nodes: no problems\n")


def test_validate_reports_every_problem_with_its_place_and_counts_them(project, tauro):
    spoil(project, "nodes.yml", "dependencies: [report, customers]", "dependencies: [reprot, customers]")
    spoil(project, "nodes.yml", "cli_project_jobs.clean", "cli_project_jobs.cleen")
    called = tauro("validate")
    assert called.code == 2
    assert "nodes.yml:24  node 'notify'" in called.out
    assert "nodes.yml:6  node 'clean'" in called.out
    assert "did you mean 'report'?" in called.out
    assert called.out.splitlines()[-1] == "2 errors, 0 warnings"


def test_validate_quiet_shows_errors_alone(project, tauro):
    assert tauro("validate", "--quiet").out == ""
    spoil(project, "nodes.yml", "cli_project_jobs.clean", "cli_project_jobs.cleen")
    called = tauro("validate", "--quiet")
    assert (called.code, called.out) == (2, "")
    assert "cleen" in called.err


def test_validate_json_has_the_promised_fields(project, tauro):
    spoil(project, "nodes.yml", "cli_project_jobs.clean", "cli_project_jobs.cleen")
    called = tauro("validate", "--json")
    assert called.code == 2
    assert called.document["schema_version"] == 1
    (problem,) = called.document["problems"]
    assert problem.keys() == {"severity", "file", "line", "where", "message", "fix"}
    assert (problem["severity"], problem["file"], problem["line"]) == ("error", "nodes.yml", 6)


def test_problems_of_other_pipelines_are_warnings(project, tauro):
    spoil(project, "nodes.yml", "cli_project_jobs.report", "cli_project_jobs.reprot")
    called = tauro("validate", "--pipeline", "adhoc")
    assert called.code == 0
    assert called.out.splitlines()[-1] == "0 errors, 1 warning"


def test_plan_tells_order_inputs_outputs_promises_and_reasons(project, tauro):
    called = tauro("plan", "--pipeline", "daily", *DAYS, "--from", "clean")
    assert called.code == 0
    for line in (
        "pipeline    daily",
        "window      2025-01-01 .. 2025-01-02",
        "  runs      cli_project_jobs.clean",
        f"  writes    silver.orders: {project}/out/silver/orders (parquet, overwrite the window by day)",
        "            readers see the window's old rows until the new ones are written; other rows are untouched",
        "            swapped in as a whole folder, in one step",
        "  retries   2, after 1 to 60 s",
    ):
        assert line in called.out.splitlines()
    assert "  because   " in called.out


def test_plan_json_has_the_promised_fields(project, tauro):
    document = tauro("plan", "--pipeline", "daily", *DAYS, "--json").document
    assert document["schema_version"] == 1
    assert document["pipeline"] == "daily"
    assert document["window"] == {"start": "2025-01-01", "end": "2025-01-02"}
    assert document["order"] == [node["name"] for node in document["nodes"]]
    report = next(node for node in document["nodes"] if node["name"] == "report")
    assert {"inputs", "outputs", "dependencies"} <= report.keys()
    assert [(item["keyword"], item["origin"], item["node"]) for item in report["inputs"]] == [
        ("orders", "output", "clean"),
        ("people", "returned", "customers"),
    ]


def test_plan_json_tells_how_each_output_would_be_published(project, tauro):
    (project / "out/gold/report/_delta_log").mkdir(parents=True)
    protocol = '{"protocol":{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":["clustering"]}}'
    (project / f"out/gold/report/_delta_log/{0:020}.json").write_text(protocol)
    spoil(project, "tauro.yml", "environments:", "  gold.report: {format: delta}\nenvironments:")
    document = tauro("plan", "--pipeline", "daily", *DAYS, "--json").document
    published = {output["id"]: output["publishing"] for node in document["nodes"] for output in node["outputs"]}
    assert published["silver.orders"] == {
        "way": "swap",
        "how": "swapped in as a whole folder, in one step",
        "limits": [],
    }
    assert published["gold.report"]["way"] == "direct_commit"
    assert published["gold.report"]["how"].endswith("the table is clustered")
    assert len(published["gold.report"]["limits"]) == 1
    lines = tauro("plan", "--pipeline", "daily", *DAYS).out.splitlines()
    at = lines.index(f"            {published['gold.report']['how']}")
    assert lines[at + 1] == f"            but {published['gold.report']['limits'][0]}"


def test_plan_of_a_wrong_project_reports_all_of_it_and_ends_with_2(project, tauro):
    spoil(project, "nodes.yml", "cli_project_jobs.clean", "cli_project_jobs.cleen")
    spoil(project, "nodes.yml", "cli_project_jobs.extract", "cli_project_jobs.extrat")
    called = tauro("plan", "--pipeline", "daily", *DAYS)
    assert called.code == 2
    assert "cleen" in called.err
    assert "extrat" in called.err
    machine = tauro("plan", "--pipeline", "daily", *DAYS, "--json")
    assert len(machine.document["problems"]) == 2


def test_graph_is_mermaid_on_standard_output(project, tauro):
    called = tauro("graph", "--pipeline", "daily")
    assert called.code == 0
    lines = called.out.splitlines()
    assert lines[0] == "flowchart LR"
    ids = {line.split('"')[1]: line.split("[")[0].strip() for line in lines if '"' in line}
    assert f"    {ids['extract']} --> {ids['clean']}" in lines
    assert f"    {ids['report']} -.-> {ids['notify']}" in lines


@pytest.mark.parametrize("name", ["g.svg", "g.html"])
def test_graph_files_are_well_formed_and_name_every_node(project, tauro, name):
    called = tauro("graph", "--pipeline", "daily", "-o", name)
    assert (called.code, called.out) == (0, f"wrote {name}\n")
    text = (project / name).read_text()
    root = ElementTree.fromstring(text.removeprefix("<!DOCTYPE html>"))
    everything = " ".join(root.itertext())
    for node in ("extract", "clean", "customers", "report", "notify"):
        assert node in everything
    assert "http" not in text.replace("http://www.w3.org/2000/svg", ""), "loads nothing from elsewhere"


def test_graph_names_dates_that_it_does_not_know(project, tauro):
    spoil(project, "tauro.yml", "path: out/silver/orders", "path: out/silver/${start_date}")
    assert tauro("graph", "-p", "daily", "-o", "g.svg").code == 0
    assert "out/silver/{start_date}" in (project / "g.svg").read_text()


def test_graph_draws_a_selection(project, tauro):
    out = tauro("graph", "-p", "daily", "--to", "clean").out
    assert "clean" in out
    assert "report" not in out


def test_list_shows_pipelines(project, tauro):
    rows = [line.split() for line in tauro("list").out.splitlines()]
    assert ["daily", "batch", "5", "core", "Orders,", "cleaned", "&", "counted"] in rows
    assert ["adhoc", "batch", "2"] in rows


def test_list_shows_the_nodes_of_a_pipeline(project, tauro):
    out = tauro("list", "--pipeline", "adhoc").out
    assert "nodes.yml:5" in out
    assert "report" not in out
    assert "report" in tauro("list", "--nodes").out


def test_list_json(project, tauro):
    document = tauro("list", "--json").document
    assert [(one["name"], one["nodes"]) for one in document["pipelines"]][1] == ("adhoc", ["extract", "clean"])
    clean = next(node for node in document["nodes"] if node["name"] == "clean")
    assert (clean["pipelines"], clean["source"]) == (["daily", "adhoc"], "nodes.yml:5")


def test_list_of_an_unknown_pipeline_is_an_error(project, tauro):
    called = tauro("list", "--pipeline", "dayly")
    assert called.code == 2
    assert "did you mean 'daily'?" in called.err


def test_show_node_tells_its_definition_resolved(project, tauro):
    lines = tauro("show", "node", "clean").out.splitlines()
    for line in (
        "clean",
        "  defined   nodes.yml:5",
        f"  reads     bronze.orders: {project}/out/bronze/orders as node extract writes it",
        "  params      threshold = 3",
        "  about     Drops what is broken",
        "  pipelines daily, adhoc",
    ):
        assert line in lines


def test_show_node_json(project, tauro):
    document = tauro("show", "node", "clean", "--json").document
    assert (document["file"], document["line"], document["params"]) == ("nodes.yml", 5, {"threshold": 3})
    assert document["retry"] == {"retries": 2, "backoff_s": 1.0, "max_backoff_s": 60.0}


def test_show_node_that_no_pipeline_has(project, tauro):
    with (project / "nodes.yml").open("a") as file:
        file.write("lonely: {function: cli_project_jobs.notify, input: []}\n")
    assert "none: it never runs" in tauro("show", "node", "lonely").out


def test_show_node_that_does_not_exist(project, tauro):
    called = tauro("show", "node", "cleen")
    assert called.code == 2
    assert "did you mean 'clean'?" in called.err


def test_show_settings_tells_values_and_origins(project, tauro):
    document = tauro("show", "settings", "--env", "prod", "--json").document
    settings = {row["name"]: (row["value"], row["origin"]) for row in document["tauro"]}
    assert settings["max_workers"] == ("9", "prod/global_settings.yml:1")
    assert settings["output_path"] == ("out", "tauro.yml:2")
    assert settings["on_failure"] == ("stop", "tauro default")
    spark = {row["name"]: row for row in document["spark"]}
    assert spark["spark.sql.shuffle.partitions"]["value"] == "3"
    assert spark["spark.sql.shuffle.partitions"]["origin"].startswith("global_settings")


def test_show_settings_of_a_pipeline_shows_what_it_sets(project, tauro):
    spoil(project, "pipelines.yml", "  tags: [core]", "  tags: [core]\n  max_workers: 2")
    document = tauro("show", "settings", "--pipeline", "daily", "--json").document
    settings = {row["name"]: (row["value"], row["origin"]) for row in document["tauro"]}
    assert settings["max_workers"] == ("2", "pipeline 'daily' (pipelines.yml:5)")


def test_schema_prints_and_writes_the_same(project, tauro):
    printed = json.loads(tauro("schema", "nodes_config").out)
    called = tauro("schema", "-o", "schemas")
    assert called.code == 0
    assert json.loads((project / "schemas/nodes_config.json").read_text()) == printed
    assert len(called.out.splitlines()) == len(list((project / "schemas").iterdir())) >= 5


def test_schema_of_an_unknown_document(tauro):
    called = tauro("schema", "node_config")
    assert called.code == 2
    assert "did you mean 'nodes_config'?" in called.err


def test_init_writes_a_project_and_says_what_comes_next(tauro, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    called = tauro("init", "my shop")
    assert called.code == 0
    assert (tmp_path / "my shop" / "tauro.yml").is_file()
    assert "  cd 'my shop'" in called.out
    assert tauro("init", "my shop").code == 2


def test_init_says_a_command_that_works_in_the_new_project(tauro, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    said = tauro("init", str(tmp_path / "shop_of_init")).out.splitlines()[-1].split()
    assert said[:2] == ["tauro", "run"]
    monkeypatch.chdir(tmp_path / "shop_of_init")
    called = tauro(*said[1:], "--dry-run")
    assert (called.code, called.err) == (0, "")
    assert called.out.startswith("pipeline    daily")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(tauro, shell):
    called = tauro("completion", shell)
    assert called.code == 0
    assert "_TAURO_COMPLETE" in called.out


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("tauro ru", ["run", "runs"]),
        ("tauro run --pipeline ", ["daily", "adhoc"]),
        ("tauro run --env p", ["prod"]),
        ("tauro run --pipeline adhoc --from ", ["extract", "clean"]),
        ("tauro show node c", ["clean", "customers"]),
        ("tauro run --project /nowhere --pipeline ", []),
    ],
)
def test_a_shell_completes(project, start, words, names):
    given = words.split(" ")
    process = start(COMP_WORDS=words, COMP_CWORD=str(len(given) - 1), _TAURO_COMPLETE="bash_complete")
    out, err = process.communicate(timeout=30)
    assert [line.split(",", 1)[1] for line in out.splitlines() if line] == names, err


def test_a_graph_is_not_drawn_into_a_file_of_another_kind(project, tauro):
    called = tauro("graph", "-p", "daily", "-o", str(project / "x.pdf"))
    assert called.code == 2
    assert "its ending is none of .svg, .html" in called.err
    assert not (project / "x.pdf").exists()
