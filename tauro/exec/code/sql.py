"""The text of a SQL node, given in the document or in a file of its own."""

from __future__ import annotations

from pathlib import Path

from tauro.config import Context
from tauro.errors import InvalidValueError
from tauro.model.node import NodeSpec


def sql_text(context: Context, spec: NodeSpec) -> str:
    """The query of a SQL node: the field `sql` itself, or the content of the `.sql` file that it names.

    Raises:
        InvalidValueError: the file is not there, or is no UTF-8 text.
    """
    text = (spec.sql or "").strip()
    if "\n" in text or not text.lower().endswith(".sql"):
        return text
    path = Path(context.resolve_path(text))
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InvalidValueError(f"there is no file {text!r}", fix="write its path relative to the project") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidValueError(f"{text!r} can't be read: {error}") from error
