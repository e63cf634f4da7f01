"""Where the nodes of a graph are drawn: in layers, every edge from one layer to a later one.

Layers go from left to right, since names are wide and projects are broader than they are deep. As in
Sugiyama, Tagawa and Toda, "Methods for Visual Understanding of Hierarchical System Structures", IEEE
Transactions on Systems, Man and Cybernetics 1981: a node's layer is the longest path to it, an edge over
several layers gets a waypoint in each of those between, sweeps by barycentre take crossings out, and then
nodes move as near to their neighbours as the order of their layer lets them.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

NODE_WIDTH, NODE_HEIGHT = 190.0, 34.0
"""The size of every node, in pixels at a zoom of 1."""

LAYER_PITCH, NODE_GAP, WAYPOINT_GAP = 290.0, 14.0, 7.0
"""From one layer to the next, at least; between nodes, and beside waypoints, of one layer."""

_WIDEST_PITCH, _SHAPE = 700.0, 1.4  # layers move apart until the field is so much wider than high

_MARGIN = 24.0
_ORDER_SWEEPS = 12
_PLACE_SWEEPS = 8
# An edge over more layers than this is drawn without waypoints: a long chain whose members all read one
# table would have as many of them as the square of its length.
_LONGEST_ROUTED = 24


@dataclass(frozen=True)
class PlacedNode:
    """A node with its layer, from 0, and its middle in pixels."""

    name: str
    layer: int
    x: float
    y: float


@dataclass(frozen=True)
class Route:
    """An edge: the points that it passes between its ends, from left to right, in pixels."""

    start: str
    end: str
    waypoints: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class GraphLayout:
    """A graph as it is drawn, in a field of ``width`` by ``height`` pixels, the origin at the upper left."""

    width: float
    height: float
    nodes: tuple[PlacedNode, ...]
    routes: tuple[Route, ...]


def graph_layout(upstream: Mapping[str, Sequence[str]], groups: Mapping[str, str]) -> GraphLayout:
    """The layout of a graph without circles.

    ``upstream`` has every node, each behind those that it names, in an order that the layout keeps where
    nothing else decides. ``groups`` keeps nodes of one group together where nothing else decides.
    """
    layers = _layers(upstream)
    drawing = _Drawing(upstream, layers, groups)
    drawing.take_crossings_out()
    return drawing.placed()


def _layers(upstream: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The longest path to each node; what reads nothing stands right before the first that reads it."""
    layers: dict[str, int] = {}
    first_reader: dict[str, int] = {}
    for name, tables in upstream.items():
        layers[name] = max((layers[table] + 1 for table in tables), default=0)
        for table in tables:
            first_reader[table] = min(first_reader.get(table, layers[name]), layers[name])
    for name, tables in upstream.items():
        if not tables and name in first_reader:
            layers[name] = first_reader[name] - 1
    return layers


class _Drawing:
    """The graph with its waypoints: vertices are numbers, nodes first; edges join neighbouring layers."""

    def __init__(
        self, upstream: Mapping[str, Sequence[str]], layers: Mapping[str, int], groups: Mapping[str, str]
    ) -> None:
        self._names = tuple(upstream)
        self._number = {name: number for number, name in enumerate(self._names)}
        self._layer = [layers[name] for name in self._names]
        self._left: list[list[int]] = [[] for _ in self._names]
        self._right: list[list[int]] = [[] for _ in self._names]
        self._edges: list[tuple[int, int, tuple[int, ...]]] = []
        for name, tables in upstream.items():
            for table in dict.fromkeys(tables):
                self._edges.append((self._number[table], self._number[name], ()))
        self._route()
        self._rows: list[list[int]] = [[] for _ in range(max(self._layer, default=-1) + 1)]
        for vertex in sorted(range(len(self._layer)), key=lambda vertex: self._first_key(vertex, groups)):
            self._rows[self._layer[vertex]].append(vertex)

    def _first_key(self, vertex: int, groups: Mapping[str, str]) -> tuple[str, int]:
        return (groups.get(self._names[vertex], ""), vertex) if self._is_node(vertex) else ("~", vertex)

    def _is_node(self, vertex: int) -> bool:
        return vertex < len(self._names)

    def _route(self) -> None:
        """Give long edges their waypoints; edges that leave one node share theirs."""
        shared: dict[tuple[int, int], int] = {}
        for place, (start, end, _) in enumerate(self._edges):
            first, last = self._layer[start], self._layer[end]
            if last - first > _LONGEST_ROUTED:
                continue
            way, before = [], start
            for layer in range(first + 1, last):
                vertex = shared.get((start, layer))
                if vertex is None:
                    vertex = shared[start, layer] = len(self._layer)
                    self._layer.append(layer)
                    self._left.append([])
                    self._right.append([])
                    self._join(before, vertex)
                way.append(vertex)
                before = vertex
            self._join(before, end)
            self._edges[place] = (start, end, tuple(way))

    def _join(self, left: int, right: int) -> None:
        self._right[left].append(right)
        self._left[right].append(left)

    def take_crossings_out(self) -> None:
        """Sweep to and fro, each layer by the mean place of its neighbours, and keep the best order seen."""
        best, fewest = [row[:] for row in self._rows], self._crossings()
        for sweep in range(_ORDER_SWEEPS):
            forward = sweep % 2 == 0
            neighbours = self._left if forward else self._right
            numbers = range(1, len(self._rows)) if forward else range(len(self._rows) - 2, -1, -1)
            for number in numbers:
                place = {vertex: at for at, vertex in enumerate(self._rows[number + (-1 if forward else 1)])}
                row = self._rows[number]
                mean = {
                    vertex: _mean([place[each] for each in neighbours[vertex]], float(at))
                    for at, vertex in enumerate(row)
                }
                row.sort(key=mean.__getitem__)
            crossings = self._crossings()
            if crossings < fewest:
                best, fewest = [row[:] for row in self._rows], crossings
            if not fewest:
                break
        self._rows = best

    def _crossings(self) -> int:
        """How many pairs of edges between neighbouring layers cross."""
        found = 0
        for left, right in pairwise(self._rows):
            place = {vertex: at for at, vertex in enumerate(right)}
            seen: list[int] = []
            for vertex in left:
                ends = sorted(place[each] for each in self._right[vertex])
                found += sum(len(seen) - bisect_left(seen, end + 1) for end in ends)
                for end in ends:
                    insort(seen, end)
        return found

    def placed(self) -> GraphLayout:
        """The layout, every layer in its order."""
        y = [0.0] * len(self._layer)
        for row in self._rows:
            at = 0.0
            for before, vertex in zip([None, *row], row, strict=False):
                at += 0.0 if before is None else self._distance(before, vertex)
                y[vertex] = at
        for sweep in range(_PLACE_SWEEPS):
            for row in self._rows if sweep % 2 == 0 else reversed(self._rows):
                wished = [_mean([y[each] for each in self._around(vertex)], y[vertex]) for vertex in row]
                distances = [self._distance(*pair) for pair in pairwise(row)]
                for vertex, at in zip(row, settled(wished, distances), strict=True):
                    y[vertex] = at
        top = min(y, default=0.0)
        middle = _MARGIN + NODE_HEIGHT / 2
        wished_pitch = _SHAPE * (max(y, default=0.0) - top) / max(1, len(self._rows) - 1)
        pitch = round(min(_WIDEST_PITCH, max(LAYER_PITCH, wished_pitch)), 1)
        x = [round(_MARGIN + NODE_WIDTH / 2 + layer * pitch, 1) for layer in self._layer]
        y = [round(at - top + middle, 1) for at in y]
        return GraphLayout(
            width=max(x, default=0.0) + NODE_WIDTH / 2 + _MARGIN,
            height=max(y, default=0.0) + NODE_HEIGHT / 2 + _MARGIN,
            nodes=tuple(
                PlacedNode(name, self._layer[number], x[number], y[number])
                for number, name in enumerate(self._names)
            ),
            routes=tuple(
                Route(self._names[start], self._names[end], tuple((x[each], y[each]) for each in way))
                for start, end, way in self._edges
            ),
        )

    def _around(self, vertex: int) -> Collection[int]:
        return (*self._left[vertex], *self._right[vertex])

    def _distance(self, above: int, below: int) -> float:
        """From the middle of a vertex to that of the next one in its layer, at least."""
        nodes = self._is_node(above) + self._is_node(below)
        return nodes * NODE_HEIGHT / 2 + (NODE_GAP if nodes == 2 else WAYPOINT_GAP)


def settled(wished: Sequence[float], distances: Sequence[float]) -> list[float]:
    """The places nearest to the wished ones (least squares) that keep their order and their distances.

    ``distances`` are the least ones between each place and the next. Without them that is isotonic
    regression, which pooling adjacent violators solves (Barlow and others, "Statistical Inference under
    Order Restrictions", 1972).

    >>> settled([0.0, 0.0, 30.0], [10.0, 10.0])
    [-5.0, 5.0, 30.0]
    """
    offsets = [0.0]
    for distance in distances:
        offsets.append(offsets[-1] + distance)
    pools: list[tuple[float, int]] = []  # the sum of a pool, and of how many
    for wish, offset in zip(wished, offsets, strict=False):
        total, count = wish - offset, 1
        while pools and pools[-1][0] / pools[-1][1] >= total / count:
            before, members = pools.pop()
            total, count = total + before, count + members
        pools.append((total, count))
    means = [total / count for total, count in pools for _ in range(count)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=False)]


def _mean(numbers: Sequence[float], otherwise: float) -> float:
    return sum(numbers) / len(numbers) if numbers else otherwise
