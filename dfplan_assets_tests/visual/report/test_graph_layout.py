from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfplan_assets.visual.report.graph_layout import (
    LAYER_PITCH,
    NODE_HEIGHT,
    NODE_WIDTH,
    GraphLayout,
    graph_layout,
    settled,
)

Graph = dict[str, tuple[str, ...]]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Graphs without circles: each node names some of those before it, now and then one twice."""
    size = draw(st.integers(0, 24))
    graph: Graph = {}
    for number in range(size):
        before = st.sampled_from(sorted(graph)) if graph else st.nothing()
        graph[f"n{number:02}"] = tuple(draw(st.lists(before, max_size=4))) if graph else ()
    return graph


def edges_of(graph: Mapping[str, tuple[str, ...]]) -> set[tuple[str, str]]:
    return {(table, name) for name, tables in graph.items() for table in tables}


def crossings_of(layout: GraphLayout) -> int:
    """Counted pair by pair over all pieces of edges between neighbouring layers."""
    at = {node.name: (node.x, node.y) for node in layout.nodes}
    pieces = set()
    for route in layout.routes:
        pieces |= set(pairwise([at[route.start], *route.waypoints, at[route.end]]))
    return sum(
        (a[0][1] - b[0][1]) * (a[1][1] - b[1][1]) < 0
        for a, b in combinations(sorted(pieces), 2)
        if a[0][0] == b[0][0]
    )


@settings(max_examples=40)
@given(graphs())
def test_a_layout_keeps_its_promises(graph: Graph) -> None:
    layout = graph_layout(graph, {"n01": "a"})
    assert layout == graph_layout(dict(graph), {"n01": "a"})
    every_edge_goes_from_a_layer_to_a_later_one(graph, layout)
    no_two_nodes_overlap_and_no_way_leads_through_a_node(layout)
    all_lies_inside_the_field(layout)


def every_edge_goes_from_a_layer_to_a_later_one(graph: Graph, layout: GraphLayout) -> None:
    at = {node.name: node for node in layout.nodes}
    assert {(route.start, route.end) for route in layout.routes} == edges_of(graph)
    for route in layout.routes:
        start, end = at[route.start], at[route.end]
        assert start.layer < end.layer
        places = [start.x, *(x for x, _ in route.waypoints), end.x]
        assert places == sorted(set(places))
        assert len(route.waypoints) == end.layer - start.layer - 1


def no_two_nodes_overlap_and_no_way_leads_through_a_node(layout: GraphLayout) -> None:
    for one, other in combinations(layout.nodes, 2):
        assert abs(one.x - other.x) >= NODE_WIDTH or abs(one.y - other.y) >= NODE_HEIGHT
    for route in layout.routes:
        for x, y in route.waypoints:
            assert all(node.x != x or abs(node.y - y) > NODE_HEIGHT / 2 for node in layout.nodes)


def all_lies_inside_the_field(layout: GraphLayout) -> None:
    for node in layout.nodes:
        assert NODE_WIDTH / 2 <= node.x <= layout.width - NODE_WIDTH / 2
        assert NODE_HEIGHT / 2 <= node.y <= layout.height - NODE_HEIGHT / 2


def test_crossings_that_need_not_be_are_taken_out() -> None:
    # Two trees whose leaves are named in turn: drawn in the order of names they cross six times.
    graph: Graph = {"a": (), "b": (), **{f"l{n}": ("a" if n % 2 else "b",) for n in range(6)}}
    assert crossings_of(graph_layout(graph, {})) == 0


def test_what_reads_nothing_stands_right_before_its_first_reader() -> None:
    graph: Graph = {"late": (), "a": (), "b": ("a",), "c": ("b",), "d": ("c", "late")}
    layer = {node.name: node.layer for node in graph_layout(graph, {}).nodes}
    assert layer == {"a": 0, "b": 1, "c": 2, "late": 2, "d": 3}


def test_a_long_chain_over_one_table_has_few_waypoints() -> None:
    graph: Graph = {"table": (), "v0": ("table",)}
    graph |= {f"v{n}": (f"v{n - 1}", "table") for n in range(1, 400)}
    layout = graph_layout(graph, {})
    assert sum(len(route.waypoints) for route in layout.routes) < 400
    assert layout.width > 400 * LAYER_PITCH


def test_an_empty_graph_has_a_field_all_the_same() -> None:
    layout = graph_layout({}, {})
    assert (layout.nodes, layout.routes) == ((), ())
    assert layout.width > 0
    assert layout.height > 0


@settings(max_examples=40)
@given(st.lists(st.tuples(st.floats(-100, 100), st.floats(0, 20)), min_size=1, max_size=8))
def test_settled_places_keep_their_distances_and_are_no_farther_off_than_evenly_spread_ones(
    wishes: list[tuple[float, float]],
) -> None:
    wished, distances = [wish for wish, _ in wishes], [distance for _, distance in wishes[1:]]
    places = settled(wished, distances)
    for (above, below), distance in zip(pairwise(places), distances, strict=True):
        assert below - above >= distance - 1e-9
    # Any other arrangement with these distances is no nearer to the wishes: shifted rows are some of them.
    offsets = [sum(distances[:place]) for place in range(len(wished))]
    nearest = sum((place - wish) ** 2 for place, wish in zip(places, wished, strict=True))
    for shift in (min(wished), sum(wished) / len(wished), max(wished)):
        other = sum((shift + offset - wish) ** 2 for offset, wish in zip(offsets, wished, strict=True))
        assert nearest <= other + 1e-6


def test_places_that_can_be_had_are_given() -> None:
    assert settled([0.0, 20.0, 60.0], [10.0, 10.0]) == pytest.approx([0.0, 20.0, 60.0])
