"""A pipeline's settings are given to a session that runs, where they are not in it from its start."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from pyspark.errors import PySparkException

from tauro.errors import UnsupportedError
from tauro.spark.runtime import runtime_settings


class FakeConf:
    """A session's settings, of which those that begin with spark.jars can't be changed."""

    def __init__(self, **values: str) -> None:
        self.values = {name.replace("_", "."): value for name, value in values.items()}

    def get(self, name: str, default: str | None) -> str | None:
        return self.values.get(name, default)

    def set(self, name: str, value: str) -> None:
        if name.startswith("spark.jars"):
            raise PySparkException(f"cannot modify {name}")
        self.values[name] = value

    def unset(self, name: str) -> None:
        del self.values[name]


def given(conf: FakeConf, settings: dict[str, str]) -> dict[str, str]:
    """What the session has while the settings of a pipeline last."""
    session: Any = SimpleNamespace(conf=conf)  # Any: stands for a SparkSession
    with runtime_settings(session, settings):
        return dict(conf.values)


@pytest.mark.parametrize(
    "conf",
    [
        FakeConf(spark_jars_packages="a:b:1"),
        FakeConf(spark_jars_packages="a:b:1,io.delta:delta-spark:4"),
        FakeConf(spark_jars_packages="", spark_tauro_jars_packages="io.delta:delta-spark:4,a:b:1"),
    ],
)
def test_packages_that_the_session_was_started_with_are_not_asked_for_again(conf: FakeConf) -> None:
    assert given(conf, {"spark.jars.packages": "a:b:1"}) == conf.values


def test_jars_to_which_tauro_has_added_are_not_asked_for_again() -> None:
    conf = FakeConf(spark_jars="/opt/a.jar,/cache/own.jar")
    assert given(conf, {"spark.jars": "/opt/a.jar"}) == conf.values


@pytest.mark.parametrize("name", ["spark.jars.packages", "spark.jars"])
def test_what_the_session_lacks_comes_too_late(name: str) -> None:
    conf = FakeConf(spark_jars_packages="", spark_tauro_jars_packages="a:b:1", spark_jars="/cache/own.jar")
    with pytest.raises(UnsupportedError, match="can't be changed to"):
        given(conf, {name: "a:b:1,c:d:2"})


def test_other_settings_last_as_long_as_the_run() -> None:
    conf = FakeConf(spark_a="1")
    assert given(conf, {"spark.a": "2", "spark.b": "3"}) == {"spark.a": "2", "spark.b": "3"}
    assert conf.values == {"spark.a": "1"}


def test_over_connect_the_servers_own_settings_are_left_to_it() -> None:
    conf = FakeConf(spark_a="1")
    client = SimpleNamespace(_builder=SimpleNamespace(endpoint="host:15002"), _user_id=None, _session_id="1")
    session: Any = SimpleNamespace(conf=conf, client=client)  # Any: stands for a SparkSession over Connect
    asked = {"spark.remote": "sc://host", "spark.jars": "a.jar", "spark.sql.shuffle.partitions": "3"}
    with runtime_settings(session, asked):
        assert conf.values == {"spark.a": "1", "spark.sql.shuffle.partitions": "3"}
    assert conf.values == {"spark.a": "1"}
