"""A Connect server that does not see a folder where this process sees it is found out before anything is written."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pyspark.errors import AnalysisException

from tauro.errors import UnsupportedError
from tauro.io.reach import check_seen


class Server:
    """A session on a server that sees another folder than this process does, or the same."""

    def __init__(self, sees: bool) -> None:
        self.sees = sees
        self.asked: list[str] = []

    @property
    def read(self) -> Any:
        return SimpleNamespace(text=self._text)

    def _text(self, path: str) -> Any:
        self.asked.append(path)
        is_there = Path(path.removeprefix("file:")).exists() and self.sees
        if is_there:
            return SimpleNamespace(schema=None)
        raise AnalysisException("Path does not exist", errorClass="PATH_NOT_FOUND", messageParameters={"path": path})


def test_a_folder_that_both_see_is_asked_for_once_and_left_as_it_was(tmp_path: Path) -> None:
    server: Any = Server(sees=True)
    for _ in range(2):
        check_seen(server, tmp_path / "_tauro", Path("run/node"), "output 'x'")
    assert len(server.asked) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_the_server_has_not_is_refused_with_the_way_out(tmp_path: Path) -> None:
    server: Any = Server(sees=False)
    with pytest.raises(UnsupportedError, match="does not see") as caught:
        check_seen(server, tmp_path / "_tauro", Path("run/node"), "output 'x'")
    assert caught.value.where == "output 'x'"
    assert "s3a://" in (caught.value.fix or "")
    assert list(tmp_path.iterdir()) == []
