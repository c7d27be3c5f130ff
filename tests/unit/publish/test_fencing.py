"""The work of a dead run on a Spark Connect server has to be ended by a session on the same server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tauro.errors import OutputHeldError
from tauro.publish.fencing import fence
from tauro.publish.lease_file import LeaseFile
from tauro.spark.remote import RemoteSession
from tests.unit.publish.conftest import ELSEWHERE, HERE, holder

REMOTE = RemoteSession("spark:15002", "0d2f", "etl")


def session_on(server: str) -> Any:
    """As much of a session over Connect as tells where it is."""
    builder = SimpleNamespace(endpoint=server)
    return SimpleNamespace(client=SimpleNamespace(_builder=builder, _user_id="etl", _session_id="9a1b"))


@pytest.mark.parametrize("session", [SimpleNamespace(), session_on("other:15002")])
def test_another_server_or_none_is_refused_and_the_right_one_named(session: Any) -> None:
    dead = holder(machine=ELSEWHERE, remote=REMOTE)
    with pytest.raises(OutputHeldError, match="may go on writing to /out") as caught:
        fence(dead, HERE, output="x", location="/out", session=lambda: session)
    assert "SPARK_REMOTE=sc://spark:15002" in (caught.value.fix or "")
    assert caught.value.holder is dead


def test_no_session_is_opened_for_a_run_that_used_no_server() -> None:
    def opened() -> Any:
        raise AssertionError("nobody needs it")

    assert fence(holder(machine=ELSEWHERE), HERE, output="x", location="/out", session=opened) is False


@pytest.mark.parametrize("session", [REMOTE, replace(REMOTE, user_id=None), None])
def test_the_session_is_in_the_lease_be_its_user_named_or_not(tmp_path: Path, session: RemoteSession | None) -> None:
    place = LeaseFile(tmp_path / "one.json", tmp_path)
    place.put([holder(remote=session)])
    assert [one.remote for one in place.holders()] == [session]
    assert "token" not in str(session)
