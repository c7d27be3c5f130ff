"""Whether Spark sees a folder where this process sees it."""

from __future__ import annotations

import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from tauro.errors import UnsupportedError
from tauro.io.formats.base import condition_of
from tauro.storage.local import make_folder, remove_empty
from tauro.storage.paths import spark_path

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_seen: WeakKeyDictionary[SparkSession, set[Path]] = WeakKeyDictionary()
"""The folders that a session's server is known to see."""


def check_seen(session: SparkSession, workshop: Path, own: Path, where: str) -> None:
    """Refuses a folder that a Spark Connect server has not, or has another of: asked once a folder, without a job.

    A classic session shares this machine's folders, or the cluster's mounts, with this process. A Connect server may
    lie anywhere: a file of a new name is put into the folder, and looked for from there.

    Args:
        session: the session.
        workshop: a local folder beside an output, of Tauro's own; made if need be.
        own: a folder in it, relative to it, that is the write's alone: what is left there by a kill is swept.
        where: the output, for messages.

    Raises:
        UnsupportedError: the server does not see it.
        OSError: nothing can be written there.
    """
    from pyspark.errors import AnalysisException

    from tauro.spark.jobs import is_classic

    if is_classic(session) or workshop in _seen.setdefault(session, set()):
        return

    make_folder(workshop / own)
    token = workshop / own / f"seen-{uuid.uuid4().hex}"
    try:
        token.touch(exist_ok=False)
        session.read.text(spark_path(str(token))).schema  # noqa: B018  the look that tells whether it is there
    except AnalysisException as error:
        if condition_of(error) != "PATH_NOT_FOUND":
            raise
        raise UnsupportedError(
            f"the Spark Connect server does not see {workshop.parent} where this process sees it",
            where=where,
            fix="write to a folder that both have mounted at the same path; or use delta on storage that both reach, "
            "such as s3a://",
        ) from error
    finally:
        with suppress(OSError):
            token.unlink(missing_ok=True)
            remove_empty(token.parent, up_to=workshop)
    _seen[session].add(workshop)
