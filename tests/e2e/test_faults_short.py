"""The short version of the suite that kills runs; the whole is `make faults`."""

from __future__ import annotations

import pytest

from tests.faults.__main__ import main

pytestmark = [pytest.mark.spark, pytest.mark.postgres]


@pytest.mark.timeout(1500)
def test_killed_runs_leave_right_tables_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--short"])
    assert code == 0, capsys.readouterr().out
