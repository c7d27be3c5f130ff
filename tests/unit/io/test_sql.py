"""Queries checked without Spark."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tauro.io.sql import check_query, parameters_of, referenced
from tauro.io.sql_text import regions, without_end


@pytest.mark.parametrize(
    "text",
    [
        "select 1",
        "select 1;",
        "-- x\nselect 1 -- y;\n;",
        "with a as (select 1) select * from a",
        "values (1), (2)",
        "select 1 union all select 2",
        "(select 1)",
        "select * from t lateral view explode(x) as y",
        "from t select a",
    ],
)
def test_one_query_is_welcome(text: str) -> None:
    assert check_query(text) == ([], [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        (" ; -- nothing", "empty"),
        ("select 1; select 2", "2 statements"),
        ("insert into t select 1", "INSERT"),
        ("with a as (select 1) insert into t select * from a", "INSERT"),
        ("from t insert into u select a", "INSERT"),
        ("drop table t", "DROP"),
        ("update t set a = 1", "UPDATE"),
        ("delete from t", "DELETE"),
        ("merge into t using s on t.a = s.a when matched then delete", "MERGE"),
        ("create table t as select 1", "CREATE"),
        ("truncate table t", "TRUNCATE"),
        ("alter table t add column a int", "ALTER"),
        ("set x = 1", "SET"),
        ("show tables", "SHOW"),
        ("vacuum t", "VACUUM"),
        ("grant select on t to u", "GRANT"),
    ],
)
def test_anything_but_one_query_is_an_error(text: str, message: str) -> None:
    errors, _ = check_query(text)
    assert len(errors) == 1
    assert message in errors[0]


@pytest.mark.parametrize("text", ["selec 1", "select v:a.b::int from t", "table t"])
def test_what_only_spark_may_read_is_a_warning(text: str) -> None:
    errors, warnings = check_query(text)
    assert (errors, len(warnings)) == ([], 1)
    assert "\x1b" not in warnings[0]


def test_parameters_are_not_looked_for_in_strings_comments_and_casts() -> None:
    text = """select :a, ':b', "c :c", x::int, (:l)::int, v:k -- :d
        , `:e` /* :f /* :g */ :h */, r'\\' = :raw from t where y=:jj and s = 'it''s :x' and q = '\\' :y'"""
    assert parameters_of(text) == {"a", "l", "raw", "jj"}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("select 1 ; -- x\n ; /* c */ ", "select 1"),
        ("select ';' -- k", "select ';'"),
        ("select 1 /* a */ + 2", "select 1 /* a */ + 2"),
        ("/* unclosed", ""),
    ],
)
def test_the_end_of_a_query_is_cut_off(text: str, kept: str) -> None:
    assert without_end(text) == kept


@given(st.text(alphabet="ab:;'\"`-/* \n\\r", max_size=40))
def test_regions_are_the_whole_text(text: str) -> None:
    assert "".join(part for _, part in regions(text)) == text
    assert text.startswith(without_end(text))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("with events as (select 1 as id) select * from events", []),
        ("with Events as (select * from users) select * from EVENTS", ["users"]),
        ("with events as (select * from events) select * from events", ["events"]),
        ("with recursive events as (select 1 union all select * from events) select * from events", []),
        ("with a as (select * from events), events as (select 1) select * from a, events", ["events"]),
        ("with events as (select 1), a as (select * from events) select * from a", []),
        ("select * from (with events as (select 1) select * from events) join users", ["users"]),
        ("select * from (with events as (select 1) select * from events), events", ["events"]),
        ("with events as (select 1) select * from users where id in (select id from events)", ["users"]),
        ("with events as (select 1) select * from users union all select * from events", ["users"]),
        ("select * from other.events join users", ["users"]),
        ("select * from spark_catalog.other.events", []),
        ("select events.id from users as events", ["users"]),
    ],
)
def test_names_of_the_querys_own_with_and_of_databases_are_no_inputs(text: str, named: list[str]) -> None:
    assert referenced(text, {"events": "events", "users": "users"}) == named


def test_views_are_found_by_word() -> None:
    ids = {"bronze_events": "bronze.events", "events": "events", "my-id": "my-id"}
    assert referenced("select * from Bronze_Events join `my-id`", ids) == ["bronze.events", "my-id"]
