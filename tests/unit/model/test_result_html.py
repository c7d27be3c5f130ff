"""A run's result shows itself as a table in a notebook."""

from __future__ import annotations

from html.parser import HTMLParser

from tauro.model.outcome import ErrorInfo, NodeResult, OutputResult, RunResult, Status


class Cells(HTMLParser):
    """The cells of a table, row by row."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


def result(*nodes: NodeResult, error: ErrorInfo | None = None) -> RunResult:
    status = Status.COMPLETED if error is None else Status.FAILED
    return RunResult("id", "daily", None, status, 1.5, nodes, error)


def test_each_output_has_a_row_with_its_rows_and_place() -> None:
    outputs = (OutputResult("a", "parquet", path="/out/a", rows=1234), OutputResult("b", "delta", path="/out/b"))
    html = result(NodeResult("n", Status.COMPLETED, 1, 0.25, outputs=outputs))._repr_html_()
    assert Cells(html).rows[1:] == [
        ["n", "completed", "1", "0.2", "a", "1,234", "/out/a"],
        ["", "", "", "", "b", "", "/out/b"],
    ]


def test_what_others_wrote_into_a_result_is_text_and_nothing_else() -> None:
    error = ErrorInfo("ValueError", "<script>alert(1)</script>")
    skipped = NodeResult("<b>", Status.CANCELLED, note="node <i> failed")
    html = result(skipped, error=error)._repr_html_()
    assert "<script>" not in html
    assert Cells(html).rows[1][0] == "<b>"
    assert Cells(html).rows[1][-1] == "node <i> failed"
