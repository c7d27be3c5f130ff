"""DAG files, as text; tests/e2e/test_airflow.py has Airflow run one."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tauro.config import Context
from tauro.errors import ConfigError, InvalidValueError
from tauro.integrations.airflow.export import dag_file
from tauro.integrations.airflow.tasks import task_per_node, whole_pipeline

FLIGHTS = Path(__file__).parents[4] / "config_examples" / "flights"
NODES: dict[str, object] = {
    "extract": {"function": "jobs.extract", "input": "raw.orders", "output": "bronze.orders"},
    "people": {"function": "jobs.people", "input": []},
    "report": {"function": "jobs.report", "input": ["bronze.orders", "people"], "output": "gold.report"},
    "second": {"function": "jobs.second", "input": ["bronze.orders", "report"], "output": "gold.second"},
    "notify": {"function": "jobs.notify", "input": [], "dependencies": ["second", "note"]},
    "note": {"function": "jobs.note", "input": [], "dependencies": ["extract"]},
}


def project(nodes: dict[str, object] = NODES, **pipeline: object) -> Context:
    return Context(
        {"output_path": "out"},
        {"daily": {"nodes": list(nodes), **pipeline}},
        nodes,
        {"raw.orders": {"path": "in/${start_date}/*.csv"}},
        root="/srv/shop",
    )


def calls(text: str, name: str) -> list[dict[str, object]]:
    """The keywords of the calls of a name, as source, in order."""
    found = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    return [
        {word.arg or "": ast.unparse(word.value) for word in call.keywords}
        for call in sorted(found, key=lambda call: call.lineno)
        if ast.unparse(call.func) == name
    ]


def test_one_task_reads_what_the_pipeline_does_not_write() -> None:
    task = whole_pipeline(project(), "daily")
    assert task.inlets == ("file:///srv/shop/in",)
    assert task.outlets == tuple(
        f"file:///srv/shop/out/{name}" for name in ("bronze/orders", "gold/report", "gold/second")
    )
    assert (task.node, task.after, task.also_runs) == (None, (), ())


def test_nodes_that_store_nothing_run_with_those_that_need_them_or_alone_if_none_does() -> None:
    tasks = {task.name: task for task in task_per_node(project(), "daily")}
    assert list(tasks) == ["extract", "report", "second", "note", "notify"]
    assert tasks["report"].also_runs == ("people",)
    assert tasks["report"].inlets == ("file:///srv/shop/out/bronze/orders",)
    assert tasks["report"].outlets == ("file:///srv/shop/out/gold/report",)
    assert all(not tasks[name].also_runs for name in tasks if name != "report")


def test_a_task_waits_for_those_before_it_and_names_no_more_than_it_has_to() -> None:
    after = {task.name: task.after for task in task_per_node(project(), "daily")}
    assert after == {
        "extract": (),
        "report": ("extract",),
        "second": ("report",),
        "note": ("extract",),
        "notify": ("second", "note"),
    }


def test_the_same_project_gives_the_same_file() -> None:
    for per_node in (False, True):
        texts = {dag_file(project(), "daily", is_per_node=per_node) for _ in range(3)}
        assert len(texts) == 1
    program = (
        "from tauro.config import Context; from tauro.integrations.airflow.export import dag_file; "
        f"print(dag_file(Context.from_project({str(FLIGHTS)!r}), 'daily', is_per_node=True))"
    )
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        )
        assert done.stdout == dag_file(Context.from_project(FLIGHTS), "daily", is_per_node=True) + "\n"


@pytest.mark.parametrize("is_per_node", [False, True])
def test_formatters_and_linters_leave_it_as_it_is(is_per_node: bool) -> None:
    spec = project(description='Says "hello" to `all`\nof them', tags=["core", "x"])
    for context in (spec, Context.from_project(FLIGHTS)):
        text = dag_file(context, "daily", is_per_node=is_per_node, env="prod", settings={"b": "1", "a": "2"})
        for check in (["format", "--check"], ["check", "--select", "E4,E7,E9,F,I,UP,Q"]):
            done = subprocess.run(
                [sys.executable, "-m", "ruff", *check, "--isolated", "--stdin-filename", "dag.py", "-"],
                cwd="/",
                input=text,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout


def test_the_file_says_what_was_asked_for() -> None:
    text = dag_file(
        project(description="Orders", tags="core"),
        "daily",
        schedule=" 0  6 * * 1-5 ",
        start_date="2025-03-01",
        has_catchup=True,
        dag_id="mine",
        at="/opt/shop/",
        env="prod",
        settings={"country": "de"},
        python="/opt/spark/bin/python",
        is_deferrable=True,
    )
    (dag,) = calls(text, "DAG")
    assert dag["dag_id"] == "'mine'"
    assert dag["description"] == "'Orders'"
    assert dag["schedule"] == "CronDataIntervalTimetable('0 6 * * 1-5', timezone='UTC')"
    assert dag["start_date"] == "pendulum.datetime(2025, 3, 1)"
    assert dag["catchup"] == "True"
    assert dag["tags"] == "['tauro', 'core']"
    (task,) = calls(text, "TauroOperator")
    assert task["project"] == "'/opt/shop'"
    assert task["env"] == "'prod'"
    assert task["settings"] == "{'country': 'de'}"
    assert task["python"] == "'/opt/spark/bin/python'"
    assert task["deferrable"] == "True"
    assert "has_window" not in task
    assert task["inlets"] == "[Asset('file:///opt/shop/in')]"
    assert "/srv/shop" not in text


def test_nodes_share_what_they_have_in_common() -> None:
    text = dag_file(project(requires_dates=False), "daily", is_per_node=True)
    (dag,) = calls(text, "DAG")
    assert ast.literal_eval(str(dag["default_args"])) == {
        "retries": 2,
        "project": "/srv/shop",
        "pipeline": "daily",
        "has_window": False,
    }
    tasks = calls(text, "TauroOperator")
    assert [task["nodes"] for task in tasks] == ["'extract'", "'report'", "'second'", "'note'", "'notify'"]
    assert all("project" not in task for task in tasks)
    assert "    # Runs what stores nothing, too: people.\n    report = TauroOperator(" in text
    assert text.endswith(
        "\n\n    extract >> report\n    report >> second\n    extract >> note\n    [second, note] >> notify\n"
    )


def test_names_that_airflow_or_python_can_not_take_become_others() -> None:
    names = ["a b", "a-b", "class", "täglich"]
    nodes = {name: {"function": "jobs.f", "input": [], "output": f"out.o{at}"} for at, name in enumerate(names)}
    nodes["last"] = {"function": "jobs.f", "input": [], "dependencies": names}
    text = dag_file(project(nodes), "daily", is_per_node=True)
    tasks = calls(text, "TauroOperator")
    assert [ast.literal_eval(str(task["nodes"])) for task in tasks] == [*names, "last"]
    ids = [ast.literal_eval(str(task["task_id"])) for task in tasks]
    assert ids == ["a_b", "a-b", "class", "täglich", "last"]
    compile(text, "dag.py", "exec")


@pytest.mark.parametrize("wrong", ["", "daily", "@daily; import os", "* * * *", "@once", "0 6 * * 1 2 3"])
def test_what_is_no_schedule_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidValueError, match="no cron expression"):
        dag_file(project(), "daily", schedule=wrong)


def test_what_is_no_date_or_id_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="not an ISO date"):
        dag_file(project(), "daily", start_date="1.3.2025")
    with pytest.raises(InvalidValueError, match="no DAG id"):
        dag_file(project(), "daily", dag_id="my dag")


def test_a_pipeline_that_does_not_fit_together_is_refused() -> None:
    broken: dict[str, object] = {"a": {"function": "jobs.a", "dependencies": ["b"]}}
    for is_per_node in (False, True):
        with pytest.raises(ConfigError, match="unknown dependency 'b'"):
            dag_file(project(broken), "daily", is_per_node=is_per_node)
