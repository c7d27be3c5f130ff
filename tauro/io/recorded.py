"""Staged outputs as another process finds them again: what was asked for, and what was staged, as JSON has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tauro.config.secrets import is_secret_option, show_options
from tauro.io.formats import FORMATS
from tauro.io.ports import Record, Staged, WriteRequest
from tauro.io.writing import LeftAlone
from tauro.model import Options, OutputSpec, Window

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Session = Callable[[], "SparkSession"]
OptionsOf = Callable[[str], Options]
"""The options that the project has for the output at a location, secrets included; none if it knows it not."""


def as_record(request: WriteRequest, staged: Staged) -> Record | None:
    """A staged output as JSON has it, without secrets; None if it does not outlive this process."""
    own = staged.record()
    if own is None:
        return None
    spec, window = request.spec, request.window
    fields: dict[str, Any] = spec.model_dump(mode="json", exclude_defaults=True, exclude={"options", "source"})
    return {
        "pipeline": request.pipeline,
        "node": request.node,
        "output": request.output_id,
        "run_id": request.run_id,
        "window": [window.start, window.end] if window else None,
        "spec": fields,
        "options": show_options({name: value for name, value in spec.options.items() if not is_secret_option(name)}),
        "is_left_alone": isinstance(staged, LeftAlone),
        "staged": own,
    }


def request_from(record: Record, options: Options) -> WriteRequest:
    """What `stage` was asked for.

    Args:
        record: what `as_record` returned.
        options: those of the project that asks; they win, as the record holds no secrets.

    Raises:
        KeyError, TypeError, ValueError: it is no such record.
    """
    known = {**record["options"], **options}
    spec = OutputSpec.parse(record["output"], {**record["spec"], "options": known})
    window = Window(*record["window"]) if record["window"] else None
    return WriteRequest(record["pipeline"], record["node"], record["output"], spec, window, record["run_id"])


def staged_from(record: Record, session: Session, options: Options) -> Staged:
    """What was staged; nothing is looked at before it is asked for.

    Args:
        record: what `as_record` returned, in whatever process.
        session: opens a session, or returns the one that is open; called where one is needed.
        options: as for `request_from`.

    Raises:
        KeyError, TypeError, ValueError: it is no such record.
    """
    request = request_from(record, options)
    if record["is_left_alone"]:
        return LeftAlone(request)
    form = FORMATS[request.spec.format_name or ""]
    return form.staged_from(session, request, record["staged"])
