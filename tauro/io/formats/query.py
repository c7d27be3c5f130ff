"""A query: one SELECT over other inputs of the project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tauro.errors import ReadError
from tauro.io.formats.base import BaseFormat
from tauro.io.ports import Capabilities, ReadRequest
from tauro.io.sql import check_query, parameters_of, referenced, run_query, view_name
from tauro.model import InputSpec

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class Query(BaseFormat):
    """Spark SQL, for reading; each input it names is a view of that query alone."""

    name = "query"
    capabilities = Capabilities()

    def check_input(self, spec: InputSpec) -> list[str]:
        """What is wrong with the query's text, without Spark."""
        found = super().check_input(spec)
        if spec.query is None:
            return [*found, "query needs a text under `query`"]
        if spec.schema_ is not None:
            found.append("a query's columns are its own; leave schema out")
        errors, _ = check_query(spec.query)
        parameters = sorted(parameters_of(spec.query))
        if parameters:
            found.append(
                f"a query input has no parameters, found :{', :'.join(parameters)}; use ${{name}}, or a SQL node"
            )
        return found + errors

    def read(self, request: ReadRequest) -> DataFrame:
        """The query's rows.

        Raises:
            ReadError: an input that it names is optional and does not exist.
        """
        text = request.spec.query or ""
        frames = {}
        for id in referenced(text, {view_name(id): id for id in request.input_ids if id != request.spec.name}):
            frame = request.load(id)
            if frame is None:
                raise ReadError(f"the query names the input {id!r}, which is optional and does not exist")
            frames[view_name(id)] = frame
        return run_query(request.session, text, frames, {})


QUERY = Query()
