"""Versions that do not fit are named before anything starts; what does not fit on a cluster, when it shows."""

from __future__ import annotations

import pytest

from tauro.errors import MismatchError
from tauro.exec.failures import kind_of
from tauro.model.outcome import FailureKind
from tauro.spark.mismatches import mismatch_in
from tauro.spark.versions import check_delta, check_spark


def test_a_pyspark_for_another_spark_is_refused() -> None:
    check_spark("4.2.0", "4.2.1", "/opt/spark")
    with pytest.raises(MismatchError, match=r"pyspark is 4\.2\.0, and the Spark in /opt/spark is 4\.1\.1") as caught:
        check_spark("4.2.0", "4.1.1", "/opt/spark")
    assert "pip install 'pyspark==4.1.1'" in str(caught.value)


@pytest.mark.parametrize(
    ("jar", "spark"),
    [
        ("/jars/io.delta_delta-spark_4.2_2.13-4.4.0.jar", "4.2.0"),
        ("io.delta:delta-spark_4.2_2.13:4.4.0", "4.2.0"),
        ("/jars/delta-spark_2.13-4.0.0.jar", "4.0.2"),
        ("io.delta:delta-spark_2.13:4.0.1", "4.0.0"),
        ("/jars/delta-storage-4.4.0.jar", "4.0.0"),
        ("/jars/my-delta.jar", "4.2.0"),
    ],
)
def test_a_delta_for_this_spark_and_any_other_jar_are_let_through(jar: str, spark: str) -> None:
    check_delta([jar], spark)


@pytest.mark.parametrize(
    ("jar", "spark", "made_for"),
    [
        ("/jars/io.delta_delta-spark_4.1_2.13-4.3.0.jar", "4.2.0", "4.1"),
        ("io.delta:delta-spark_4.2_2.13:4.4.0", "4.0.1", "4.2"),
        ("/jars/io.delta_delta-spark_2.13-4.0.0.jar", "4.2.0", "4.0"),
        ("io.delta:delta-spark_2.12:3.2.0", "4.0.0", "3.5"),
    ],
)
def test_a_delta_for_another_spark_is_refused(jar: str, spark: str, made_for: str) -> None:
    with pytest.raises(MismatchError, match=f"is made for Spark {made_for}, and this is Spark {spark}"):
        check_delta(["other.jar", jar], spark)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "[PYTHON_VERSION_MISMATCH] Python in worker has different version: 3.10 than that in driver: 3.11, PySpark",
            "the executors run Python 3.10, the driver runs 3.",
        ),
        (
            'java.io.IOException: Cannot run program "/opt/python3": error=2, No such file or directory',
            "an executor can't run /opt/python3",
        ),
        ("ModuleNotFoundError: No module named 'lxml'", "the executors' Python has no module 'lxml'"),
        (
            "UnsupportedClassVersionError: a/B has been compiled by a more recent version of the Java Runtime",
            "the Java of an executor is too old for a/B",
        ),
        (
            "java.io.InvalidClassException: org.apache.spark.deploy.ApplicationDescription; local class incompatible",
            "the cluster runs another version of Spark than the driver, which runs 4.2.0",
        ),
        (
            "java.lang.NoSuchMethodError: 'x'\n\tat org.apache.spark.sql.delta.DeltaLog.f(D.scala:1)",
            "Delta's jar does not fit Spark 4.2.0: NoSuchMethodError",
        ),
    ],
)
def test_what_spark_says_of_a_mismatch_is_told_with_the_way_out(said: str, told: str) -> None:
    found = mismatch_in(f"An error occurred while calling o1.\n: {said}\n\tat x", "4.2.0")
    assert found is not None
    assert told in found.message
    assert found.fix
    assert "{" not in str(found)
    assert kind_of(found) is FailureKind.PERMANENT


@pytest.mark.parametrize(
    "said", ["ZeroDivisionError: division by zero", "java.lang.NoSuchMethodError: 'x'\n\tat a.b(C)"]
)
def test_any_other_failure_is_none(said: str) -> None:
    assert mismatch_in(said, "4.2.0") is None
