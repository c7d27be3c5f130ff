"""Paths as text."""

from __future__ import annotations

from pathlib import Path

import pytest

from tauro.storage.paths import as_file_name, canonical, has_glob, is_remote, literal_spark_path, matches, spark_path


@pytest.mark.parametrize(
    ("path", "remote"),
    [("s3a://b/k", True), ("hdfs:/x", True), ("/x", False), ("file:///x", False), ("file:/x", False), ("a:b", False)],
)
def test_what_is_remote(path: str, remote: bool) -> None:
    assert is_remote(path) == remote


@pytest.mark.parametrize("path", ["/a/b", "/a/b/", "file:///a/b", "file:/a/./b", "/a//c/../b"])
def test_one_place_has_one_spelling(path: str) -> None:
    assert canonical(path) == "/a/b"


@pytest.mark.parametrize(
    ("path", "spelled"),
    [
        ("s3a://b/k/", "s3a://b/k"),
        ("S3A://B/k//x/./y/../z", "s3a://B/k/x/z"),
        ("s3a://b", "s3a://b"),
        ("hdfs:/x/", "hdfs:///x"),
        ("hdfs:///x", "hdfs:///x"),
        ("abfss://c@account/x/", "abfss://c@account/x"),
        ("s3a://b/x/*.csv", "s3a://b/x/*.csv"),
    ],
)
def test_a_remote_path_has_one_spelling(path: str, spelled: str) -> None:
    assert canonical(path) == canonical(spelled) == spelled


def test_remote_paths_reach_spark_as_they_are() -> None:
    assert spark_path("s3a://b/k") == "s3a://b/k"


def test_local_paths_are_local_whatever_the_cluster_defaults_to() -> None:
    assert spark_path("/a/b") == "file:/a/b"
    assert literal_spark_path("/a/{b}*") == "file:/a/\\{b\\}\\*"


def test_patterns_of_hadoop_find_files(tmp_path: Path) -> None:
    for name in ("a1", "b1", "c2"):
        (tmp_path / name).touch()

    def found(pattern: str) -> list[str]:
        return [path.name for path in matches(f"{tmp_path}/{pattern}")]

    assert found("{a,b}1") == ["a1", "b1"]
    assert found("[^a]*") == ["b1", "c2"]
    assert found("?2") == ["c2"]
    assert found("x*") == []
    assert [has_glob(path) for path in ("a*", "a{b,c}", "a?", "a[b]", "plain")] == [True, True, True, True, False]


@pytest.mark.parametrize("text", ["bronze.events", "a/b", "..", ".", "a*{b}", "é ü"])
def test_any_text_is_one_component(text: str) -> None:
    name = as_file_name(text)
    assert name not in (".", "..")
    assert not set(name) & set("/{}*?[]\\: ")
    assert len(Path(name).parts) == 1
