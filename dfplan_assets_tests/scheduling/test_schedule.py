"""The order of whole runs: levels and slack by hand, chains, urgency, absurd histories, large graphs."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfplan_assets.errors import CycleError, InputError
from dfplan_assets.scheduling.cost_model import UNIT_SECONDS
from dfplan_assets.scheduling.model import MeasuredRun, Schedule, Task
from dfplan_assets.scheduling.schedule import Order, savings, schedule
from dfplan_assets_tests.scheduling.samples import DAY, check_valid, graphs, layered, past_run, task

# a 3 -> b 2 -> d 4, a -> c 1 -> d; e 5 alone
DIAMOND = [task("a"), task("b", "a"), task("c", "a"), task("d", "b", "c"), task("e")]
DIAMOND_RUNS = [
    past_run(name, seconds) for name, seconds in zip("abcde", (3.0, 2.0, 1.0, 4.0, 5.0), strict=True)
]


def ordered(tasks: list[Task], runs: list[MeasuredRun] | None = None, **options: Any) -> Schedule:
    return schedule(tasks, runs or [], **{"cores": 2, "workers": 2, **options})


def names(found: Schedule) -> list[str]:
    return [rank.task.name for rank in found.ranked]


def check(found: Schedule, tasks: list[Task]) -> None:
    """What holds for every schedule."""
    costs = {rank.task.name: rank.estimate.seconds for rank in found.ranked}
    links = {each.name: list(each.upstream) for each in tasks}
    assert sorted(costs) == sorted(links)
    ends = {slot.name: slot.end_seconds for slot in found.timeline.slots}
    assert sorted(ends) == sorted(costs)
    for slot in found.timeline.slots:
        assert slot.end_seconds == pytest.approx(slot.start_seconds + costs[slot.name])
        for other in links[slot.name]:
            if other in ends:
                assert ends[other] <= slot.start_seconds + 1e-9
    bound = found.timeline.lower_bound_seconds
    graham = (2 - 1 / found.workers) * bound
    assert bound * (1 - 1e-9) <= found.timeline.makespan_seconds <= graham * (1 + 1e-9)
    priorities = [rank.priority for rank in found.ranked]
    assert priorities == sorted(priorities, reverse=True)
    assert all(rank.reason for rank in found.ranked)
    followers = [name for rank in found.ranked for name in rank.chain]
    assert len(set(followers)) == len(followers)


def test_levels_slack_and_the_critical_path_by_hand() -> None:
    found = ordered(DIAMOND, DIAMOND_RUNS)
    check(found, DIAMOND)
    by_name = {rank.task.name: rank for rank in found.ranked}
    assert {name: rank.bottom_level_seconds for name, rank in by_name.items()} == {
        "a": 9.0,
        "b": 6.0,
        "c": 5.0,
        "d": 4.0,
        "e": 5.0,
    }
    assert {name: rank.slack_seconds for name, rank in by_name.items()} == {
        "a": 0.0,
        "b": 0.0,
        "c": 1.0,
        "d": 0.0,
        "e": 4.0,
    }
    assert found.critical_path == ("a", "b", "d")
    assert [name for name, rank in by_name.items() if rank.critical] == ["a", "b", "d"]
    assert names(found)[:2] == ["a", "b"]
    assert [rank.priority for rank in found.ranked] == [5, 4, 3, 2, 1]
    assert by_name["a"].reason == "9 s from its start to the end of the run; on the critical path"
    assert "1 s slack" in by_name["c"].reason
    assert found.timeline.lower_bound_seconds == 9.0


@settings(max_examples=40, deadline=None)
@given(graphs(most=8))
def test_levels_and_slack_against_every_path(graph: tuple[dict[str, float], dict[str, list[str]]]) -> None:
    costs, upstream = graph
    costs = {name: cost + 1 for name, cost in costs.items()}
    tasks = [task(name, *upstream[name]) for name in costs]
    found = ordered(tasks, [past_run(name, cost) for name, cost in costs.items()], search_seconds=0.01)
    check(found, tasks)
    paths: list[list[str]] = []

    def extend(path: list[str]) -> None:
        paths.append(path)
        for name in costs:
            if path[-1] in upstream[name]:
                extend([*path, name])

    for name in costs:
        extend([name])
    lengths = [(sum(costs[name] for name in path), path) for path in paths]
    longest = max(length for length, _ in lengths)
    for rank in found.ranked:
        name = rank.task.name
        from_here = max(length for length, path in lengths if path[0] == name)
        through = max(length for length, path in lengths if name in path)
        assert rank.bottom_level_seconds == pytest.approx(from_here)
        assert rank.slack_seconds == pytest.approx(longest - through)
        assert rank.critical == (through == longest)
    assert sum(costs[name] for name in found.critical_path) == longest
    assert list(found.critical_path) in paths


def test_only_the_selection_counts() -> None:
    found = ordered([DIAMOND[2], DIAMOND[3]], DIAMOND_RUNS)
    assert found.critical_path == ("c", "d")
    assert found.timeline.makespan_seconds == 5.0


def test_a_second_run_is_ordered_by_the_first_ones_measurements() -> None:
    tasks = [task("a"), task("b"), task("slow")]
    before = ordered(tasks)
    assert names(before) == ["a", "b", "slow"]
    assert "nothing was measured yet" in before.reasons[-1]
    after = ordered(tasks, [past_run("a", 1.0), past_run("b", 1.0), past_run("slow", 2.0)])
    assert names(after)[0] == "slow"
    assert "from the measured time of 3 of 3 views" in after.reasons[1]


def test_a_static_order_is_by_the_views_behind() -> None:
    found = ordered(DIAMOND, DIAMOND_RUNS, order="static")
    check(found, DIAMOND)
    assert names(found)[0] == "a"
    assert set(names(found)[1:3]) == {"b", "c"}
    assert "3 views from its start" in found.ranked[0].reason
    assert ordered(DIAMOND, order="static").ranked[0].estimate.seconds == UNIT_SECONDS


def test_off_keeps_the_order_given_and_no_priorities() -> None:
    given_order = [DIAMOND[4], *DIAMOND[:4]]
    found = ordered(given_order, DIAMOND_RUNS, order="off")
    check(found, DIAMOND)
    assert names(found) == ["e", "a", "b", "c", "d"]
    assert {rank.priority for rank in found.ranked} == {0}
    assert found.ranked[0].reason == "in the order of the plan; 4 s slack"


@pytest.mark.parametrize("order", ["measured", "static", "off"])
def test_a_users_priority_outranks_every_measurement(order: Order) -> None:
    tasks = [task("long"), task("urgent", user_priority=7), task("late", user_priority=-1)]
    runs = [past_run("long", 100.0), past_run("urgent", 0.1), past_run("late", 500.0)]
    found = ordered(tasks, runs, order=order, workers=1)
    assert names(found) == ["urgent", "long", "late"]
    assert found.timeline.order == ("urgent", "long", "late")
    assert found.ranked[0].reason.startswith("priority 7 asked for")
    assert found.ranked[2].priority < 0


def test_what_an_urgent_view_waits_for_is_as_urgent() -> None:
    tasks = [task("root"), task("urgent", "root", user_priority=7), task("long"), task("other", "root")]
    runs = [past_run("long", 100.0), *(past_run(name, 1.0) for name in ("root", "urgent", "other"))]
    found = ordered(tasks, runs, workers=1)
    assert names(found)[:2] == ["root", "urgent"]
    assert found.ranked[0].reason.startswith("needed by urgent, whose priority is 7")
    assert found.timeline.order[:2] == ("root", "urgent")


def test_a_late_view_does_not_hold_back_what_it_waits_for() -> None:
    tasks = [task("root"), task("late", "root", user_priority=-3), task("z")]
    found = ordered(tasks, [past_run("root", 5.0), past_run("late", 9.0), past_run("z", 1.0)])
    assert names(found) == ["root", "z", "late"]
    assert [rank.priority for rank in found.ranked] == [2, 1, -1]


def test_short_views_in_a_row_run_back_to_back() -> None:
    tasks = [task("a"), task("b", "a"), task("c", "b"), task("d", "c"), task("e", "d"), task("f", "d")]
    runs = [past_run(name, 0.01) for name in "abcef"] + [past_run("d", 0.01)]
    found = ordered(tasks, runs, group_below_seconds=0.05)
    check(found, tasks)
    assert {rank.task.name: rank.chain for rank in found.ranked if rank.chain} == {"a": ("b", "c", "d")}
    assert names(found)[:4] == ["a", "b", "c", "d"]
    workers = {slot.name: slot.worker for slot in found.timeline.slots}
    assert len({workers[name] for name in "abcd"}) == 1
    assert "short views that run in chains, back to back: 4 in 1" in found.reasons
    assert found.ranked[1].reason.startswith("runs right behind a")


def test_chains_end_where_a_view_is_long_never_measured_or_more_urgent() -> None:
    chain = [task("a"), task("b", "a"), task("c", "b"), task("d", "c")]
    runs = [past_run("a", 0.01), past_run("b", 0.01), past_run("c", 0.5), past_run("d", 0.01)]

    def chains(tasks: list[Task], runs: list[MeasuredRun]) -> dict[str, tuple[str, ...]]:
        return {rank.task.name: rank.chain for rank in ordered(tasks, runs).ranked if rank.chain}

    assert chains(chain, runs) == {"a": ("b",)}
    assert chains(chain, []) == {}
    assert chains(
        [*chain[:2], task("c", "b", user_priority=-2)], [past_run(name, 0.01) for name in "abc"]
    ) == {"a": ("b",)}


@settings(max_examples=40, deadline=None)
@given(graphs(), st.integers(1, 3), st.lists(st.sampled_from([None, None, 3, -2]), min_size=9, max_size=9))
def test_every_schedule_is_possible_whatever_is_asked(
    graph: tuple[dict[str, float], dict[str, list[str]]], workers: int, wishes: list[int | None]
) -> None:
    costs, upstream = graph
    tasks = [
        task(name, *upstream[name], user_priority=wish) for name, wish in zip(costs, wishes, strict=False)
    ]
    runs = [past_run(name, cost / 100) for name, cost in costs.items()]  # some short, some never measured
    found = ordered(tasks, runs, workers=workers, cores=4, search_seconds=0.01)
    check(found, tasks)
    place = {name: position for position, name in enumerate(names(found))}
    for rank in found.ranked:
        for before, after in zip((rank.task.name, *rank.chain), rank.chain, strict=False):
            assert upstream[after] == [before]
            assert place[after] == place[before] + 1
    again = ordered(tasks[::-1], runs[::-1], workers=workers, cores=4, search_seconds=0.01)
    assert again == found


ABSURD: dict[str, list[MeasuredRun]] = {
    "none": [],
    "one": [past_run("b", 2.0)],
    "negative": [past_run("a", -5.0), past_run("b", 1.0, cpu_seconds=-4.0, input_bytes=-7, cores=-1)],
    "not a number": [past_run("a", math.nan, cpu_seconds=math.nan)],
    "endless": [past_run("a", math.inf, cpu_seconds=math.inf)],
    "zero": [past_run(name, 0.0) for name in "abcde"],
    "tiny and huge": [past_run("a", 5e-324), past_run("b", 604800.0)],
    "a clock that jumped": [past_run("a", 1.0, day=-40000), past_run("a", 1e12, day=40000)],
    "another machine": [past_run(name, 1.0, cores=128, cpu_seconds=100.0) for name in "abcde"],
    "failures": [past_run(name, 1.0, status="failed") for name in "abcde"],
    "other views": [past_run("gone", 3.0)],
}


@pytest.mark.parametrize("runs", ABSURD.values(), ids=ABSURD)
@pytest.mark.parametrize("order", ["measured", "static", "off"])
def test_absurd_histories_give_an_order_and_a_reason(runs: list[MeasuredRun], order: Order) -> None:
    found = ordered(DIAMOND, runs, order=order)
    check(found, DIAMOND)
    assert found.reasons
    assert all(math.isfinite(rank.estimate.seconds) and rank.estimate.seconds > 0 for rank in found.ranked)
    assert all(
        rank.estimate.low_seconds <= rank.estimate.seconds <= rank.estimate.high_seconds
        for rank in found.ranked
    )


def test_nothing_and_one_view() -> None:
    nothing = ordered([])
    assert (nothing.ranked, nothing.critical_path, nothing.timeline.makespan_seconds) == ((), (), 0.0)
    assert savings(nothing) == []
    one = ordered([task("only", "source")], [past_run("only", 3.0)])
    assert (names(one), one.critical_path, one.timeline.makespan_seconds) == (["only"], ("only",), 3.0)


def test_five_thousand_views_with_history() -> None:
    costs, upstream = layered(5000, 7)
    tasks = [task(name, *upstream[name]) for name in costs]
    runs = [
        past_run(name, cost, started_at=DAY + timedelta(days=day))
        for name, cost in costs.items()
        for day in (0, 1)
    ]
    found = ordered(tasks, runs, search_seconds=0.05)
    check_valid(found.timeline, costs, upstream, 2)
    assert len({rank.priority for rank in found.ranked}) == 5000


@pytest.mark.parametrize("seconds", [0.01, 1.0])
def test_a_chain_of_a_thousand_and_a_wide_fan(seconds: float) -> None:
    all_names = [f"v{number:04d}" for number in range(1000)]
    runs = [past_run(name, seconds) for name in all_names]
    chain = [task(name, *all_names[max(0, at - 1) : at]) for at, name in enumerate(all_names)]
    found = ordered(chain, runs)
    assert found.timeline.order == tuple(all_names)
    assert found.critical_path == tuple(all_names)
    assert found.timeline.makespan_seconds == pytest.approx(1000 * seconds)
    fan = [task(all_names[0]), *(task(name, all_names[0]) for name in all_names[1:])]
    check(ordered(fan, runs), fan)


def test_a_task_given_twice_and_a_circle_are_refused() -> None:
    with pytest.raises(InputError, match="given twice: a"):
        ordered([task("a"), task("b"), task("a")])
    with pytest.raises(CycleError, match="a -> b -> a"):
        ordered([task("a", "b"), task("b", "a")])


def test_savings_by_hand() -> None:
    rows = {row.name: row for row in savings(ordered(DIAMOND, DIAMOND_RUNS))}
    # Two workers: a, b, d on one (9 s), e and c on the other; without a the critical path is 6 s, and
    # so is e's worker with c.
    assert rows["a"].critical_path_seconds == 3.0
    assert rows["d"].critical_path_seconds == 4.0
    assert rows["b"].critical_path_seconds == 1.0  # then a, c, d are longest: 8 s
    assert rows["c"].critical_path_seconds == rows["e"].critical_path_seconds == 0.0
    assert rows["e"].seconds == 5.0
    assert all(row.makespan_seconds >= 0 for row in rows.values())


def test_savings_come_by_what_the_run_gains() -> None:
    tasks = [task("a"), task("b"), task("c")]
    found = ordered(tasks, [past_run("a", 6.0), past_run("b", 4.0), past_run("c", 1.0)])
    rows = savings(found)
    assert [row.name for row in rows] == ["a", "b", "c"]
    # Without a the run takes 4 s in place of 6; without b or c it takes a's 6 s all the same.
    assert [row.makespan_seconds for row in rows] == [2.0, 0.0, 0.0]
    assert savings(found, limit=1) == rows[:1]


def test_steady_costs_are_searched_for_a_better_order_and_unsteady_ones_are_not() -> None:
    tasks = [task(name) for name in "abcde"]
    costs = dict(zip("abcde", (3.0, 3.0, 2.0, 2.0, 2.0), strict=True))
    steady = [past_run(name, cost, day=day) for name, cost in costs.items() for day in range(10)]
    found = ordered(tasks, steady)
    assert found.timeline.makespan_seconds == 6.0  # 3 + 3 and 2 + 2 + 2; longest first takes 7
    assert any("as the simulated run is shorter that way" in rank.reason for rank in found.ranked)
    assert "costs are steady, so a shorter run was looked for by simulation" in found.reasons
    unsteady = [
        past_run(name, cost * factor, day=day)
        for name, cost in costs.items()
        for day, factor in enumerate((0.2, 0.5, 1.0, 2.0, 5.0))
    ]
    plain = ordered(tasks, unsteady)
    assert names(plain) == list("abcde")
    assert plain.timeline.makespan_seconds == 7.0
