"""`tauro airflow export`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Tauro = Callable[..., Any]


def test_export_writes_a_dag_file_and_writes_it_anew(project: Path, tauro: Tauro) -> None:
    called = tauro("airflow", "export", "--pipeline", "daily")
    assert (called.code, called.out) == (0, "wrote shop_daily.py\n")
    first = (project / "shop_daily.py").read_text()
    assert f'project="{project}"' in first
    assert 'task_id="daily"' in first
    assert tauro("airflow", "export", "--pipeline", "daily", "--per", "node").code == 0
    assert 'task_id="report"' in (project / "shop_daily.py").read_text()
    assert tauro("airflow", "export", "--pipeline", "daily", "-o", "-").out == first


def test_every_option_reaches_the_file(project: Path, tauro: Tauro) -> None:
    words = (
        "airflow export -p adhoc --env prod --set a=b --schedule @hourly --start-date 2025-02-03 --catchup --dag-id d "
        "--at /srv/shop --python /py --deferrable"
    )
    assert tauro(*words.split()).out == "wrote d.py\n"
    text = (project / "d.py").read_text()
    for part in (
        'dag_id="d"',
        '"@hourly"',
        "pendulum.datetime(2025, 2, 3)",
        "catchup=True",
        'project="/srv/shop"',
        'env="prod"',
        'settings={"a": "b"}',
        'python="/py"',
        "deferrable=True",
    ):
        assert part in text


def test_a_file_that_somebody_else_wrote_stays(project: Path, tauro: Tauro) -> None:
    mine = project / "dag.py"
    mine.write_text("# mine\n")
    called = tauro("airflow", "export", "-p", "daily", "-o", "dag.py")
    assert called.code == 2
    assert "dag.py was not written by this command" in called.err
    assert mine.read_text() == "# mine\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--schedule", "noon"), "'noon' is no cron expression"),
        (("--start-date", "noon"), "'noon' is not an ISO date"),
        (("--dag-id", "a b"), "no DAG id 'a b'"),
        (("-p", "weekly"), "unknown pipeline 'weekly'"),
        (("-o", "no/such/folder.py"), "can't be written"),
    ],
)
def test_what_is_wrong_is_said(project: Path, tauro: Tauro, words: tuple[str, ...], said: str) -> None:
    called = tauro("airflow", "export", "-p", "daily", *words)
    assert called.code == 2
    assert said in called.err
    assert not list(project.glob("shop*.py"))
