"""What an exit code means to Airflow."""

from __future__ import annotations

import pytest

from tauro import errors
from tauro.cli.edge import DEFECT, INTERRUPTED, TRANSIENT, USAGE
from tauro.integrations.airflow.verdict import Ended, Verdict

FAILED = {
    "error": {
        "type": "ZeroDivisionError",
        "message": "division by zero",
        "node": "clean",
        "attempt": 1,
        "cause": "Traceback (most recent call last):\n  ...\nZeroDivisionError: division by zero\n",
    }
}


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        (0, Verdict.DONE),
        (USAGE, Verdict.FAIL),
        (errors.RunFailedError.exit_code, Verdict.FAIL),
        (TRANSIENT, Verdict.RETRY),
        (errors.OutputHeldError.exit_code, Verdict.RETRY),
        (DEFECT, Verdict.RETRY),
        (INTERRUPTED, Verdict.RETRY),
        (-9, Verdict.RETRY),
        (127, Verdict.RETRY),
        (None, Verdict.RETRY),
    ],
)
def test_only_what_somebody_has_to_mend_fails_at_once(code: int | None, verdict: Verdict) -> None:
    assert Ended("r-1", code, {}).verdict is verdict


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (2, "the project, or what the task asks for, is wrong (exit code 2)"),
        (5, "another run writes an output (exit code 5)"),
        (-9, "killed by SIGKILL"),
        (127, "exit code 127"),
        (None, "is lost"),
    ],
)
def test_the_message_says_how_the_run_ended(code: int | None, said: str) -> None:
    message = Ended("r-1", code, {}).message
    assert message.startswith("run r-1")
    assert said in message


def test_the_message_names_node_and_root_cause() -> None:
    ended = Ended("r-1", 3, FAILED)
    assert ended.message == ("run r-1: a node failed (exit code 3)\nnode 'clean': ZeroDivisionError: division by zero")
    assert ended.cause == FAILED["error"]["cause"].rstrip()
    assert Ended("r-1", 3, {}).cause is None


def test_problems_of_the_project_are_told_with_their_places() -> None:
    problem = {"severity": "error", "file": "nodes.yml", "line": 14, "where": "node 'b'", "message": "no", "fix": "do"}
    bare = {"severity": "error", "file": None, "line": None, "where": None, "message": "no", "fix": None}
    assert Ended("r-1", 2, {"problems": [problem, bare]}).problems == ["nodes.yml:14  node 'b': no\n  fix: do", "no"]
    assert Ended("r-1", 2, {}).problems == []
