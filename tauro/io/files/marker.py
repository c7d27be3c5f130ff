"""The file that a published folder bears: who wrote it, and the columns that it holds."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from tauro.storage.place import Place, put_whole
from tauro.storage.remote import RemotePath

MARKER = "_tauro.json"
"""Readers ignore files whose names begin with an underscore."""
VERSION = 2
_READABLE = (1, VERSION)


@dataclass(frozen=True, slots=True)
class Marker:
    """What Tauro knows about a folder that it has written."""

    run_id: str
    node: str
    output: str
    format: str
    schema: str
    """All columns, those of the partitions too, as Spark's schema JSON."""
    partition_by: tuple[str, ...] = ()
    options: dict[str, str] = field(default_factory=dict)
    """What a reader needs to know: how text is quoted, how times are written."""
    placeholder: str | None = None
    """The file that only bears the schema of a partitioned table without rows."""
    write_id: str = ""
    """Names the one staged write that made the folder; empty in markers of version 1."""
    appends: int = 0
    """How many appends the record beside the marker knows of."""

    def text(self) -> str:
        """The marker as it is put down."""
        return json.dumps({"version": VERSION, **asdict(self)}, indent=1)

    def write(self, folder: Place) -> None:
        """Puts the marker into `folder`, complete or not at all."""
        put_whole(folder / MARKER, self.text().encode())


def read_marker(folder: Place) -> Marker | None:
    """The marker of a folder, or None if it bears none that this version of Tauro can read.

    Raises:
        OSError: the folder is remote, and can't be reached.
    """
    try:
        fields = json.loads((folder / MARKER).read_bytes())
        if fields.pop("version") not in _READABLE:
            return None
        return Marker(**{**fields, "partition_by": tuple(fields["partition_by"])})
    except FileNotFoundError:
        return None
    except OSError:
        if isinstance(folder, RemotePath):
            raise  # that nobody answers does not mean that nothing is there
        return None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
