"""Tables named beside one another, however databases quote."""

from __future__ import annotations

import pytest

from tauro.io.jdbc.database import beside, last_part


@pytest.mark.parametrize(
    ("table", "schema", "name"),
    [
        ("events", "", "events"),
        ("gold.events", "gold.", "events"),
        ("base.dbo.events", "base.dbo.", "events"),
        ('"A.b"."T.x"', '"A.b".', '"T.x"'),
        ('gold."per ""cent"""', "gold.", '"per ""cent"""'),
        ("`a`.`b.c`", "`a`.", "`b.c`"),
        ("[my base]..[b.c]", "[my base]..", "[b.c]"),
        ('"T"', "", '"T"'),
    ],
)
def test_another_table_of_the_schema_is_named_as_the_schema_is(table: str, schema: str, name: str) -> None:
    assert last_part(table) == name
    assert beside(table, "other") == f"{schema}other"
