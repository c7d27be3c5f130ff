"""A retry has the run id of the try before it, a cleared task a new one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tauro.exec.resume.known_runs import check_run_id
from tauro.integrations.airflow.identity import TaskRun, run_id_of

TASK = TaskRun(
    dag_id="shop_daily",
    task_id="daily",
    dag_run_id="scheduled__2025-01-01T00:00:00+00:00",
    dag_run_start="2025-01-02 00:00:03.123456+00:00",
    map_index=-1,
    max_tries=2,
    retries=2,
)
ASKED = ("daily", "prod", "2025-01-01", "2025-01-01")


@pytest.mark.parametrize(
    ("max_tries", "retries", "first_try"),
    [
        (0, 0, 1),
        (2, 2, 1),  # try 1, and its retries: Airflow leaves max_tries as it is
        (5, 2, 4),  # cleared after three tries: max_tries = 3 + 2
        (3, 2, 2),  # cleared after one
    ],
)
def test_max_tries_tells_at_which_try_the_last_clear_was(max_tries: int, retries: int, first_try: int) -> None:
    assert replace(TASK, max_tries=max_tries, retries=retries).first_try == first_try


def test_the_id_is_the_same_until_something_that_matters_is_another() -> None:
    same = run_id_of(TASK, ASKED)
    assert run_id_of(replace(TASK), [*ASKED]) == same
    others = [
        run_id_of(replace(TASK, max_tries=3), ASKED),
        run_id_of(replace(TASK, dag_id="shop_hourly"), ASKED),
        run_id_of(replace(TASK, task_id="other"), ASKED),
        run_id_of(replace(TASK, dag_run_id="manual__2025-01-01T00:00:00+00:00"), ASKED),
        run_id_of(replace(TASK, dag_run_start="2025-01-02 09:00:00+00:00"), ASKED),
        run_id_of(replace(TASK, map_index=0), ASKED),
        run_id_of(replace(TASK, map_index=1), ASKED),
        run_id_of(TASK, (*ASKED[:3], "2025-01-02")),
        run_id_of(replace(TASK, dag_id="shop_daily.daily", task_id=""), ASKED),
    ]
    assert len({same, *others}) == len(others) + 1


@pytest.mark.parametrize("dag_id", ["shop_daily", "x" * 250, "täglich", "-a", ".", "a b/c", "-"])
def test_the_id_is_one_that_runs_can_have(dag_id: str) -> None:
    run_id = run_id_of(replace(TASK, dag_id=dag_id, map_index=3), ASKED)
    check_run_id(run_id)
    assert run_id.isascii()


def test_the_id_says_whose_it_is() -> None:
    assert run_id_of(TASK, ASKED).startswith("shop_daily.daily.scheduled__2025-01-01T00_00_00_00_00-")
    assert ".7-" in run_id_of(replace(TASK, map_index=7), ASKED)
