"""A failure of Spark's in one line says what went wrong."""

from __future__ import annotations

import pytest

from tauro.io.writing import one_line

WORKER = """\

  An exception was thrown from the Python worker. Please see the stack trace below.
Traceback (most recent call last):
  File "/project/shop.py", line 3, in refuse
    raise ValueError("nobody says 'x'")
ValueError: nobody says 'x'


JVM stacktrace:
org.apache.spark.api.python.PythonException
"""


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("\n[NO_SPACE] the disk is full\n\tat a.b(C.scala:1)", "[NO_SPACE] the disk is full"),
        (WORKER, "An exception was thrown from the Python worker: ValueError: nobody says 'x'"),
        ("", "OSError"),
        ("x" * 400, "x" * 297 + "..."),
    ],
)
def test_an_error_is_told_by_its_telling_line(message: str, line: str) -> None:
    assert one_line(OSError(message)) == line
