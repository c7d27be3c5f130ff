"""The benchmark's programs run and tell what they should; what they measure is not looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from tauro.errors import Severity
from tauro.exec.checks.preflight import check_project
from tests.bench import publishing, report
from tests.bench.__main__ import PARTS, main
from tests.bench.engine import rows
from tests.bench.timing import Ratio, Row, in_turns, ratio


@pytest.fixture(scope="module")
def engine() -> list[Row]:
    return list(rows(is_quick=True))


def test_engine_is_compared_on_a_chain_a_fan_and_a_layered_graph(engine: list[Row]) -> None:
    assert [row.name.split(" of ")[0] for row in engine] == ["chain", "fan", "layered graph", "layered graph"]
    assert [row.limit for row in engine] == [5.0, 5.0, 5.0, None]
    assert all(row.ratio.median > 0 and row.same.median > 0 for row in engine)


def test_table_has_a_line_for_each_row_and_names_what_is_missed() -> None:
    same = Ratio(1.0, 0.9, 1.1)
    kept = Row("fast", "pass", Ratio(1.5, 1.4, 2.1), same, 2.0, "3 ms : 2 ms")
    missed = Row("slow", "pass", Ratio(2.5, 1.9, 2.6), same, 2.0, "5 ms : 2 ms")
    free = Row("peak", "one", Ratio(2.5, 2.5, 2.5), same, None, "5 : 2 MiB")
    lines = report.as_text([kept, missed, free]).splitlines()
    assert len(lines) == 4
    assert ["MISSED" in line for line in lines] == [False, False, True, False]


def test_figures_replace_those_on_the_page_and_nothing_else(tmp_path: Path, engine: list[Row]) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- figures of engine -->\nold\n<!-- end of engine -->\nafter\n")
    report.write("engine", engine, page)
    report.write("engine", engine, page)
    lines = page.read_text().splitlines()
    assert (lines[0], lines[-1]) == ("before", "after")
    assert "old" not in lines
    assert sum(line.startswith("| chain") for line in lines) == 1
    with pytest.raises(ValueError, match="figures of spark"):
        report.write("spark", engine, page)


def test_page_has_a_place_for_every_part() -> None:
    text = (Path(__file__).parents[2] / report.PAGE).read_text()
    for part in PARTS:
        assert f"<!-- figures of {part} -->" in text
        assert f"<!-- end of {part} -->" in text


def test_project_of_every_kind_of_write_is_right(tmp_path: Path) -> None:
    context = publishing.project(tmp_path / "project")
    assert [problem for problem in check_project(context) if problem.severity is Severity.ERROR] == []
    assert {case.limit for case in publishing.CASES if case.rows == publishing.LARGE} == {1.05, 1.25, None}
    assert list(context.pipelines) == [case.name for case in publishing.CASES]


def test_command_shows_the_part_that_is_asked_for_and_judges_no_quick_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quick", "--only", "engine"]) == 0
    shown = capsys.readouterr().out
    assert "chain of 10 nodes" in shown
    assert "startup" not in shown


def test_rounds_run_every_program_once_after_one_that_does_not_count() -> None:
    calls: list[str] = []

    def program(name: str, cost: float) -> float:
        calls.append(name)
        return cost

    costs = in_turns({"one": lambda: program("one", 2.0), "other": lambda: program("other", 1.0)}, rounds=3)
    assert costs == {"one": [2.0] * 3, "other": [1.0] * 3}
    assert sorted(calls) == ["one"] * 4 + ["other"] * 4
    assert calls[2:4] == calls[6:8] != calls[4:6]


def test_ratio_is_the_median_of_the_rounds_with_the_half_in_the_middle() -> None:
    assert ratio([1.0, 2.0, 30.0, 4.0, 50.0], [1.0, 1.0, 10.0, 1.0, 10.0]) == Ratio(3.0, 2.0, 4.0)
    assert ratio([3.0], [2.0]) == Ratio(1.5, 1.5, 1.5)
