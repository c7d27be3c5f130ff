"""Mermaid, SVG and HTML of a picture: well-formed whatever the names, edges told apart."""

from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from tauro.cli.render.mermaid import mermaid
from tauro.cli.render.page import page
from tauro.cli.render.picture import Box, Edge, Picture
from tauro.cli.render.svg import svg

SVG = "{http://www.w3.org/2000/svg}"


def box(name: str, *, is_sql: bool = False) -> Box:
    """A node that reads and writes."""
    return Box(name, is_sql, f"jobs.{name}", (f"in of {name}",), (f"out: /data/{name}",), (f"out.{name}",), ())


def picture(*boxes: Box, edges: tuple[Edge, ...] = ()) -> Picture:
    """A picture with a title."""
    return Picture("daily", "a pipeline", boxes, edges)


TWO = picture(box("a"), box("b", is_sql=True), edges=(Edge("a", "b", True),))


@given(st.text(min_size=1), st.text(min_size=1))
def test_any_name_is_well_formed(one, other):
    drawn = picture(box(one), box(other + one, is_sql=True), edges=(Edge(one, other + one, False),))
    ElementTree.fromstring(svg(drawn).encode())
    ElementTree.fromstring(page(drawn).removeprefix("<!DOCTYPE html>").encode())


def test_svg_has_a_tooltip_with_inputs_and_outputs_for_each_node():
    root = ElementTree.fromstring(svg(TWO))
    titles = [group.findtext(f"{SVG}title") for group in root.iter(f"{SVG}g") if "node" in group.get("class", "")]
    assert titles[0] == "a\nruns jobs.a\nreads in of a\nwrites out: /data/a"


def test_svg_tells_data_edges_from_those_of_order():
    root = ElementTree.fromstring(svg(picture(box("a"), box("b"), edges=(Edge("a", "b", False),))))
    (edge,) = [path for path in root.iter(f"{SVG}path") if (path.findtext(f"{SVG}title") or "").startswith("a -> b")]
    assert edge.get("class") == "edge order"
    root = ElementTree.fromstring(svg(TWO))
    (edge,) = [path for path in root.iter(f"{SVG}path") if (path.findtext(f"{SVG}title") or "").startswith("a -> b")]
    assert edge.get("class") == "edge data"


def test_svg_shortens_long_names_and_keeps_them_whole_in_the_tooltip():
    name = "a_name_that_goes_on_and_on_and_on_and_on_and_on"
    root = ElementTree.fromstring(svg(picture(box(name))))
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert name not in texts
    assert any((text or "").endswith("…") for text in texts)
    assert any((title.text or "").startswith(name) for title in root.iter(f"{SVG}title"))


def test_page_has_a_row_for_each_node():
    root = ElementTree.fromstring(page(TWO).removeprefix("<!DOCTYPE html>"))
    rows = [[cell.text for cell in row] for row in root.iter("tr")][1:]
    assert rows == [["a", "jobs.a", "in of a", "out: /data/a", None], ["b", "jobs.b", "in of b", "out: /data/b", None]]


def test_mermaid_escapes_what_would_end_a_label():
    text = mermaid(picture(box('say "hi" <b>#1')))
    assert text.splitlines()[1] == '    n0["say #quot;hi#quot; #lt;b#gt;#35;1"]'


def test_mermaid_tells_sql_nodes_and_kinds_of_edges():
    text = mermaid(picture(box("a"), box("b", is_sql=True), edges=(Edge("a", "b", True), Edge("a", "b", False))))
    assert text.splitlines()[2:] == ['    n1[/"b"/]', "    n0 --> n1", "    n0 -.-> n1"]
