"""`tauro jars` lists, fetches and checks what the store holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.fake_ivy import FakeIvy, fake_ivy
from tests.unit.cli.conftest import Called

Tauro = Callable[..., Called]
OWN, MORE = "com.example:own:1.0", "com.example:more:1.0"


@pytest.fixture
def ivy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeIvy:
    """A repository of two jars, an empty store, and a Java that stands for Ivy."""
    ivy = fake_ivy(tmp_path / "java")
    ivy.publish("own")
    ivy.publish("more")
    monkeypatch.setenv("JAVA_HOME", str(ivy.folder))
    monkeypatch.setenv("TAURO_CACHE", str(tmp_path / "cache"))
    for name in ("TAURO_JARS", "PYSPARK_SUBMIT_ARGS", "PYSPARK_GATEWAY_PORT", "SPARK_CONF_DIR"):
        monkeypatch.delenv(name, raising=False)
    return ivy


@pytest.fixture
def needy(project: Path) -> Path:
    """The project, one of whose pipelines names a package more than the others."""
    text = (project / "tauro.yml").read_text()
    (project / "tauro.yml").write_text(
        text.replace("  spark_config:\n", f"  spark_config:\n    spark.jars.packages: {OWN}\n")
    )
    with (project / "pipelines.yml").open("a") as pipelines:
        pipelines.write(f"  spark_config:\n    spark.jars.packages: {OWN},{MORE}\n")
    return project


def lists(called: Called) -> list[tuple[list[str], list[str]]]:
    """What was asked for, and the state of each file."""
    return [(one["coordinates"], [jar["state"] for jar in one["jars"]]) for one in called.document["lists"]]


@pytest.mark.usefixtures("ivy")
def test_an_empty_store_is_listed_and_checked_without_a_project(tauro: Tauro, tmp_path: Path) -> None:
    for words in (("jars",), ("jars", "check")):
        called = tauro(*words)
        assert (called.code, called.err) == (0, "")
        assert called.out == f"0 jars, 0.0 MB in {tmp_path}/cache/jars\n"
        document = tauro(*words, "--json").document
        assert document == {"schema_version": 1, "folder": f"{tmp_path}/cache/jars", "lists": []}


@pytest.mark.usefixtures("needy")
def test_fetch_gets_what_every_pipeline_needs_and_once(tauro: Tauro, ivy: FakeIvy) -> None:
    fetched = tauro("jars", "fetch", "--json")
    assert fetched.code == 0, fetched.err
    assert sorted(lists(fetched)) == [([MORE, OWN], ["sound", "sound"]), ([OWN], ["sound"])]
    assert len(ivy.calls()) == 2
    assert tauro("jars", "fetch", "--json").document["lists"] == fetched.document["lists"]
    assert len(ivy.calls()) == 2
    assert sorted(lists(tauro("jars", "--json"))) == sorted(lists(fetched))


@pytest.mark.usefixtures("needy")
def test_fetch_of_one_pipeline_gets_what_that_needs(tauro: Tauro, ivy: FakeIvy) -> None:
    assert lists(tauro("jars", "fetch", "--pipeline", "daily", "--json")) == [([OWN], ["sound"])]
    assert len(ivy.calls()) == 1
    assert tauro("jars", "fetch", "--pipeline", "dally").code == 2


@pytest.mark.usefixtures("needy", "ivy")
def test_the_list_names_each_coordinate_with_its_file_size_and_state(tauro: Tauro) -> None:
    called = tauro("jars", "fetch", "--pipeline", "daily")
    assert called.out.startswith(f"{OWN} (Spark ")
    row = next(line for line in called.out.splitlines() if line.startswith(f"{OWN}  "))
    assert [cell.split("/")[-1] for cell in row.split()] == [OWN, "com.example_own-1.0.jar", "0.0", "MB", "sound"]
    assert called.out.splitlines()[-1].startswith("1 jar, 0.0 MB in ")


@pytest.mark.usefixtures("needy")
def test_check_finds_a_damaged_file_and_fetch_mends_it(tauro: Tauro, ivy: FakeIvy) -> None:
    before = tauro("jars", "fetch", "--json").document
    jar = Path(before["lists"][0]["jars"][0]["file"])
    jar.write_bytes(b"x" * jar.stat().st_size)
    checked = tauro("jars", "check")
    assert checked.code == 3
    assert "1 jar damaged or missing; `tauro jars fetch`" in checked.out
    jar.unlink()
    checked = tauro("jars", "check", "--json")
    assert checked.code == 3
    assert "missing" in [jar["state"] for one in checked.document["lists"] for jar in one["jars"]]
    assert tauro("jars", "fetch", "--json").document == before
    assert tauro("jars", "check").code == 0


@pytest.mark.usefixtures("needy", "ivy")
def test_settings_are_shown_with_the_jar_store_as_their_origin(tauro: Tauro) -> None:
    def shown() -> dict[str, tuple[str, str]]:
        document = tauro("show", "settings", "--json").document
        return {row["name"]: (row["value"], row["origin"]) for row in document["spark"]}

    before = shown()
    assert before["spark.jars.packages"] == (OWN, "global_settings.spark_config")
    assert "spark.jars" not in before
    tauro("jars", "fetch")
    value, origin = shown()["spark.jars"]
    assert value.endswith("/com.example_own-1.0.jar")
    assert origin == f"tauro default: from the jar store, for {OWN}"


@pytest.mark.usefixtures("needy")
def test_neither_plan_nor_validate_nor_settings_fetch_anything(tauro: Tauro, ivy: FakeIvy) -> None:
    days = ("--start", "2025-01-01", "--end", "2025-01-02")
    for words in (("validate",), ("plan", "--pipeline", "daily", *days), ("show", "settings")):
        assert tauro(*words).code == 0
    assert ivy.calls() == []


@pytest.mark.usefixtures("project")
def test_a_project_that_needs_no_jars_is_told_so(tauro: Tauro, ivy: FakeIvy) -> None:
    called = tauro("jars", "fetch")
    assert (called.code, called.out) == (0, "the project needs no jars that could be fetched beforehand\n")
    assert ivy.calls() == []


@pytest.mark.usefixtures("needy")
def test_what_can_not_be_fetched_ends_with_code_3(tauro: Tauro, ivy: FakeIvy, tmp_path: Path) -> None:
    (ivy.folder / "repository" / "own-1.0.jar").unlink()
    called = tauro("jars", "fetch", "--pipeline", "daily")
    assert called.code == 3
    assert f"could not fetch the jars of {OWN}" in called.err
    document = tauro("jars", "fetch", "--json").document
    assert document["lists"] == []
    assert document["error"]["type"] == "SessionError"
    assert tauro("jars", "--json").document["lists"] == []


@pytest.mark.usefixtures("needy", "ivy")
def test_a_store_that_can_not_be_used_is_an_error_that_tells_why(
    tauro: Tauro, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TAURO_CACHE", str(tmp_path / "file"))
    called = tauro("jars", "fetch")
    assert called.code == 3
    assert "can't be written" in called.err
    monkeypatch.setenv("TAURO_CACHE", str(tmp_path / "a,b"))
    assert tauro("jars", "fetch").code == 3
    monkeypatch.setenv("TAURO_JARS", "off")
    called = tauro("jars")
    assert called.code == 2
    assert "unset TAURO_JARS" in called.err
