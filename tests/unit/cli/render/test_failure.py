"""Failures in words: causes are whole where they matter and bounded where they do not."""

from __future__ import annotations

import subprocess
import sys
import traceback

from tauro.cli.render.causes import FRAMES, MESSAGE_LINES, shorten
from tauro.cli.render.failure import SHOWN_FAILURES, failure_text
from tauro.model.outcome import ErrorInfo, NodeResult, RunResult, Status


def result(*nodes: NodeResult) -> RunResult:
    """A failed run of these nodes."""
    return RunResult("r", "daily", None, Status.FAILED, 1.0, nodes, nodes[0].error if nodes else None)


def failed(name: str, error: ErrorInfo | None = None) -> NodeResult:
    """A node that failed."""
    return NodeResult(name, Status.FAILED, 1, 1.0, error or ErrorInfo("ValueError", f"{name} is broken"))


def real_trace() -> str:
    """The traceback of user code that fails inside a library, chained."""

    def users():
        try:
            subprocess.run([sys.executable, "-c", "raise SystemExit(3)"], check=True)
        except subprocess.CalledProcessError as error:
            raise KeyError("no such thing") from error

    try:
        users()
    except KeyError as error:
        return "".join(traceback.format_exception(error))
    raise AssertionError


def test_frames_of_libraries_are_counted_and_those_of_the_user_shown():
    short = shorten(real_trace())
    assert "subprocess.py" not in short
    assert "1 of 2 frames hidden" in short
    assert short.count(__file__) == 3
    assert "raise KeyError" in short


def test_the_chain_is_kept():
    short = shorten(real_trace())
    assert "CalledProcessError" in short
    assert "The above exception was the direct cause of the following exception:" in short
    assert short.rstrip().endswith("KeyError: 'no such thing'")


def test_where_no_frame_is_the_users_the_last_one_stays():
    trace = (
        "Traceback (most recent call last):\n"
        f'  File "{subprocess.__file__}", line 1, in run\n    first()\n'
        f'  File "{subprocess.__file__}", line 2, in check\n    second()\n'
        "OSError: gone"
    )
    assert shorten(trace) == (
        "Traceback (most recent call last):\n"
        "  (1 of 2 frames hidden: Tauro's, libraries', or too many)\n"
        f'  File "{subprocess.__file__}", line 2, in check\n    second()\n'
        "OSError: gone"
    )


def test_many_frames_are_bounded():
    frames = "".join(f'  File "/p/jobs.py", line {at}, in f\n    f({at})\n' for at in range(50))
    short = shorten(f"Traceback (most recent call last):\n{frames}RecursionError: too deep")
    assert short.count("File ") == FRAMES
    assert "line 49" in short
    assert "40 of 50 frames hidden" in short


def test_long_messages_are_bounded_and_say_how_to_see_the_rest():
    message = "\n".join(f"\tat org.apache.spark.Thing{at}" for at in range(300))
    short = shorten(
        f'Traceback (most recent call last):\n  File "/p/j.py", line 1, in f\n    f()\nPy4JError: x\n{message}'
    )
    assert len(short.splitlines()) == 3 + MESSAGE_LINES + 1
    assert "289 more lines (--verbose shows them)" in short


def test_what_is_no_traceback_is_shown():
    assert shorten("no traceback\nhere") == "no traceback\nhere"


def test_many_failures_are_shown_in_part_and_the_rest_named():
    text = failure_text(result(*(failed(f"n{at}") for at in range(7))), None)
    assert text.count(" is broken") == SHOWN_FAILURES
    assert "2 more failed: n5, n6" in text


def test_verbose_shows_causes_whole():
    error = ErrorInfo("KeyError", "'no such thing'", cause=real_trace())
    assert "subprocess.py" in failure_text(result(failed("a", error)), None, is_whole=True)
    assert "subprocess.py" not in failure_text(result(failed("a", error)), None)


def test_cancelled_nodes_are_grouped_by_their_reason():
    nodes = [NodeResult(name, Status.CANCELLED, note=note) for name, note in (("b", "x"), ("c", "y"), ("d", "x"))]
    lines = failure_text(result(failed("a"), *nodes), None).splitlines()
    assert lines[-2:] == ["cancelled (x): b, d", "cancelled (y): c"]


def test_the_way_on_makes_the_last_lines():
    lines = failure_text(result(failed("a")), "tauro run --from a").splitlines()
    assert lines[-2:] == ["go on from there with:", "  tauro run --from a"]
