"""A pipeline as one self-contained SVG picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise

from tauro.cli.render.layout import Layout, Point, Size, lay_out
from tauro.cli.render.picture import Box, Picture, printable, tooltip

MARGIN = 24.0
HEAD = 64.0
FOOT = 44.0
LEAST_WIDTH = 520.0
NAME_CHARS, DETAIL_CHARS = 34, 40
_NAME_PX, _DETAIL_PX = 7.6, 6.3
"""About the widest a character gets in the fonts below; boxes are drawn that wide."""

_STYLE = """
  .page { fill: #ffffff }
  text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", Arial, sans-serif; fill: #1f2933 }
  .title { font-size: 19px; font-weight: 600 }
  .subtitle, .legend { font-size: 12px; fill: #52606d }
  .name { font-size: 13px; font-weight: 600 }
  .detail { font-size: 11px; fill: #52606d }
  .box { fill: #f0f6ff; stroke: #3e7cb1; stroke-width: 1.3 }
  .sql .box, .key.sql { fill: #fff7e6; stroke: #b7791f }
  .node:hover .box { stroke-width: 2.6 }
  .edge { fill: none; stroke: #627d98; stroke-width: 1.5 }
  .order { stroke: #9aa5b1; stroke-dasharray: 5 4 }
  .key { fill: #f0f6ff; stroke: #3e7cb1 }
"""


def svg(picture: Picture) -> str:
    """The picture: data flows along solid arrows, dashed ones say what comes first; nodes have tooltips."""
    return "\n".join(_lines(picture)) + "\n"


def _lines(picture: Picture) -> Iterator[str]:
    sizes = {box.name: _size(box) for box in picture.boxes}
    layout = lay_out(sizes, [(edge.start, edge.end) for edge in picture.edges])
    width = max(layout.width, LEAST_WIDTH) + 2 * MARGIN
    height = layout.height + HEAD + FOOT + MARGIN
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{_text(f"Pipeline {picture.title}")}">'
    )
    yield f"<style>{_STYLE}</style>"
    yield "<defs>" + _marker("data", "#627d98") + _marker("order", "#9aa5b1") + "</defs>"
    subtitle = _text(_cut(picture.subtitle, int((width - 2 * MARGIN) / _DETAIL_PX)))
    yield f'<rect class="page" width="{width:.0f}" height="{height:.0f}"/>'
    yield f'<text class="title" x="{MARGIN:g}" y="30">{_text(picture.title)}</text>'
    yield f'<text class="subtitle" x="{MARGIN:g}" y="49">{subtitle}</text>'
    yield f'<g transform="translate({(width - layout.width) / 2:.1f} {HEAD:g})">'
    for edge in picture.edges:
        yield _edge(edge.start, edge.end, edge.carries_data, layout)
    for box in picture.boxes:
        yield from _node(box, layout.centres[box.name], sizes[box.name])
    yield "</g>"
    yield from _legend(height - 18)
    yield "</svg>"


def _size(box: Box) -> Size:
    chars = max(len(_cut(box.name, NAME_CHARS)) * _NAME_PX, len(_cut(_detail(box), DETAIL_CHARS)) * _DETAIL_PX)
    return Size(max(chars + 28, 96.0), 46.0)


def _detail(box: Box) -> str:
    """The second line: what the node writes."""
    return ", ".join(box.outputs) if box.outputs else "in memory"


def _node(box: Box, centre: Point, size: Size) -> Iterator[str]:
    x, y = centre
    yield f'<g class="node{" sql" if box.is_sql else ""}"><title>{_text(tooltip(box))}</title>'
    yield (
        f'<rect class="box" x="{x - size.width / 2:.1f}" y="{y - size.height / 2:.1f}" '
        f'width="{size.width:.1f}" height="{size.height:.1f}" rx="7"/>'
    )
    name = _text(_cut(box.name, NAME_CHARS))
    yield f'<text class="name" x="{x:.1f}" y="{y - 3:.1f}" text-anchor="middle">{name}</text>'
    detail = _text(_cut(_detail(box), DETAIL_CHARS))
    yield f'<text class="detail" x="{x:.1f}" y="{y + 14:.1f}" text-anchor="middle">{detail}</text></g>'


def _edge(start: str, end: str, carries_data: bool, layout: Layout) -> str:
    kind = "data" if carries_data else "order"
    says = "reads what it makes" if carries_data else "only comes after it"
    return (
        f'<path class="edge {kind}" marker-end="url(#tip-{kind})" d="{_curve(layout.routes[start, end])}">'
        f"<title>{_text(f'{start} -> {end}: {end} {says}')}</title></path>"
    )


def _curve(points: Sequence[Point]) -> str:
    """A path through the points that leaves and reaches each horizontally; it ends short of the arrow's tip."""
    *inner, (last_x, last_y) = points
    drawn = [*inner, (last_x - 7, last_y)]
    path = f"M{drawn[0][0]:.1f} {drawn[0][1]:.1f}"
    for (x0, y0), (x1, y1) in pairwise(drawn):
        bend = (x1 - x0) / 2
        path += f" C{x0 + bend:.1f} {y0:.1f} {x1 - bend:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"
    return path


def _marker(name: str, colour: str) -> str:
    return (
        f'<marker id="tip-{name}" viewBox="0 0 8 8" refX="1" refY="4" markerWidth="8" markerHeight="8" '
        f'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8z" fill="{colour}"/></marker>'
    )


def _legend(y: float) -> Iterator[str]:
    x = MARGIN
    for kind, label, width in (("", "function", 92.0), ("sql", "SQL", 68.0)):
        yield f'<rect class="key {kind}" x="{x:g}" y="{y - 10:.0f}" width="18" height="12" rx="3"/>'
        yield f'<text class="legend" x="{x + 24:g}" y="{y:.0f}">{label}</text>'
        x += width
    for kind, label, width in (("data", "reads its data", 138.0), ("order", "only comes after it", 160.0)):
        yield f'<path class="edge {kind}" marker-end="url(#tip-{kind})" d="M{x:g} {y - 4:.0f}H{x + 22:g}"/>'
        yield f'<text class="legend" x="{x + 36:g}" y="{y:.0f}">{label}</text>'
        x += width


def _cut(text: str, at_most: int) -> str:
    return text if len(text) <= at_most else f"{text[: at_most - 1]}…"


def _text(text: str) -> str:
    return escape(printable(text))
