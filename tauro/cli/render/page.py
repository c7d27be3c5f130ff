"""A pipeline as one self-contained HTML page: the picture, to be moved and zoomed, and a table of its nodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from tauro.cli.render.picture import Box, Picture, printable
from tauro.cli.render.svg import svg

_STYLE = """
  body { margin: 0; font: 14px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", Arial, sans-serif;
         color: #1f2933; background: #fff }
  #picture { height: 66vh; border-bottom: 1px solid #cbd2d9; overflow: hidden; cursor: grab; touch-action: none }
  #picture:active { cursor: grabbing }
  #picture svg { width: 100%; height: 100%; display: block }
  main { padding: 12px 24px 32px }
  p { color: #52606d; margin: 0 0 12px }
  table { border-collapse: collapse; width: 100% }
  th, td { text-align: left; vertical-align: top; padding: 6px 16px 6px 0; border-bottom: 1px solid #e4e7eb;
           overflow-wrap: break-word; max-width: 38vw }
  th { position: sticky; top: 0; background: #fff }
  td:first-child { font-weight: 600; white-space: nowrap }
"""
_SCRIPT = """
(() => {
  const frame = document.getElementById('picture'), svg = frame.querySelector('svg');
  const whole = svg.getAttribute('viewBox').split(' ').map(Number);
  let view = [...whole], held = null;
  svg.removeAttribute('width'); svg.removeAttribute('height');
  const show = () => svg.setAttribute('viewBox', view.join(' '));
  const at = e => { const p = new DOMPoint(e.clientX, e.clientY).matrixTransform(svg.getScreenCTM().inverse());
                    return [p.x, p.y]; };
  frame.addEventListener('wheel', e => {
    e.preventDefault();
    const [x, y] = at(e), by = Math.exp(e.deltaY * 0.0015);
    const factor = Math.min(Math.max(view[2] * by, whole[2] / 40), whole[2] * 4) / view[2];
    view = [x - (x - view[0]) * factor, y - (y - view[1]) * factor, view[2] * factor, view[3] * factor];
    show();
  }, { passive: false });
  frame.addEventListener('pointerdown', e => { held = at(e); frame.setPointerCapture(e.pointerId); });
  frame.addEventListener('pointermove', e => {
    if (!held) return;
    const [x, y] = at(e);
    view[0] += held[0] - x; view[1] += held[1] - y;
    show();
  });
  for (const name of ['pointerup', 'pointercancel']) frame.addEventListener(name, () => { held = null; });
  frame.addEventListener('dblclick', () => { view = [...whole]; show(); });
})();
"""


def page(picture: Picture) -> str:
    """The page; it loads nothing from elsewhere."""
    return "\n".join(_lines(picture)) + "\n"


def _lines(picture: Picture) -> Iterator[str]:
    yield "<!DOCTYPE html>"
    yield '<html lang="en"><head><meta charset="utf-8"/>'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
    yield f"<title>{_text(picture.title)}</title><style>{_STYLE}</style></head><body>"
    yield f'<div id="picture">{svg(picture)}</div>'
    yield "<main><p>Drag to move, turn the wheel to zoom, double-click to see all of it.</p>"
    yield "<table><thead><tr><th>node</th><th>runs</th><th>reads</th><th>writes</th><th>after</th></tr></thead><tbody>"
    for box in picture.boxes:
        yield _row(box)
    yield "</tbody></table></main>"
    yield f"<script>{_SCRIPT}</script></body></html>"


def _row(box: Box) -> str:
    cells = [_text(box.name), _text(box.runs), _list(box.reads), _list(box.writes), _text(", ".join(box.after))]
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _list(items: Sequence[str]) -> str:
    return "<br/>".join(_text(item) for item in items)


def _text(text: str) -> str:
    return escape(printable(text))
