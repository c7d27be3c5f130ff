"""What Spark brings itself is left out; what only has the same name is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tauro.launch.jars.ivy import Resolved
from tauro.launch.jars.shipped import is_shipped
from tests.support.fake_ivy import fake_spark, write_jar

ONE = {"a/One.class": "1", "a/Two.class": "2", "a/Three.class": "3", "a/Four.class": "4"}


@pytest.mark.parametrize(
    ("version", "files", "is_left_out"),
    [
        ("2.0", {"z/Other.class": "1"}, True),  # the same file
        ("1.9", ONE, True),
        ("1.10-3", ONE | {"a/Gone.class": "5"}, True),
        ("1.9", {"z/Other.class": "1"}, False),  # another artefact of the same name
        ("2.1", ONE, True),  # nothing in it that Spark lacks
        ("2.1", ONE | {"a/New.class": "5"}, False),
    ],
)
def test_a_jar_is_left_out_if_spark_has_it(
    tmp_path: Path, version: str, files: dict[str, str], is_left_out: bool
) -> None:
    spark = fake_spark(tmp_path, {"core-2.0.jar": ONE})
    jar = tmp_path / f"core-{version}.jar"
    write_jar(jar, files)
    assert is_shipped(Resolved(f"com.example:core:{version}", jar), spark) is is_left_out


def test_a_jar_with_a_longer_name_is_another(tmp_path: Path) -> None:
    spark = fake_spark(tmp_path, {"core-extra-2.0.jar": ONE})
    write_jar(tmp_path / "core-1.0.jar", ONE)
    assert not is_shipped(Resolved("com.example:core:1.0", tmp_path / "core-1.0.jar"), spark)


def test_a_broken_jar_is_not_taken_for_one_of_sparks(tmp_path: Path) -> None:
    spark = fake_spark(tmp_path, {"core-2.0.jar": ONE})
    (tmp_path / "core-1.0.jar").write_text("not a jar")
    assert not is_shipped(Resolved("com.example:core:1.0", tmp_path / "core-1.0.jar"), spark)
