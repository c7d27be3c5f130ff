"""What a database says of the tables in which runs have staged rows: whose they are, what became of them."""

from __future__ import annotations

import json
from contextlib import suppress

from pydantic import BaseModel, ConfigDict, ValidationError

from tauro.io.jdbc.database import Database, beside
from tauro.io.jdbc.notes import LOCK_TIMEOUT_S, Notes
from tauro.io.writing import spark_errors
from tauro.storage.steps import step

STAGED = "stage "
"""What the ids of these notes begin with; the staged table's name follows."""


class StagePointer(BaseModel):
    """A staged table, as the note beside it tells."""

    model_config = ConfigDict(frozen=True)

    stage: str
    """The staged table's name, without its schema, which is the target's."""
    target: str
    """As the user writes it."""
    run_id: str
    pipeline: str | None = None
    node: str
    output: str
    home: str | None = None
    """Where the run's journal lies; None if it keeps none."""
    is_target_ours: bool = False
    """Whether the publishing makes the target, so that one that is there by now is no other's."""
    is_published: bool = False
    rows: int | None = None
    """How many were published; None if none, for the run had appended them before."""

    @property
    def id(self) -> str:
        """The note's."""
        return f"{STAGED}{self.stage}"

    def text(self) -> str:
        """The note's, in ASCII whatever the names in it."""
        return json.dumps(self.model_dump(mode="json"))


def stages_beside(database: Database, table: str) -> list[StagePointer]:
    """All staged tables in a table's schema, whatever their targets; notes that can't be read are passed over."""
    notes = Notes(database, table)
    found = []
    if notes.is_there:
        for _, text in sorted(notes.starting_with(STAGED).items()):
            with suppress(ValidationError):
                found.append(StagePointer.model_validate_json(text))
    return found


def locked(notes: Notes, stage: str) -> StagePointer | None:
    """The note of a staged table, which nobody else can change until the transaction ends; None if there is none.

    Args:
        notes: those beside its target.
        stage: its name, without the schema.
    """
    id = f"{STAGED}{stage}"
    if not notes.is_there or not notes.lock(id):
        return None
    return StagePointer.model_validate_json(notes.get(id) or "")


def drop(database: Database, table: str, stage: str) -> None:
    """Drops a staged table, then the note that tells of it; doing it again changes nothing.

    Args:
        database: where it is.
        table: a table in the same schema, as the user writes it.
        stage: its name, without the schema.

    Raises:
        py4j.protocol.Py4JJavaError: somebody still writes to it or reads it.
    """
    name = beside(table, stage)
    if database.has_table(name):
        step("jdbc.drop")
        try:
            database.run(f"DROP TABLE {name}", timeout_s=LOCK_TIMEOUT_S)
        except spark_errors():
            if database.has_table(name):  # else another process was faster
                raise
    notes = Notes(database, table)
    if notes.is_there:
        step("jdbc.forget")
        notes.drop(f"{STAGED}{stage}")
