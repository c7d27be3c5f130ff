"""Has runs recorded in the project's history, whatever becomes of them: those that run, and those that have died."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress

from loguru import logger

import tauro
from tauro.config import Context
from tauro.errors import HistoryError, RunInterruptedError
from tauro.exec.failures import describe
from tauro.exec.runs.recovered_rows import rows_of
from tauro.history.events import clean
from tauro.history.recorder import Recorder
from tauro.history.records import stamp
from tauro.history.stores import open_store, url_of
from tauro.model.events import Observer
from tauro.publish.recovery import Ending, Recovered


@contextmanager
def recorded(context: Context, observers: Iterable[Observer]) -> Iterator[tuple[Observer, ...]]:
    """The observers of a run together with the one that keeps its history.

    When the block is left, what has happened is written; if it is left by an error before the run had a result, that
    is how the run ended.

    Args:
        context: the project of the run.
        observers: who else is told.
    """
    url = url_of(context.settings.history, context.root)
    if url is None:
        yield tuple(observers)
        return
    recorder = Recorder(
        lambda: open_store(url, is_reader=False),
        url.removeprefix("sqlite:"),
        context.name,
        context.env,
        context.redact,
        tauro.__version__,
    )
    try:
        yield (recorder, *observers)
    except BaseException as error:
        is_cancelled = isinstance(error, RunInterruptedError | KeyboardInterrupt)
        recorder.fail(describe(error, context.redact), is_cancelled=is_cancelled)
        raise
    finally:
        recorder.close()


def tell_recovered(context: Context, recovered: Recovered, by: str | None = None) -> None:
    """Says, in a line of the log and in the history, what has become of a run that died.

    Args:
        context: the project that has recovered it.
        recovered: what has become of it.
        by: the run that has seen to it.
    """
    is_left = recovered.ending is Ending.ABANDONED and recovered.is_resumable
    logger.warning("{}{}", recovered, f"; `tauro resume {recovered.run_id}` carries it on" if is_left else "")
    note_recovered(context, recovered, f"run {by}" if by else None)


def note_recovered(context: Context, recovered: Recovered, by: str | None = None) -> None:
    """Puts down what has become of a run that died; if the history can't be written, the run stays as it is there.

    Args:
        context: the project that has recovered it, which may be another one than the run's own.
        recovered: what has become of it.
        by: who has seen to it.
    """
    url = url_of(context.settings.history, context.root)
    if url is None:
        return
    with suppress(HistoryError), closing(open_store(url, is_reader=False)) as store:
        rows = rows_of(recovered, store, stamp(time.time()), by)
        if rows:
            store.write(clean(rows, context.redact))
