"""The mode databricks finds a session, or says how to get one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tauro.config import Context
from tauro.errors import SessionError
from tauro.spark.session import open_session

MODE = {"mode": "databricks"}


def test_the_session_that_is_there_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    there = object()
    monkeypatch.setattr("tauro.spark.databricks.active_session", lambda: there)
    assert open_session(Context(MODE, {}, {}, root=tmp_path)) is there


def test_without_one_the_error_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tauro.spark.databricks.active_session", lambda: None)
    monkeypatch.delenv("DATABRICKS_RUNTIME_VERSION", raising=False)
    with pytest.raises(SessionError, match="there is none") as caught:
        open_session(Context(MODE, {}, {}, root=tmp_path))
    assert "databricks-connect" in (caught.value.fix or "")
