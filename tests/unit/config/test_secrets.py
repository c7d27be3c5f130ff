from __future__ import annotations

import pytest

from tauro.config import is_secret_option, redact, show_options


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "PASSWORD",
        "dbPassword",
        "sfPassword",
        "db_password",
        "userpassword",
        "pwd",
        "token",
        "accessToken",
        "authtoken",
        "key",
        "apiKey",
        "api_key",
        "fs.s3a.access.key",
        "fs.s3a.secret.key",
        "spark.hadoop.fs.s3a.secretKey",
        "fs.azure.account.key.store.dfs.core.windows.net",
        "parquet.encryption.footer.key",
        "ssl.truststore.password",
        "client_secret",
        "aws_secret_access_key",
        "credentials",
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret_option(name)


@pytest.mark.parametrize(
    "name",
    [
        "header",
        "dbtable",
        "user",
        "primaryKey",
        "partition_key",
        "key.deserializer",
        "keys",
        "monkey",
        "keyspace",
        "sep",
    ],
)
def test_names_of_what_may_be_shown(name: str) -> None:
    assert not is_secret_option(name)


def test_options_are_shown_without_their_secrets() -> None:
    options = {"url": "jdbc:postgresql://u:pw@h/db?user=u&password=pw", "password": "x", "header": True, "token": None}
    assert show_options(options) == {
        "url": "jdbc:postgresql://u:***@h/db?user=u&password=***",
        "password": "***",
        "header": True,
        "token": None,
    }


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("jdbc:sqlserver://h;user=u;password=p@ss;x=1", "jdbc:sqlserver://h;user=u;password=***;x=1"),
        ("postgresql://user:p@ss@host/db", "postgresql://user:***@host/db"),
        ("https://host/x?sig=abc&y=1", "https://host/x?sig=***&y=1"),
        ("AccountKey=abc==;EndpointSuffix=x", "AccountKey=***;EndpointSuffix=x"),
        ("connect with password='a b' now", "connect with password=*** now"),
        ("s3a://bucket/a@b", "s3a://bucket/a@b"),
        ("user@host.org wrote a=b", "user@host.org wrote a=b"),
        ("http://host:8080/path", "http://host:8080/path"),
    ],
)
def test_passwords_in_urls_and_connection_strings_are_hidden(text: str, shown: str) -> None:
    assert redact(text) == shown


def test_a_secret_is_hidden_in_each_of_its_spellings() -> None:
    secret = 'p@ss "w"/1'
    text = 'a p@ss "w"/1 b p%40ss%20%22w%22%2F1 c p@ss \\"w\\"/1'
    assert redact(text, [secret]) == "a *** b *** c ***"


def test_the_longer_of_two_secrets_is_hidden_whole() -> None:
    assert redact("hunter2hunter2", ["hunter2", "hunter2hunter2"]) == "***"


def test_the_lines_of_a_secret_file_are_hidden_one_by_one() -> None:
    assert redact("saw MIIEvQIBADANBg here", ["-----BEGIN-----\nMIIEvQIBADANBg\n"]) == "saw *** here"


def test_a_very_short_secret_is_hidden_only_as_a_word() -> None:
    assert redact("a 7 in 2007", ["7"]) == "a *** in 2007"
    assert redact("unchanged", [""]) == "unchanged"
