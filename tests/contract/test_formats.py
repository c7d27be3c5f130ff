"""One suite over every registered format: what it declares it does, and what it does not declare is refused."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tauro.errors import ConfigError, WindowError, WriteError
from tauro.io.formats import FORMATS
from tauro.io.locations import output_spec_for
from tauro.io.output import OutputManager
from tauro.io.ports import WriteRequest
from tauro.model import OutputSpec, OverwriteScope, WriteMode
from tests.support.io_project import IoProject, merged

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.spark

Fields = dict[str, Any]
WRITTEN = [name for name in FORMATS if FORMATS[name].capabilities.write_modes]
PLACES = [*WRITTEN, "table-delta"]
"""The formats that are written, and catalog tables in both of their kinds."""
SMALL = "id int, name string, day date"
A, B, C = (1, "a", date(2013, 1, 1)), (2, "b", date(2013, 1, 2)), (3, "c", date(2013, 1, 3))


def can(place: str) -> Any:
    return FORMATS["delta" if place == "table-delta" else "parquet" if place == "table" else place].capabilities


def those(condition: Callable[[Any], bool]) -> list[str]:
    return [place for place in PLACES if condition(can(place))]


PARTITIONED = those(lambda c: c.partition_by)


@pytest.fixture
def project(tmp_path: Path, spark: SparkSession) -> IoProject:
    return IoProject(tmp_path, spark)


@pytest.fixture
def fields(request: pytest.FixtureRequest, place: str) -> Fields:
    """The entry of an output at a place of its own."""
    name = f"t_{uuid.uuid4().hex[:8]}"
    if place == "jdbc":
        server = request.getfixturevalue("postgres")
        options = {
            "url": server.jdbc_url,
            "user": server.user,
            "password": server.password,
            "driver": "org.postgresql.Driver",
            "dbtable": f"public.{name}",
        }
        return {"format": "jdbc", "options": options}
    if place.startswith("table"):
        return {"table": name, "options": {"provider": "delta" if place == "table-delta" else "parquet"}}
    if place == "memory":
        return {"format": "memory", "table": name}
    return {"format": place, "path": f"data/{name}"}


@pytest.fixture
def small(spark: SparkSession) -> Callable[..., DataFrame]:
    return lambda *rows: spark.createDataFrame(list(rows), SMALL)


def test_every_format_has_a_place_in_this_suite() -> None:
    assert {"parquet", "csv", "json", "orc", "avro", "delta", "jdbc", "table", "memory"} <= set(WRITTEN)
    assert {"text", "xml", "query"} == set(FORMATS) - set(WRITTEN)


@pytest.mark.parametrize("place", PLACES)
def test_what_is_written_comes_back_equal(place: str, fields: Fields, project: IoProject, spark: SparkSession) -> None:
    schema = (
        "i int, l bigint, d double, m decimal(20,4), s string, b boolean, day date, at timestamp, wall timestamp_ntz"
    )
    moment = datetime(2013, 1, 1, 12, 30, 15, 123456)
    rows: list[tuple[Any, ...]] = [
        (1, 2**40, 0.1, Decimal("1234567890123456.7890"), "é ,;\"'\\", True, date(2013, 1, 1), moment, moment),
        (-2, -1, -1.5, Decimal("0.0001"), "", False, date(1999, 12, 31), datetime(2038, 2, 1, 1, 2, 3), moment),
        (3, 0, 1e300, Decimal("-5.0000"), "  two\nlines\t\r\n ", None, date(2024, 2, 29), moment, datetime(1970, 1, 1)),
        (None, None, None, None, None, None, None, None, None),
        (5, 1, 2.0, Decimal("0.0000"), "null", True, date(2013, 1, 1), datetime(2013, 1, 1, tzinfo=None), moment),
    ]
    if place == "jdbc":  # PostgreSQL's timestamp comes back as one kind of Spark's two
        schema, rows = schema.removesuffix(", wall timestamp_ntz"), [row[:-1] for row in rows]
    if can(place).holds_nested:
        schema += ", list array<int>, names map<string,string>, inner struct<x: int, y: array<struct<z: string>>>"
        nested: list[tuple[Any, ...]] = [
            ([1, None], {"k": None, "é": "v"}, (1, [("z",), (None,)])),
            ([], {}, (None, [])),
            (None, None, None),
        ]
        rows = [(*row, *nested[at % 3]) for at, row in enumerate(rows)]
    frame = spark.createDataFrame(rows, schema)
    result = project.write(frame.coalesce(1), **fields)
    back = project.read()
    assert back is not None
    assert [(f.name, f.dataType.simpleString()) for f in back.schema] == [
        (f.name, f.dataType.simpleString()) for f in frame.schema
    ]
    assert sorted(map(repr, back.collect())) == sorted(map(repr, frame.collect()))
    assert result.rows == len(rows)


@pytest.mark.parametrize("place", PLACES)
def test_overwrite_replaces_all_rows_and_counts_those_written(
    place: str, fields: Fields, project: IoProject, small: Callable[..., DataFrame]
) -> None:
    assert project.write(small(A, B), **fields).rows == 2
    result = project.write(small(C), **fields)
    assert (result.rows, result.is_written) == (1, True)
    assert project.rows() == [C]


@pytest.mark.parametrize("place", PLACES)
def test_append_adds_rows(place: str, fields: Fields, project: IoProject, small: Callable[..., DataFrame]) -> None:
    project.write(small(A), **merged(fields, write_mode="append"))
    assert project.write(small(B, C)).rows == 2
    assert project.rows() == [A, B, C]


@pytest.mark.parametrize("place", PLACES)
def test_ignore_writes_once(place: str, fields: Fields, project: IoProject, small: Callable[..., DataFrame]) -> None:
    assert project.write(small(A), **merged(fields, write_mode="ignore")).is_written
    second = project.write(small(B))
    assert (second.is_written, second.rows) == (False, 0)
    assert project.rows() == [A]


@pytest.mark.parametrize("place", PLACES)
def test_error_refuses_existing_data(
    place: str, fields: Fields, project: IoProject, small: Callable[..., DataFrame]
) -> None:
    project.write(small(A), **merged(fields, write_mode="error"))
    with pytest.raises(WriteError, match="write_mode is error"):
        project.write(small(B))
    assert project.rows() == [A]


@pytest.mark.parametrize("mode", ["ignore", "error"])
@pytest.mark.parametrize("place", PLACES)
def test_ignore_and_error_are_judged_again_when_publishing(
    place: str, fields: Fields, mode: str, project: IoProject, small: Callable[..., DataFrame]
) -> None:
    project.with_output("late", **merged(fields, write_mode=mode)).with_output("t", **fields)
    if place == "memory":
        project.with_output("t", **fields)
    staged = _stage(project, small(B), "late")
    project.write(small(A))
    if mode == "error":
        with pytest.raises(WriteError):
            staged.publish()
    else:
        assert not staged.publish().is_written
    staged.discard()
    assert project.rows() == [A]


@pytest.mark.parametrize("place", those(lambda c: WriteMode.MERGE in c.write_modes))
def test_merge_updates_known_keys_and_inserts_new_ones(
    place: str, fields: Fields, project: IoProject, small: Callable[..., DataFrame]
) -> None:
    project.write(small(A, B), **merged(fields, write_mode="merge", keys=["id"]))
    changed = (2, "changed", date(2020, 1, 1))
    assert project.write(small(changed, C)).rows == 2
    assert project.rows() == [A, changed, C]


@pytest.mark.parametrize("place", those(lambda c: WriteMode.MERGE in c.write_modes))
@pytest.mark.parametrize("rows", [[(None, "x", None)], [(7, "x", None), (7, "y", None)]], ids=["null", "repeated"])
def test_merge_refuses_null_and_repeated_keys(
    place: str, fields: Fields, project: IoProject, small: Callable[..., DataFrame], rows: list[Any]
) -> None:
    project.write(small(A), **merged(fields, write_mode="merge", keys=["id"]))
    with pytest.raises(WriteError, match="null or repeated keys"):
        project.write(small(*rows))
    assert project.rows() == [A]


@pytest.mark.parametrize("place", those(lambda c: OverwriteScope.WINDOW in c.overwrite_scopes))
def test_a_windowed_overwrite_replaces_exactly_the_window(
    place: str, fields: Fields, project: IoProject, small: Callable[..., DataFrame]
) -> None:
    scope = {"overwrite_scope": "window", "window_column": "day"}
    parts = {"partition_by": ["day"]} if can(place).partition_by else {}
    project.write(small(A, B, C), window=("2013-01-01", "2013-01-03"), **merged(fields, **scope, **parts))
    new = (9, "new", date(2013, 1, 2))
    assert project.write(small(new), window=("2013-01-02", "2013-01-02")).rows == 1
    assert sorted(row[0] for row in project.rows()) == [1, 3, 9]
    with pytest.raises(WindowError, match="outside the window"):
        project.write(small(new, C), window=("2013-01-02", "2013-01-02"))
    with pytest.raises(WindowError, match="outside the window"):
        project.write(small((4, "none", None)), window=("2013-01-02", "2013-01-02"))
    with pytest.raises(WindowError, match="no dates"):
        project.write(small(new))
    assert sorted(row[0] for row in project.rows()) == [1, 3, 9]
    assert project.write(small(), window=("2013-01-02", "2013-01-03")).rows == 0
    assert [row[0] for row in project.rows()] == [1]


@pytest.mark.parametrize("place", those(lambda c: OverwriteScope.WINDOW in c.overwrite_scopes))
def test_the_first_windowed_overwrite_is_checked_too(
    place: str, fields: Fields, project: IoProject, small: Callable[..., DataFrame]
) -> None:
    scope = {"overwrite_scope": "window", "window_column": "day"}
    parts = {"partition_by": ["day"]} if can(place).partition_by else {}
    with pytest.raises(WindowError, match="outside the window"):
        project.write(small(A, C), window=("2013-01-01", "2013-01-02"), **merged(fields, **scope, **parts))


@pytest.mark.parametrize("place", those(lambda c: OverwriteScope.PARTITIONS in c.overwrite_scopes))
def test_an_overwrite_of_partitions_replaces_those_present(
    place: str, fields: Fields, project: IoProject, small: Callable[..., DataFrame]
) -> None:
    project.write(small(A, B, C), **merged(fields, overwrite_scope="partitions", partition_by=["day"]))
    project.write(small((9, "new", date(2013, 1, 2)), (8, "other", date(2013, 1, 5))))
    assert sorted(row[0] for row in project.rows()) == [1, 3, 8, 9]
    assert project.write(small()).rows == 0
    assert sorted(row[0] for row in project.rows()) == [1, 3, 8, 9]


@pytest.mark.parametrize("partition_by", [[], ["day"]], ids=["whole", "partitioned"])
@pytest.mark.parametrize("place", PLACES)
def test_an_empty_result_empties_the_table_and_leaves_its_columns(
    place: str, fields: Fields, partition_by: list[str], project: IoProject, small: Callable[..., DataFrame]
) -> None:
    if partition_by and not can(place).partition_by:
        pytest.skip("the format declares no partitions")
    project.write(small(A, B), **merged(fields, partition_by=partition_by))
    assert project.write(small()).rows == 0
    empty = project.read()
    assert empty is not None
    assert (empty.columns, empty.collect()) == (["id", "name", "day"], [])
    project.write(small(C))
    assert project.rows() == [C]


@pytest.mark.parametrize("place", PLACES)
def test_a_write_that_fails_half_way_leaves_the_old_rows(
    place: str, fields: Fields, project: IoProject, spark: SparkSession, small: Callable[..., DataFrame]
) -> None:
    project.write(small(A, B), **fields)
    bad = spark.range(0, 2000, 1, 2).selectExpr(
        "cast(if(id = 1999, raise_error('half-way'), id) as int) as id", "'x' as name", "date'2013-01-01' as day"
    )
    with pytest.raises(WriteError) as caught:
        project.write(bad)
    assert "half-way" in _chain(caught.value)
    assert project.rows() == [A, B]
    assert not list(project.root.rglob("_tauro"))


@pytest.mark.parametrize("mode", ["overwrite", "append"])
@pytest.mark.parametrize("place", PLACES)
def test_columns_are_matched_by_name(
    place: str, fields: Fields, mode: str, project: IoProject, small: Callable[..., DataFrame]
) -> None:
    project.write(small(A), **merged(fields, write_mode=mode))
    project.write(small(B).select("day", "name", "id"))
    assert project.rows() == ([A, B] if mode == "append" else [B])


@pytest.mark.parametrize("place", PLACES)
def test_missing_new_and_changed_columns_are_refused(
    place: str, fields: Fields, project: IoProject, small: Callable[..., DataFrame]
) -> None:
    project.write(small(A), **merged(fields, write_mode="append"))
    with pytest.raises(WriteError, match=r"missing: .*name"):
        project.write(small(B).drop("name"))
    with pytest.raises(WriteError, match=r"not in the table: .*extra"):
        project.write(small(B).selectExpr("*", "1 as extra"))
    with pytest.raises(WriteError, match=r"another type: .*name"):
        project.write(small(B).selectExpr("id", "1.5D as name", "day"))
    assert project.rows() == [A]


@pytest.mark.parametrize("place", those(lambda c: c.schema_evolution))
def test_schema_evolution_adds_columns(
    place: str, fields: Fields, project: IoProject, small: Callable[..., DataFrame]
) -> None:
    project.write(small(A), **merged(fields, write_mode="append", schema_evolution=True))
    project.write(small(B).selectExpr("id", "'more' as extra", "day"))
    assert project.rows() == [(1, "a", A[2], None), (2, None, B[2], "more")]


@pytest.mark.parametrize("place", those(lambda c: c.schema_evolution))
def test_schema_evolution_lets_an_overwrite_change_the_columns(
    place: str, fields: Fields, project: IoProject, small: Callable[..., DataFrame]
) -> None:
    project.write(small(A), **fields)
    with pytest.raises(WriteError, match="columns"):
        project.write(small(B).selectExpr("id", "'x' as other"))
    project.write(small(B).selectExpr("id", "'x' as other"), **merged(fields, schema_evolution=True))
    assert project.rows() == [(2, "x")]


@pytest.mark.parametrize("place", PLACES)
def test_odd_column_names_are_kept_or_refused_before_anything_is_written(
    place: str, fields: Fields, project: IoProject, spark: SparkSession
) -> None:
    names = ["a b", "dotted.name", "ünï", "per%", "semi;colon"]
    frame = spark.createDataFrame([(1, 2, 3, 4, 5)], ", ".join(f"`{name}` int" for name in names))
    project.with_output("t", **fields)
    try:
        FORMATS[project.outputs["t"].format_name or ""].check_schema(frame.schema, project.outputs["t"])
    except WriteError:
        with pytest.raises(WriteError, match=r"a b"):
            project.write(frame)
        assert not list(project.root.rglob("*.*"))
        return
    project.write(frame)
    back = project.read()
    assert back is not None
    assert (back.columns, [tuple(row) for row in back.collect()]) == (names, [(1, 2, 3, 4, 5)])


@pytest.mark.parametrize("place", PARTITIONED)
def test_odd_partition_values_come_back_as_they_were(
    place: str, fields: Fields, project: IoProject, spark: SparkSession
) -> None:
    values = ["01", "a/b", "x=y", "50%", "é ü", "2013-01-01 00:00:00", "{a,b}*", None]
    frame = spark.createDataFrame([(at, value) for at, value in enumerate(values)], "id int, part string")
    project.write(frame, **merged(fields, partition_by=["part"], overwrite_scope="partitions"))
    assert [row[1] for row in sorted(project.rows(), key=lambda row: str(row[0]))] == values
    project.write(spark.createDataFrame([(100, "a/b"), (101, None)], "id int, part string"))
    found = {row[1]: row[0] for row in project.rows()}
    assert found == {**{v: at for at, v in enumerate(values)}, "a/b": 100, None: 101}


@pytest.mark.parametrize("place", PLACES)
def test_nothing_is_visible_before_publish_and_nothing_left_after_discard(
    place: str, fields: Fields, project: IoProject, small: Callable[..., DataFrame]
) -> None:
    project.write(small(A), **fields)
    staged = _stage(project, small(B), "t")
    assert project.rows() == [A]
    staged.discard()
    assert project.rows() == [A]
    assert not list(project.root.rglob("_tauro"))
    staged = _stage(project, small(B), "t")
    staged.publish()
    staged.discard()
    assert project.rows() == [B]


@pytest.mark.parametrize("name", list(FORMATS))
def test_what_is_not_declared_is_refused_before_the_run(name: str) -> None:
    form = FORMATS[name]
    base: Fields = {"format": name, "options": dict.fromkeys(form.capabilities.needs_options, "x")}
    base |= {"table": "t"} if name in ("table", "jdbc", "memory") else {"path": "/data/t"}

    def problems(**more: Any) -> list[str]:
        return form.check_output(OutputSpec.parse("t", merged(base, **more)))

    if not form.capabilities.write_modes:
        assert problems()
        return
    assert problems() == []
    for mode in WriteMode:
        keys = {"keys": ["id"]} if mode is WriteMode.MERGE else {}
        provider = {"options": {"provider": "delta"}} if name == "table" else {}
        is_refused = bool(problems(write_mode=mode, **keys, **provider))
        assert is_refused == (mode not in form.capabilities.write_modes), mode
    for scope in OverwriteScope:
        parts = {"partition_by": ["day"]} if form.capabilities.partition_by else {}
        column = {"window_column": "day"} if scope is OverwriteScope.WINDOW else {}
        is_refused = bool(problems(overwrite_scope=scope, **parts, **column))
        assert is_refused == (scope not in form.capabilities.overwrite_scopes), scope
    assert bool(problems(partition_by=["day"])) == (not form.capabilities.partition_by)
    assert bool(problems(schema_evolution=True)) == (not form.capabilities.schema_evolution)


def test_save_output_refuses_what_check_output_refuses(project: IoProject, small: Callable[..., DataFrame]) -> None:
    with pytest.raises(ConfigError, match="csv does not merge"):
        project.write(small(A), format="csv", path="x", write_mode="merge", keys=["id"])
    assert not (project.root / "x").exists()


def _stage(project: IoProject, frame: DataFrame, id: str) -> Any:
    request = WriteRequest("pipe", "node", id, output_spec_for(project, id), None, uuid.uuid4().hex)
    return OutputManager(project).stage(request, frame)


def _chain(error: BaseException | None) -> str:
    return "" if error is None else f"{error}\n{_chain(error.__cause__)}"
