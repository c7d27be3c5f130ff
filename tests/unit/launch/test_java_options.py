"""What is chosen for a local session's JVM goes before the user's options, and gives way to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tauro.launch.java_options import DEFAULT_OPTIONS, EXTRA_OPTIONS, with_java_options, with_options
from tauro.launch.machine import Machine
from tauro.launch.settings import FROM_PROJECT, Setting

SMALL, LARGE = Machine(2, 8 * 1024**3), Machine(16, 64 * 1024**3)
HOME = Path("/nowhere")


def given(**more: str) -> dict[str, Setting]:
    values = {"spark.master": "local[*]"} | {f"spark.{name.replace('_', '.')}": value for name, value in more.items()}
    return {name: Setting(name, value, FROM_PROJECT) for name, value in values.items()}


def chosen(
    settings: dict[str, Setting], machine: Machine = SMALL, environment: dict[str, str] | None = None
) -> list[str]:
    found = with_java_options(settings, machine, environment or {}, HOME)
    return found[DEFAULT_OPTIONS].value.split() if DEFAULT_OPTIONS in found else []


def test_few_cores_get_the_cheapest_collector_and_many_are_left_to_java() -> None:
    assert chosen(given()) == ["-XX:+UseSerialGC", "-XX:MetaspaceSize=256m"]
    assert chosen(given(), LARGE) == ["-XX:MetaspaceSize=256m"]


def test_a_large_heap_is_left_to_java() -> None:
    assert "-XX:+UseSerialGC" in chosen(given(driver_memory="16g"))
    assert chosen(given(driver_memory="17g")) == ["-XX:MetaspaceSize=256m"]


def test_every_choice_has_its_reason() -> None:
    found = with_java_options(given(), SMALL, {}, HOME)[DEFAULT_OPTIONS]
    assert found.origin == (
        "tauro default: the cheapest garbage collector on 2 cores; no collection of classes while Spark is loaded"
    )


def test_a_cluster_is_told_nothing_about_this_machine() -> None:
    assert chosen(given(master="yarn")) == []
    assert chosen(given(master="local-cluster[2,1,1024]")) == []


@pytest.mark.parametrize("name", ["defaultJavaOptions", "extraJavaOptions"])
def test_the_users_options_stay_and_come_last(name: str) -> None:
    settings = given(**{f"driver_{name}": "-Dmy.own=1 -XX:+UseParallelGC"})
    found = with_java_options(settings, SMALL, {}, HOME)
    options = f"{found[DEFAULT_OPTIONS].value} {found.get(EXTRA_OPTIONS, Setting('', '', '')).value}".split()
    assert [word for word in options if word.startswith(("-Dmy", "-XX:+Use"))] == ["-Dmy.own=1", "-XX:+UseParallelGC"]
    assert options.index("-XX:MetaspaceSize=256m") < options.index("-Dmy.own=1")
    assert found[f"spark.driver.{name}"].origin.endswith(FROM_PROJECT)


@pytest.mark.parametrize("name", ["JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "SPARK_SUBMIT_OPTS"])
def test_a_collector_that_a_variable_names_is_not_joined_by_another(name: str) -> None:
    assert chosen(given(), environment={name: "-XX:+UseZGC"}) == ["-XX:MetaspaceSize=256m"]


def test_a_collector_in_the_folder_of_settings_is_not_joined_by_another(tmp_path: Path) -> None:
    (tmp_path / "java-opts").write_text("-XX:+UseG1GC\n")
    assert chosen(given(), environment={"SPARK_CONF_DIR": str(tmp_path)}) == ["-XX:MetaspaceSize=256m"]


def test_what_the_command_line_of_spark_overrules_is_left_alone() -> None:
    submitted = {"PYSPARK_SUBMIT_ARGS": "--conf spark.driver.defaultJavaOptions=-Dours=1 pyspark-shell"}
    settings = given(driver_defaultJavaOptions="-Dours=1")
    assert with_java_options(settings, SMALL, submitted, HOME) == settings


def test_a_quote_that_is_not_closed_is_left_to_spark() -> None:
    assert chosen(given(driver_extraJavaOptions='-Da="b -XX:+UseG1GC')) == ["-XX:MetaspaceSize=256m"]


def test_the_catalogs_database_writes_no_log_file_whatever_the_user_sets() -> None:
    settings = given(driver_defaultJavaOptions="-Dmy.own=1") | {
        "spark.hadoop.javax.jdo.option.ConnectionURL": Setting("", "jdbc:derby:;databaseName=/p", "")
    }
    assert "-Dderby.stream.error.field=java.lang.System.err" in chosen(settings)
    settings |= given(driver_extraJavaOptions="-Dderby.stream.error.file=mine.log")
    assert not [word for word in chosen(settings) if word.startswith("-Dderby")]


def test_an_option_with_a_space_is_one_word_to_spark() -> None:
    found = with_options(given(), ["-XX:SharedArchiveFile=/a b/c.jsa", "-Xshare:auto"], "why", {})
    assert found[DEFAULT_OPTIONS].value == '"-XX:SharedArchiveFile=/a b/c.jsa" -Xshare:auto'
