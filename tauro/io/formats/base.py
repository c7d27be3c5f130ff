"""What all formats check alike, from what they declare."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, ClassVar

from tauro.errors import UnsupportedError, WriteError, bounded
from tauro.io.options import unknown_options, value_of
from tauro.io.ports import Capabilities, Record, Staged, WriteRequest
from tauro.model import InputSpec, Options, OutputSpec, OverwriteScope, WriteMode

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import DataType, StructType

_NESTED = ("array", "map", "struct")


class BaseFormat:
    """The checks that follow from a format's declarations; formats add what is theirs alone."""

    name: ClassVar[str]
    capabilities: ClassVar[Capabilities]
    reader_options: ClassVar[frozenset[str]] = frozenset()
    writer_options: ClassVar[frozenset[str]] = frozenset()
    option_prefixes: ClassVar[tuple[str, ...]] = ()
    """Beginnings of option names that are handed on as they are."""

    def check_input(self, spec: InputSpec) -> list[str]:
        """What is wrong with an input, as far as that is known without data and without Spark."""
        if not self.capabilities.can_read:
            return [f"{self.name} is only written"]
        found = unknown_options(
            spec.options, self.reader_options, what=f"{self.name} reader", prefixes=self.option_prefixes
        )
        if self.capabilities.needs_path and spec.path is None:
            found.append(f"{self.name} needs a path")
        return found + self._missing_options(spec)

    def options_as_read(self, options: Options) -> Options:
        """Of an output's options those that count when it is read back: not what only a writer knows."""
        known = {name.lower() for name in self.reader_options}
        for_writing = {name.lower() for name in self.writer_options} - known
        return {name: value for name, value in options.items() if name.lower() not in for_writing}

    def check_output(self, spec: OutputSpec) -> list[str]:
        """What is wrong with an output, as far as that is known without data and without Spark."""
        can = self.capabilities
        if not can.write_modes:
            return [f"{self.name} is only read"]
        found = unknown_options(
            spec.options, self.writer_options, what=f"{self.name} writer", prefixes=self.option_prefixes
        )
        if spec.write_mode not in can.write_modes:
            found.append(f"{self.name} does not {_VERBS[spec.write_mode]}; it can {_listed(can.write_modes)}")
        if spec.overwrite_scope not in can.overwrite_scopes:
            scopes = " or ".join(sorted(can.overwrite_scopes))
            found.append(f"{self.name} can't overwrite with scope {spec.overwrite_scope}; its scopes: {scopes}")
        if spec.partition_by and not can.partition_by:
            found.append(f"{self.name} has no partitions; leave partition_by out")
        if spec.schema_evolution and not can.schema_evolution:
            found.append(f"{self.name} can't change a table's columns; leave schema_evolution out")
        repeated = [name for name, times in Counter(spec.partition_by).items() if times > 1]
        if repeated:
            found.append(f"partition_by names {bounded(repeated)} more than once")
        if spec.overwrite_scope is OverwriteScope.PARTITIONS and not spec.partition_by and can.partition_by:
            found.append("overwrite_scope partitions needs partition_by")
        is_bounded = spec.overwrite_scope is OverwriteScope.WINDOW or (
            spec.write_mode is WriteMode.APPEND and can.append_by_window
        )
        if spec.window_column and not is_bounded:
            found.append("window_column has no meaning without overwrite_scope window")
        if can.needs_path and spec.path is None:
            found.append(f"{self.name} needs a path" + ("; for a catalog table leave format out" if spec.table else ""))
        return found + self._missing_options(spec)

    def check_schema(self, schema: StructType, spec: OutputSpec | None = None) -> None:
        """Refuses columns that the format can't hold, before anything is written.

        Raises:
            WriteError: naming the columns.
        """
        problems = list(self.schema_problems(schema, spec))
        if problems:
            raise WriteError(f"{self.name} can't hold these columns: {bounded(problems)}")

    def schema_problems(self, schema: StructType, spec: OutputSpec | None) -> Iterator[str]:
        """One text for each column that does not fit."""
        del spec
        for name, times in Counter(field.name.lower() for field in schema.fields).items():
            if times > 1:
                yield f"{name!r} is there {times} times"
        for field in schema.fields:
            for type_name in _types_in(field.dataType):
                if type_name in self.capabilities.cannot_hold:
                    yield f"{field.name!r} holds {type_name}"
                    break
                if type_name in _NESTED and not self.capabilities.holds_nested:
                    yield f"{field.name!r} is nested ({type_name})"
                    break

    def is_missing(self, error: Exception) -> bool:
        """Whether an error says that the input does not exist."""
        return isinstance(error, FileNotFoundError) or condition_of(error) in (
            "PATH_NOT_FOUND",
            "TABLE_OR_VIEW_NOT_FOUND",
        )

    def stage(self, session: SparkSession, request: WriteRequest, frame: DataFrame) -> Staged:
        """Refused: formats that are written have their own."""
        del session, frame
        raise UnsupportedError(f"{self.name} is only read", where=request.where)

    def staged_from(self, session: Callable[[], SparkSession], request: WriteRequest, record: Record) -> Staged:
        """Refused: what formats stage in memory has no record."""
        del session, record
        raise UnsupportedError(f"{self.name} stages nothing that outlives its process", where=request.where)

    def _missing_options(self, spec: InputSpec | OutputSpec) -> list[str]:
        options = spec.options.items()
        return [
            f"{self.name} needs the option {name!r}"
            for name in self.capabilities.needs_options
            if value_of(options, name) is None
        ]


def condition_of(error: BaseException) -> str | None:
    """The name of a Spark error's condition, such as `PATH_NOT_FOUND`; None for what Spark has not named."""
    from pyspark.errors import PySparkException

    return error.getCondition() if isinstance(error, PySparkException) else None


def _types_in(data_type: DataType) -> Iterator[str]:
    """The names of a type and of all types nested in it, outermost first."""
    from pyspark.sql.types import ArrayType, MapType, StructType

    yield data_type.typeName()
    if isinstance(data_type, ArrayType):
        yield from _types_in(data_type.elementType)
    elif isinstance(data_type, MapType):
        yield from _types_in(data_type.keyType)
        yield from _types_in(data_type.valueType)
    elif isinstance(data_type, StructType):
        for field in data_type.fields:
            yield from _types_in(field.dataType)


_VERBS = {
    WriteMode.OVERWRITE: "overwrite",
    WriteMode.APPEND: "append",
    WriteMode.IGNORE: "ignore existing data",
    WriteMode.ERROR: "refuse existing data",
    WriteMode.MERGE: "merge",
}


def _listed(modes: frozenset[WriteMode]) -> str:
    return ", ".join(mode.value for mode in WriteMode if mode in modes)
