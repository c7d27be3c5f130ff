"""What Tauro's commits in a Delta table say of themselves, and how earlier ones are known again."""

from __future__ import annotations

import json
from urllib.parse import quote, unquote

from tauro.io.ports import WriteRequest
from tauro.model import Window

APPEND_TAG = "tauro.append"
"""The tag, on a file, that holds the id of the append that brought it."""
_BETWEEN = " .. "
_EXCLUSIVE = " (end exclusive)"


def note(request: WriteRequest, write: str) -> str:
    """A commit's `userMetadata`; `write` makes it differ from all others."""
    return json.dumps(
        {
            "tauro_run_id": request.run_id,
            "pipeline": request.pipeline,
            "node": request.node,
            "output": request.output_id,
            "window": str(request.window) if request.window else None,
            "write": write,
        }
    )


def is_note_of(text: object, request: WriteRequest) -> bool:
    """Whether a commit's `userMetadata` tells of what a request asks for: in any run, or without dates in its own."""
    try:
        found = json.loads(str(text))
    except ValueError:
        return False
    wanted = json.loads(note(request, ""))
    names = ("pipeline", "node", "output", "window") + (() if request.window else ("tauro_run_id",))
    return isinstance(found, dict) and all(found.get(name) == wanted[name] for name in names)


def output_prefix(request: WriteRequest) -> str:
    """What the application ids of one output of one node have in common."""
    parts = (request.pipeline or "", request.node, request.output_id)
    return "/".join(("tauro", *(quote(part, safe=" ") for part in parts))) + "/"


def write_id(request: WriteRequest, write: str) -> str:
    """The application id of one staged write."""
    return f"{output_prefix(request)}write/{write}"


def append_id(request: WriteRequest) -> str:
    """The application id of what is appended for one window, or in one run without dates."""
    return output_prefix(request) + (str(request.window) if request.window else quote(request.run_id, safe=""))


def span_of(application: str, prefix: str) -> Window | str | None:
    """The window, or the run, of an append's id; None for the ids of others."""
    text = application.removeprefix(prefix)
    if not application.startswith(prefix) or "/" in text:
        return None
    start, between, end = text.removesuffix(_EXCLUSIVE).partition(_BETWEEN)
    return Window(start, end) if between else unquote(text)
