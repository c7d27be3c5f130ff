"""Where the nodes of a layered drawing stand: left to right, with few crossings and short edges.

The method is the one of Sugiyama, Tagawa and Toda (1981): layers by longest path, stand-ins where an edge passes
through a layer, an order within layers by the mean of the neighbours, and then coordinates. Here the coordinates within
a layer are those closest (in least squares) to the neighbours' mean that keep the order and the gaps, found by pooling
adjacent violators (Ayer et al., 1955).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

Point = tuple[float, float]
LAYER_GAP = 64.0
NODE_GAP = 22.0
EDGE_GAP = 14.0
_SWEEPS = 12


@dataclass(frozen=True, slots=True)
class Size:
    """A node's width and height."""

    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Layout:
    """The drawing, its top left corner at (0, 0)."""

    centres: Mapping[str, Point]
    routes: Mapping[tuple[str, str], tuple[Point, ...]]
    """Each edge's points: the right side of its start, where it passes other layers, the left side of its end."""
    width: float
    height: float


Item = str | tuple[str, str, int]
"""A node, or the stand-in of an edge in one layer that it passes."""


def lay_out(sizes: Mapping[str, Size], edges: Sequence[tuple[str, str]]) -> Layout:
    """The drawing of a graph.

    Args:
        sizes: each node's size, in an order in which every edge leads onwards.
        edges: (start, end), each once.
    """
    if not sizes:
        return Layout({}, {}, 0.0, 0.0)
    layer_of = _layers(list(sizes), edges)
    layers: list[list[Item]] = [[] for _ in range(max(layer_of.values()) + 1)]
    for name in sizes:
        layers[layer_of[name]].append(name)
    links: list[tuple[Item, Item]] = []
    paths: dict[tuple[str, str], list[Item]] = {}
    for start, end in edges:
        path: list[Item] = [start]
        for at in range(layer_of[start] + 1, layer_of[end]):
            stand_in = (start, end, at)
            layers[at].append(stand_in)
            path.append(stand_in)
        path.append(end)
        paths[start, end] = path
        links += pairwise(path)
    left, right = _neighbours(links)
    layers = _ordered(layers, left, right)
    heights = {item: sizes[item].height if isinstance(item, str) else 0.0 for layer in layers for item in layer}
    down = _down(layers, left, right, heights)
    across, widths, width = _across(layers, sizes)
    top = min(down[item] - heights[item] / 2 for item in down)
    bottom = max(down[item] + heights[item] / 2 for item in down)
    centres = {name: (across[layer_of[name]], down[name] - top) for name in sizes}
    routes = {}
    for (start, end), path in paths.items():
        points = [(centres[start][0] + sizes[start].width / 2, centres[start][1])]
        for item in path[1:-1]:
            at, y = layer_of[start] + path.index(item), down[item] - top
            points += [(across[at] - widths[at] / 2, y), (across[at] + widths[at] / 2, y)]
        points.append((centres[end][0] - sizes[end].width / 2, centres[end][1]))
        routes[start, end] = tuple(points)
    return Layout(centres, routes, width, bottom - top)


def _layers(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Each node right of all it depends on; a node that depends on nothing stands close to its first reader."""
    before: dict[str, list[str]] = {name: [] for name in names}
    after: dict[str, list[str]] = {name: [] for name in names}
    for start, end in edges:
        before[end].append(start)
        after[start].append(end)
    layer: dict[str, int] = {}
    for name in names:
        layer[name] = max((layer[other] + 1 for other in before[name]), default=0)
    for name in names:
        if not before[name] and after[name]:
            layer[name] = min(layer[other] for other in after[name]) - 1
    return layer


def _neighbours(links: Sequence[tuple[Item, Item]]) -> tuple[dict[Item, list[Item]], dict[Item, list[Item]]]:
    left: dict[Item, list[Item]] = {}
    right: dict[Item, list[Item]] = {}
    for start, end in links:
        right.setdefault(start, []).append(end)
        left.setdefault(end, []).append(start)
    return left, right


def _ordered(
    layers: list[list[Item]], left: Mapping[Item, list[Item]], right: Mapping[Item, list[Item]]
) -> list[list[Item]]:
    """The layers, each ordered so that few edges cross; the best of several sweeps."""
    best, fewest = layers, _crossings(layers, right)
    current = layers
    for sweep in range(_SWEEPS):
        if fewest == 0:
            break
        towards, order = (left, 1) if sweep % 2 == 0 else (right, -1)
        arranged: list[list[Item]] = []
        for layer in current[::order]:
            place = {item: float(at) for at, item in enumerate(arranged[-1])} if arranged else {}
            own = {item: float(at) for at, item in enumerate(layer)}
            wanted = {item: _mean(towards.get(item, ()), place, own[item]) for item in layer}
            arranged.append(sorted(layer, key=wanted.__getitem__))
        current = arranged[::order]
        count = _crossings(current, right)
        if count < fewest:
            best, fewest = current, count
    return best


def _mean(items: Sequence[Item], place: Mapping[Item, float], otherwise: float) -> float:
    known = [place[item] for item in items if item in place]
    return sum(known) / len(known) if known else otherwise


def _crossings(layers: Sequence[Sequence[Item]], right: Mapping[Item, list[Item]]) -> int:
    """How many pairs of edges between neighbouring layers cross, counted with a Fenwick tree."""
    total = 0
    for layer, following in pairwise(layers):
        place = {item: at for at, item in enumerate(following)}
        tree = [0] * (len(following) + 1)
        seen = 0
        for item in layer:
            ends = sorted(place[other] for other in right.get(item, ()))
            for end in ends:
                at, not_below = end + 1, 0
                while at:
                    not_below += tree[at]
                    at -= at & -at
                total += seen - not_below
            for end in ends:
                at = end + 1
                while at < len(tree):
                    tree[at] += 1
                    at += at & -at
            seen += len(ends)
    return total


def _down(
    layers: Sequence[Sequence[Item]],
    left: Mapping[Item, list[Item]],
    right: Mapping[Item, list[Item]],
    heights: Mapping[Item, float],
) -> dict[Item, float]:
    """Each item's vertical centre."""
    down: dict[Item, float] = {}
    for layer in layers:
        down |= _spread(layer, dict.fromkeys(layer, 0.0), heights)
    for sweep in range(_SWEEPS):
        for layer in layers if sweep % 2 == 0 else layers[::-1]:
            wanted = {item: _mean([*left.get(item, ()), *right.get(item, ())], down, down[item]) for item in layer}
            down |= _spread(layer, wanted, heights)
    return down


def _spread(layer: Sequence[Item], wanted: Mapping[Item, float], heights: Mapping[Item, float]) -> dict[Item, float]:
    """The places closest to the wanted ones that keep the layer's order and the gaps."""
    offset, offsets = 0.0, []
    for at, item in enumerate(layer):
        if at:
            before = layer[at - 1]
            gap = NODE_GAP if isinstance(item, str) or isinstance(before, str) else EDGE_GAP
            offset += (heights[before] + heights[item]) / 2 + gap
        offsets.append(offset)
    pools: list[tuple[float, int]] = []  # the sum of a pool's wanted places, and how many items it has
    for item, start in zip(layer, offsets, strict=True):
        total, size = wanted[item] - start, 1
        while pools and pools[-1][0] / pools[-1][1] >= total / size:
            more, number = pools.pop()
            total, size = total + more, size + number
        pools.append((total, size))
    places = [total / size for total, size in pools for _ in range(size)]
    return {item: place + start for item, place, start in zip(layer, places, offsets, strict=True)}


def _across(layers: Sequence[Sequence[Item]], sizes: Mapping[str, Size]) -> tuple[list[float], list[float], float]:
    """Each layer's horizontal centre and width, and the width of all."""
    centres, widths, x = [], [], 0.0
    for layer in layers:
        width = max((sizes[item].width for item in layer if isinstance(item, str)), default=0.0)
        centres.append(x + width / 2)
        widths.append(width)
        x += width + LAYER_GAP
    return centres, widths, x - LAYER_GAP
