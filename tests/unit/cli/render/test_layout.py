"""The layered layout: nothing overlaps, edges lead to the right, and easy graphs have no crossings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tauro.cli.render.layout import LAYER_GAP, NODE_GAP, Layout, Size, lay_out

SIZE = Size(100, 40)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[str, Size], list[tuple[str, str]]]:
    """Acyclic graphs of up to 14 nodes of different sizes."""
    count = draw(st.integers(1, 14))
    names = [f"n{at}" for at in range(count)]
    sizes = {name: Size(draw(st.integers(40, 200)), draw(st.integers(20, 60))) for name in names}
    pairs = [(start, end) for at, end in enumerate(names) for start in names[:at]]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=30)) if pairs else []
    return sizes, edges


@given(graphs())
def test_boxes_do_not_overlap_and_lie_in_the_drawing(graph):
    sizes, edges = graph
    layout = lay_out(sizes, edges)
    boxes = []
    for name, size in sizes.items():
        x, y = layout.centres[name]
        box = (x - size.width / 2, y - size.height / 2, x + size.width / 2, y + size.height / 2)
        assert box[0] >= -1e-6
        assert box[1] >= -1e-6
        assert box[2] <= layout.width + 1e-6
        assert box[3] <= layout.height + 1e-6
        boxes.append(box)
    for at, one in enumerate(boxes):
        for other in boxes[:at]:
            apart_x = one[0] >= other[2] - 1e-6 or other[0] >= one[2] - 1e-6
            apart_y = one[1] >= other[3] - 1e-6 or other[1] >= one[3] - 1e-6
            assert apart_x or apart_y


@given(graphs())
def test_every_edge_leads_from_side_to_side_and_never_back(graph):
    sizes, edges = graph
    layout = lay_out(sizes, edges)
    for start, end in edges:
        points = layout.routes[start, end]
        assert points[0] == pytest.approx((layout.centres[start][0] + sizes[start].width / 2, layout.centres[start][1]))
        assert points[-1] == pytest.approx((layout.centres[end][0] - sizes[end].width / 2, layout.centres[end][1]))
        across = [x for x, _ in points]
        assert across == sorted(across)
        assert across[0] < across[-1]


@given(graphs())
def test_the_same_graph_is_drawn_the_same(graph):
    assert lay_out(*graph) == lay_out(*graph)


def rows_of(layout: Layout) -> list[list[str]]:
    """The nodes of each layer, from top to bottom."""
    layers: dict[float, list[str]] = {}
    for name, (x, _) in layout.centres.items():
        layers.setdefault(x, []).append(name)
    return [sorted(layers[x], key=lambda name: layout.centres[name][1]) for x in sorted(layers)]


def test_a_chain_is_a_straight_line():
    layout = lay_out({"a": SIZE, "b": SIZE, "c": SIZE}, [("a", "b"), ("b", "c")])
    assert {y for _, y in layout.centres.values()} == {20}
    assert layout.width == 3 * SIZE.width + 2 * LAYER_GAP


def test_order_is_changed_where_edges_would_cross():
    layout = lay_out({"a": SIZE, "b": SIZE, "x": SIZE, "y": SIZE}, [("a", "y"), ("b", "x")])
    above, below = rows_of(layout)
    assert [{"a": "y", "b": "x"}[name] for name in above] == below


def test_a_source_stands_beside_its_reader():
    layout = lay_out({"a": SIZE, "late": SIZE, "b": SIZE, "c": SIZE}, [("a", "b"), ("b", "c"), ("late", "c")])
    assert rows_of(layout) == [["a"], ["late", "b"], ["c"]]


def test_neighbours_keep_the_gap():
    layout = lay_out({"a": SIZE, "b": SIZE}, [])
    assert abs(layout.centres["a"][1] - layout.centres["b"][1]) == SIZE.height + NODE_GAP


def test_no_nodes_are_an_empty_drawing():
    assert lay_out({}, []) == Layout({}, {}, 0.0, 0.0)
