"""The command of a task."""

from __future__ import annotations

import shlex

from tauro.cli.commands.run import run
from tauro.integrations.airflow.request import Request

WHOLE = Request(
    project="/srv/shop",
    pipeline="daily",
    env="prod",
    window=("2025-01-01", "2025-01-31"),
    nodes=("clean", "report"),
    settings={"country": "de"},
    wait="10m",
    arguments=("--max-workers", "8"),
)


def test_the_command_says_all_that_is_asked() -> None:
    words = WHOLE.command("/opt/spark/bin/python", "r-1", "/runs/r-1/log")
    assert words[:5] == ["/opt/spark/bin/python", "-P", "-m", "tauro", "run"]
    assert shlex.join(words[5:]) == (
        "--project /srv/shop --pipeline daily --env prod --start 2025-01-01 --end 2025-01-31 --node clean "
        "--node report --set country=de --wait 10m --run-id r-1 --log-file /runs/r-1/log --max-workers 8 --quiet --json"
    )


def test_run_takes_every_option_that_a_task_gives() -> None:
    words = WHOLE.command("python", "r-1", "log")[5:]
    context = run.make_context("run", list(words))
    assert context.params["run_id"] == "r-1"
    assert context.params["nodes"] == ("clean", "report")
    assert context.params["settings"] == {"country": "de"}
    assert context.params["wait_s"] == 600


def test_what_is_not_asked_is_not_said() -> None:
    words = Request(project=".", pipeline="daily").command("python", "r-1", "log")
    assert not {"--env", "--start", "--end", "--node", "--set"} & set(words)


def test_another_place_of_the_project_is_no_other_run() -> None:
    def identity(**changes: object) -> tuple[str, ...]:
        fields = {name: getattr(WHOLE, name) for name in Request.__slots__}
        return Request(**{**fields, **changes}).identity

    assert identity(project="/elsewhere", wait="1s") == WHOLE.identity
    for name, value in {
        "pipeline": "other",
        "env": None,
        "window": None,
        "nodes": ("clean",),
        "settings": {"country": "at"},
        "arguments": (),
    }.items():
        assert identity(**{name: value}) != WHOLE.identity, name
