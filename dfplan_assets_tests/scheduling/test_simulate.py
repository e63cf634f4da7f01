"""The predicted run against hand counts, exhaustive search, and what holds for every list schedule."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfplan_assets.errors import CycleError, InputError
from dfplan_assets.scheduling import simulate
from dfplan_assets.scheduling.graph import TaskGraph
from dfplan_assets.scheduling.search import Budget, best_order
from dfplan_assets.scheduling.simulate import run
from dfplan_assets_tests.scheduling.samples import check_valid, graphs, layered

Costs = dict[str, float]
Upstream = dict[str, list[str]]


def critical_path_seconds(costs: Mapping[str, float], upstream: Mapping[str, Sequence[str]]) -> float:
    """By trying every path, from each task upwards."""

    def longest(name: str) -> float:
        return costs[name] + max((longest(other) for other in upstream.get(name, ())), default=0.0)

    return max(map(longest, costs))


def optimum_seconds(costs: Costs, upstream: Upstream, workers: int) -> float:
    """The shortest run there is, by trying every decision: which task starts next, or to wait instead."""
    best = math.inf

    def go_on(now: float, running: tuple[tuple[float, str], ...], done: frozenset[str]) -> None:
        nonlocal best
        started = done | {name for _, name in running}
        if len(started) == len(costs):
            best = min(best, max((end for end, _ in running), default=now))
            return
        if now >= best:
            return
        if len(running) < workers:
            for name in costs:
                if name not in started and done >= set(upstream[name]):
                    go_on(now, (*running, (now + costs[name], name)), done)
        if running:
            then = min(end for end, _ in running)
            ended = {name for end, name in running if end == then}
            go_on(then, tuple(pair for pair in running if pair[1] not in ended), done | ended)

    go_on(0.0, (), frozenset())
    return best


def by_bottom_level_seconds(costs: Costs, upstream: Upstream, workers: int) -> float:
    """Plain list scheduling, longest remaining path first, written down once more: by steps of events."""
    downstream = {name: [other for other in costs if name in upstream[other]] for name in costs}
    levels: dict[str, float] = {}

    def level(name: str) -> float:
        if name not in levels:
            levels[name] = costs[name] + max(map(level, downstream[name]), default=0.0)
        return levels[name]

    ends: dict[str, float] = {}
    now = 0.0
    while True:
        ready = [
            name
            for name in costs
            if name not in ends and all(ends.get(other, math.inf) <= now for other in upstream[name])
        ]
        ready.sort(key=lambda name: (-level(name), name))
        busy = sum(end > now for end in ends.values())
        if ready and busy < workers:
            ends[ready[0]] = now + costs[ready[0]]
        elif any(end > now for end in ends.values()):
            now = min(end for end in ends.values() if end > now)
        else:
            return max(ends.values(), default=0.0)


def test_the_contract_of_the_documentation() -> None:
    timeline = simulate(costs={"a": 3.0, "b": 1.0}, upstream={"b": ["a"]}, workers=2)
    assert timeline.makespan_seconds == 4.0
    assert timeline.lower_bound_seconds == 4.0
    assert timeline.order == ("a", "b")


def test_a_long_tail_is_started_first() -> None:
    costs = {"a": 1.0, "b": 1.0, "c": 1.0, "long": 3.0}
    timeline = simulate(costs, {}, workers=2)
    assert timeline.order[0] == "long"
    assert timeline.makespan_seconds == 3.0


def test_the_lower_bound_is_work_over_workers_or_the_critical_path() -> None:
    fan = {"root": 1.0, "x": 2.0, "y": 2.0, "z": 2.0}
    below_root = {"x": ["root"], "y": ["root"], "z": ["root"]}
    assert simulate(fan, below_root, workers=2).lower_bound_seconds == 3.5  # 7 / 2
    assert simulate(fan, below_root, workers=2).makespan_seconds == 5.0  # 1, then two of three, then one
    assert simulate(fan, below_root, workers=3).lower_bound_seconds == 3.0  # root and one behind it
    assert simulate(fan, below_root, workers=3).makespan_seconds == 3.0


def test_names_outside_the_costs_do_not_count() -> None:
    timeline = simulate({"b": 1.0}, {"b": ["source"], "elsewhere": ["b"]}, workers=1)
    assert timeline.order == ("b",)
    assert timeline.makespan_seconds == 1.0


def test_nothing_to_run_takes_no_time() -> None:
    timeline = simulate({}, {}, workers=2)
    assert (timeline.makespan_seconds, timeline.lower_bound_seconds, timeline.order) == (0.0, 0.0, ())


def test_more_workers_than_tasks() -> None:
    assert simulate({"a": 1.0, "b": 2.0}, {}, workers=10**9).makespan_seconds == 2.0


def test_estimates_order_the_run_and_costs_make_it() -> None:
    costs = {"a": 1.0, "b": 1.0, "c": 4.0}
    right = simulate(costs, {}, workers=2)
    wrong = simulate(costs, {}, workers=2, estimates={"a": 9.0, "b": 9.0, "c": 0.1})
    assert right.makespan_seconds == 4.0
    assert wrong.order[-1] == "c"
    assert wrong.makespan_seconds == 5.0
    assert wrong.lower_bound_seconds == 4.0  # by what it costs


def test_a_task_without_an_estimate_counts_as_it_costs() -> None:
    timeline = simulate({"a": 1.0, "b": 5.0, "c": 1.0}, {}, workers=1, estimates={"a": 2.0})
    assert timeline.order[0] == "b"


@pytest.mark.parametrize("cost", [math.nan, math.inf, -1.0, -math.inf, 1e300, "3", None])
def test_costs_that_are_no_times_are_refused_by_name(cost: float) -> None:
    with pytest.raises(InputError, match="costs of b"):
        simulate({"a": 1.0, "b": cost}, {}, workers=1)
    with pytest.raises(InputError, match="estimates of a"):
        simulate({"a": 1.0}, {}, workers=1, estimates={"a": cost})


@pytest.mark.parametrize("workers", [0, -1, 1.5, True, "2"])
def test_less_than_one_worker_is_refused(workers: int) -> None:
    with pytest.raises(InputError, match="workers"):
        simulate({"a": 1.0}, {}, workers=workers)


def test_estimates_of_unknown_tasks_are_refused() -> None:
    with pytest.raises(InputError, match="no costs are given for z"):
        simulate({"a": 1.0}, {}, workers=1, estimates={"z": 1.0})


def test_one_name_in_place_of_a_list_is_refused() -> None:
    with pytest.raises(InputError, match=r"Write \['ab'\]"):
        simulate({"ab": 1.0, "c": 1.0}, {"c": "ab"}, workers=1)


def test_a_circle_is_named() -> None:
    with pytest.raises(CycleError, match="a -> b -> a"):
        simulate({"a": 1.0, "b": 1.0, "c": 1.0}, {"a": ["b"], "b": ["a"], "c": ["b"]}, workers=1)
    with pytest.raises(CycleError, match="a -> a"):
        simulate({"a": 1.0}, {"a": ["a"]}, workers=1)


@settings(max_examples=60, deadline=None)
@given(graphs(), st.integers(1, 4), st.booleans())
def test_every_timeline_is_possible_and_within_its_bounds(
    graph: tuple[Costs, Upstream], workers: int, guessed: bool
) -> None:
    costs, upstream = graph
    estimates = {name: 1.0 + len(name) for name in costs} if guessed else None
    timeline = simulate(costs, upstream, workers, estimates=estimates)
    check_valid(timeline, costs, upstream, workers)
    bound = max(sum(costs.values()) / workers, critical_path_seconds(costs, upstream))
    assert timeline.lower_bound_seconds == pytest.approx(bound)
    assert timeline.makespan_seconds >= bound - 1e-9
    assert timeline.makespan_seconds <= (2 - 1 / workers) * bound + 1e-9  # Graham 1969


@settings(max_examples=40, deadline=None)
@given(graphs(most=6), st.integers(2, 3))
def test_small_runs_are_near_the_shortest_there_is(graph: tuple[Costs, Upstream], workers: int) -> None:
    costs, upstream = graph
    best = optimum_seconds(costs, upstream, workers)
    found = simulate(costs, upstream, workers).makespan_seconds
    assert best - 1e-9 <= found <= (2 - 1 / workers) * best + 1e-9


@settings(max_examples=60, deadline=None)
@given(graphs(), st.integers(1, 4))
def test_never_worse_than_longest_remaining_path_first(graph: tuple[Costs, Upstream], workers: int) -> None:
    costs, upstream = graph
    plain = by_bottom_level_seconds(costs, upstream, workers)
    assert simulate(costs, upstream, workers).makespan_seconds <= plain + 1e-9


@settings(max_examples=60, deadline=None)
@given(graphs(), st.integers(1, 4), st.sampled_from([0.0, 0.5]))
def test_by_the_estimates_never_worse_however_uncertain_they_are(
    graph: tuple[Costs, Upstream], workers: int, spread: float
) -> None:
    estimates, upstream = graph
    tasks = TaskGraph.of(upstream)
    seconds = [estimates[name] for name in tasks.names]
    order = best_order(tasks, seconds, workers, Budget(work=10_000, seconds=60.0), spread=spread)
    expected = run(tasks, seconds, order, workers).makespan_seconds
    assert expected <= by_bottom_level_seconds(estimates, upstream, workers) + 1e-9


@pytest.mark.parametrize("workers", [2, 4, 8])
def test_shorter_than_longest_remaining_path_first_where_that_leaves_room(workers: int) -> None:
    ratios = []
    for seed in range(4):
        costs, upstream = layered(60, seed)
        plain = by_bottom_level_seconds(costs, upstream, workers)
        found = simulate(costs, upstream, workers).makespan_seconds
        assert found <= plain * (1 + 1e-9)
        ratios.append(found / plain)
    assert sum(ratios) / len(ratios) <= 1.0


def test_a_known_case_where_the_search_beats_bottom_levels() -> None:
    # Five independent tasks on two workers: longest first gives 3+2+2 = 7, the best is 3+3 and 2+2+2.
    costs = {"a": 3.0, "b": 3.0, "c": 2.0, "d": 2.0, "e": 2.0}
    upstream: Upstream = {name: [] for name in costs}
    assert by_bottom_level_seconds(costs, upstream, 2) == 7.0
    assert simulate(costs, upstream, 2).makespan_seconds == 6.0


@settings(max_examples=30, deadline=None)
@given(graphs(), st.integers(1, 3), st.randoms(use_true_random=False), st.booleans())
def test_the_order_of_the_input_changes_nothing(
    graph: tuple[Costs, Upstream], workers: int, rng: random.Random, guessed: bool
) -> None:
    costs, upstream = graph
    shuffled_names = rng.sample(list(costs), len(costs))
    shuffled = {name: costs[name] for name in shuffled_names}
    links = {name: rng.sample(upstream[name], len(upstream[name])) for name in reversed(shuffled_names)}
    estimates = {name: cost + 1 for name, cost in costs.items()} if guessed else None
    assert simulate(costs, upstream, workers, estimates=estimates) == simulate(
        shuffled, links, workers, estimates=estimates
    )


def test_a_chain_of_a_thousand_and_a_wide_fan() -> None:
    names = [f"v{number:04d}" for number in range(1000)]
    chain = simulate(
        dict.fromkeys(names, 0.5),
        {after: [before] for before, after in pairwise(names)},
        4,
    )
    assert chain.order == tuple(names)
    assert chain.makespan_seconds == chain.lower_bound_seconds == 500.0
    fan = simulate(dict.fromkeys(names, 1.0), {name: [names[0]] for name in names[1:]}, 3)
    assert fan.makespan_seconds == 334.0  # 1, then 999 on 3 workers


def test_five_thousand_tasks() -> None:
    costs, upstream = layered(5000, 1)
    timeline = simulate(costs, upstream, 8)
    check_valid(timeline, costs, upstream, 8)
