"""Where runs may leave something, as far as this process reaches it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tauro.config import Context
from tauro.config.context import SESSIONS
from tauro.exec.resume.known_outputs import workshops_of
from tauro.spark.remote import RemoteSession
from tests.unit.exec.conftest import Functions

Make = Callable[..., Context]


@pytest.fixture
def context(make_context: Make, fns: Functions) -> Iterator[Context]:
    """A project with a remote output, and one whose folder is there; no session can be opened."""

    def refuse(*_: object) -> object:
        raise OSError("no session")

    fns.a = lambda: None
    before = SESSIONS["session"]
    SESSIONS.add("session", refuse)
    outputs = {
        "far": {"format": "delta", "path": "s3a://bucket/far"},
        "near": {"format": "parquet", "path": "out/near"},
    }
    made = make_context({"a": {"output": list(outputs)}}, outputs=outputs)
    (made.root / "out" / "_tauro").mkdir(parents=True)
    yield made
    SESSIONS.add("session", before)


def test_remote_outputs_are_looked_at_through_the_session(context: Context) -> None:
    with pytest.raises(OSError, match="no session"):
        workshops_of(context)


def test_a_session_over_connect_that_is_there_reaches_no_remote_files_whatever_the_mode(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = RemoteSession("host:15002", "1", "me")
    monkeypatch.setattr("tauro.exec.resume.known_outputs.remote_session_of_this_process", lambda: there)
    assert workshops_of(context) == [context.root / "out" / "_tauro"]
