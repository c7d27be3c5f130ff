"""Has a run recorded in the project's history, whatever becomes of the run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import tauro
from tauro.config import Context
from tauro.errors import RunInterruptedError
from tauro.exec.failures import describe
from tauro.history.recorder import Recorder
from tauro.history.stores import open_store, url_of
from tauro.model.events import Observer


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
