"""Words of a command that may hold a secret are told from those that do not."""

from __future__ import annotations

import pytest

from tauro.launch.secret_words import may_hold_secret


@pytest.mark.parametrize(
    "word",
    [
        "spark.hadoop.fs.s3a.secret.key=abc",
        "spark.hadoop.fs.s3a.access.key=abc",
        "spark.hadoop.fs.azure.account.key.shop.blob.core.windows.net=abc",
        "spark.hadoop.fs.azure.sas.box.shop.blob.core.windows.net=abc",
        "spark.authenticate.secret=abc",
        "spark.ssl.keyStorePassword=abc",
        "spark.kubernetes.authenticate.submission.oauthToken=abc",
        "spark.driver.extraJavaOptions=-Dhttps.proxyHost=a -Dhttps.proxyPassword=b",
        "spark.jars.repositories=https://joe:abc@repository.example/maven",
        "-Ddb.passwd=abc",
    ],
)
def test_a_secret_is_seen(word: str) -> None:
    assert may_hold_secret(["--conf", word], lambda text: text)


@pytest.mark.parametrize(
    "word",
    [
        "spark.sql.shuffle.partitions=2",
        "spark.hadoop.fs.s3a.aws.credentials.provider=com.amazonaws.auth.DefaultAWSCredentialsProviderChain",
        "spark.authenticate.secret=",
        "spark.jars=/home/joe/.cache/tauro/jars/delta-storage-4.4.0.jar",
        "spark.hadoop.javax.jdo.option.ConnectionURL=jdbc:derby:;databaseName=/shop/metastore_db;create=true",
        "pyspark-shell",
        "--add-opens=java.base/java.lang=ALL-UNNAMED",
    ],
)
def test_what_is_none_is_not_taken_for_one(word: str) -> None:
    assert not may_hold_secret(["--conf", word], lambda text: text)


def test_what_the_project_knows_to_be_secret_is_one() -> None:
    assert may_hold_secret(["spark.a=hunter2"], lambda text: text.replace("hunter2", "***"))
