"""Work on a Spark Connect server, as another process finds it again and ends it.

What a client has asked for goes on when the client is killed: a write that is under way is committed all the same.
"""

from __future__ import annotations

import copy
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tauro.spark.active import active_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.connect.client import SparkConnectClient

FEW_RETRIES = 4
"""How often a server that does not answer is asked again by those who must not wait for long: about 4 s."""
_PAUSE_S = 0.05
_GRACE_S = 5.0
"""How long work that was interrupted is given where a server can't tell of its end."""
_IS_GONE = "INVALID_HANDLE.SESSION"


@dataclass(frozen=True, slots=True)
class RemoteSession:
    """One session on one server."""

    server: str
    """Host and port."""
    session_id: str
    user_id: str | None = None

    def __str__(self) -> str:
        return f"session {self.session_id} on the Spark Connect server {self.server}"


def remote_session_of(session: SparkSession) -> RemoteSession | None:
    """How another process finds a session; None for a classic one, and for one whose server can't be named."""
    from tauro.spark.jobs import is_classic  # needs pyspark, which is there if a session is

    if is_classic(session):
        return None
    client: Any = getattr(session, "client", None)  # Any: only sessions over Connect have one
    place = getattr(getattr(client, "_builder", None), "endpoint", None)
    if place is None:
        return None
    return RemoteSession(str(place), str(client._session_id), client._user_id)


def remote_session_of_this_process() -> RemoteSession | None:
    """The session over Spark Connect that this process works in; None if there is none."""
    if "pyspark.sql.connect.session" not in sys.modules:
        return None
    session = active_session()
    return remote_session_of(session) if session is not None else None


def end_work(dead: RemoteSession, via: SparkSession, timeout_s: float) -> bool:
    """Ends what goes on in the session of a process that has died, and closes that session.

    Nothing can be begun in it afterwards, so that a process which was only asleep does no harm either. A session that
    the server does not know (any more) has nothing going on.

    Args:
        dead: the session.
        via: a session on the same server.
        timeout_s: how long what is under way may take to end.

    Returns:
        Whether nothing goes on there any more.

    Raises:
        pyspark.errors.PySparkException: the server does not answer.
    """
    from pyspark.errors import PySparkException

    own = remote_session_of(via)
    with attached(via, dead) as client:
        try:
            client.interrupt_all()
            if not _has_ended(client, timeout_s):
                return False
            if own != dead:
                client.release_session()
        except PySparkException as error:
            if not (error.getCondition() or "").startswith(_IS_GONE):
                raise
    return True


@contextmanager
def attached(via: SparkSession, session: RemoteSession | None = None) -> Iterator[SparkConnectClient]:
    """A client of a session beside the one that it has, which does not ask a dead server for minutes.

    Args:
        via: a session on the same server, which is reached in the same way.
        session: the session; that of `via` if None.
    """
    from pyspark.sql.connect.client import SparkConnectClient
    from pyspark.sql.connect.client.core import ChannelBuilder

    own: Any = via.client  # Any: pyspark's session class is told apart by its attributes alone
    builder = copy.deepcopy(own._builder)
    builder.set(ChannelBuilder.PARAM_SESSION_ID, session.session_id if session else own._session_id)
    user_id = session.user_id if session else own._user_id
    if user_id is not None:
        builder.set(ChannelBuilder.PARAM_USER_ID, user_id)
    client = SparkConnectClient(connection=builder, user_id=user_id, retry_policy={"max_retries": FEW_RETRIES})
    try:
        yield client
    finally:
        client.close()


def _has_ended(client: SparkConnectClient, timeout_s: float) -> bool:
    """Waits for the end of what was interrupted."""
    from pyspark.errors import PySparkException
    from pyspark.sql.connect.proto import base_pb2

    status: Any = getattr(base_pb2, "GetStatusResponse", None)  # Any: pyspark has it from 4.2 on
    if status is None:
        time.sleep(_GRACE_S)
        return True
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            found = client._get_operation_statuses().operation_statuses
        except PySparkException as error:
            if "UNIMPLEMENTED" not in str(error):
                raise
            time.sleep(_GRACE_S)  # a server before 4.2
            return True
        if all(one.state != status.OperationStatus.OPERATION_STATE_RUNNING for one in found):
            return True
        if time.monotonic() >= deadline:
            return False
        client.interrupt_all()  # what began after the first time
        time.sleep(_PAUSE_S)
