"""Random graphs of partitioned views, random histories: what ran, what is there, and why something is stale."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from dfplan_assets_tests.staleness.clock import at
from dfplan_assets_tests.staleness.partition_model import (
    UNLUCKY,
    Declared,
    Fails,
    File,
    Lacks,
    Model,
    Parts,
    Row,
    Values,
    Windows,
    noon,
)
from dfplan_assets_tests.staleness.partition_world import (
    backfill,
    by_steps,
    contents,
    own_reasons,
    versions,
    write,
)

SOURCES = ("s0", "s1")
BEGIN = date(2024, 3, 4)
"""A Monday, when the story begins: the leap day, one whole week and February are over."""

WINDOWS: Sequence[tuple[Parts, ...]] = (
    (Windows("day", date(2024, 2, 28)),),
    (Windows("day", date(2024, 2, 26)), Windows("week", date(2024, 2, 26))),
    (Windows("day", date(2024, 2, 27), date(2024, 3, 6)), Windows("month", date(2024, 2, 1))),
    (Windows("week", date(2024, 1, 29)), Windows("month", date(2024, 2, 1))),
    (Values(("eu", "us")),),
)
"""Which partitions the views of one graph may have; none stays possible."""

CHANGES = (
    "rows", "rows", "rows", "touch", "vanish", "unlucky", "summand", "cap", "more", "comment", "policy", "kind",
    "backfill", "backfill", "clock", "clock", "range", "cadence", "nothing",
)  # fmt: skip


@st.composite
def rows(draw: st.DrawFn, unlucky: bool = False) -> tuple[Row, ...]:
    days = [date(2024, 2, 5), *(date(2024, 2, 26) + timedelta(days) for days in range(10))]
    some = st.tuples(st.sampled_from(days), st.sampled_from(["eu", "us"]), st.integers(0, 4))
    found = draw(st.lists(some, min_size=1, max_size=5))
    if unlucky:
        found.append((draw(st.sampled_from(days)), "eu", UNLUCKY))
    return tuple(found)


@st.composite
def models(draw: st.DrawFn) -> Model:
    choice = [None, *draw(st.sampled_from(WINDOWS))]
    views: dict[str, Declared] = {}
    for number in range(draw(st.integers(2, 6))):
        parts = draw(st.sampled_from([*choice, *choice[1:]]))
        reads = draw(st.lists(st.sampled_from([*SOURCES, *views]), min_size=1, max_size=2, unique=True))
        if views and number > 1 and not set(reads) & set(views):
            reads = [draw(st.sampled_from(list(views)))]
        kind = "view" if parts is None and draw(st.integers(0, 2)) == 0 and number else "table"
        views[f"v{number}"] = Declared(
            tuple(reads),
            parts,
            draw(st.sampled_from(["inputs", "content"])),
            kind,
            cap=draw(st.sampled_from([1, 99])),
            fragile=kind == "table" and draw(st.integers(0, 2)) == 0,
            single_run=parts is not None and draw(st.booleans()),
        )
    files = {name: {"a.csv": File(draw(rows()), 0)} for name in SOURCES}
    return Model(files, views, noon(BEGIN))


def change(model: Model, draw: Callable[..., object]) -> tuple[str, list[str | None]] | None:
    """Changes something of a project; gives the view and partitions of a backfill where it is one."""

    def pick(some: Sequence[object]) -> object:
        return draw(st.sampled_from(list(some)))

    what = str(pick(CHANGES))
    source, name = str(pick(SOURCES)), str(pick(list(model.views)))
    view, files = model.views[name], model.files[source]
    note(f"{what} {source} {name}")
    write = 1 + max((file.write for each in model.files.values() for file in each.values()), default=0)
    model.writes = write = max(write, model.writes + 1)
    if what in ("rows", "unlucky"):
        files[str(pick(["a.csv", "b.csv"]))] = File(draw(rows(what == "unlucky")), write)  # type: ignore[arg-type]
    elif what == "touch" and files:
        file = str(pick(list(files)))
        files[file] = replace(files[file], write=write)
    elif what == "vanish" and files:
        del files[str(pick(list(files)))]
    elif what == "summand":
        view = replace(view, summand=draw(st.integers(0, 1)))
    elif what == "cap":
        view = replace(view, cap=pick([1, 2, 99]))
    elif what == "more":
        view = replace(view, more=not view.more)
    elif what == "comment":
        view = replace(view, comment=str(pick(["a", "b"])))
    elif what == "policy":
        view = replace(view, policy=str(pick(["inputs", "content"])))
    elif what == "kind" and view.parts is None and not view.fragile:
        view = replace(view, kind="view" if view.kind == "table" else "table")
    elif what == "backfill" and view.kind == "table":
        keys = model.keys(name)
        if keys:
            first = draw(st.integers(0, len(keys) - 1))
            return name, keys[first : first + draw(st.integers(1, 3))]
    elif what == "clock":
        model.now += timedelta(days=draw(st.sampled_from([1, 1, 2, 7])))
    elif what in ("range", "cadence"):
        _repartition(model, name, what, draw, pick)
        return None
    model.views[name] = view
    return None


def _repartition(model: Model, name: str, what: str, draw, pick) -> None:
    view = model.views[name]
    parts = view.parts
    if isinstance(parts, Values):
        values = pick([("eu",), ("us",), ("eu", "us"), ("asia", "eu", "us"), ("us", "eu")])
        for each, declared in model.views.items():  # all the same, or they could not be mapped
            if isinstance(declared.parts, Values):
                model.views[each] = replace(declared, parts=Values(values))
    elif isinstance(parts, Windows) and what == "range":
        step = {"day": 1, "week": 7, "month": 0}[parts.every]
        first = parts.first + timedelta(step * draw(st.integers(-1, 2)))
        if parts.every == "month":
            first = pick([date(2024, 1, 1), date(2024, 2, 1), date(2024, 3, 1)])
        end = first + timedelta(draw(st.integers(5, 40))) if draw(st.booleans()) else None
        model.views[name] = replace(view, parts=replace(parts, first=first, end=end))
    elif isinstance(parts, Windows):
        other = pick([Windows("day", date(2024, 2, 28)), Windows("week", date(2024, 2, 26)),
                      Windows("week", date(2024, 2, 27)), Windows("month", date(2024, 2, 1)), parts])
        model.views[name] = replace(view, parts=other)


def check_reasons(model: Model, plan, when: str) -> None:
    """Whatever is stale by itself has reasons that are true, and all that there are."""
    expected = {}
    for view, declared in model.views.items():
        if declared.kind == "table":
            for key in model.due(view):
                found = model.own_reasons((view, key))
                if found:
                    expected[view, key] = found
    said = own_reasons(plan)
    short = {part: {in_short(reason) for reason in reasons} for part, reasons in said.items()}
    assert short == expected, when


def in_short(reason: str) -> str:
    words = reason.split()
    if reason == "never ran":
        return reason
    if reason.startswith("its meaning"):
        return "meaning"
    if reason.startswith("inlined view"):
        return f"inlined {words[2]}"
    if "inlined into it" in reason:
        return f"inlined {words[1]}"
    if reason.startswith("it reads"):
        return f"reads {words[2][:-1]}"
    if reason.startswith("upstream"):
        return f"upstream {words[1]}"
    assert words[0][:-1] in SOURCES, reason
    return f"source {words[0][:-1]}"


def tell(model: Model, folder: Path, draw, steps: int, decide) -> None:
    plan = write(model, folder)
    note("\n".join(f"{name}: {view}" for name, view in model.views.items()))
    with at(model.now):
        for view, declared in model.views.items():
            if declared.kind == "table":
                keys = model.keys(view)
                if keys and declared.parts is not None:
                    first = draw(st.integers(0, min(2, len(keys) - 1)))
                    keys = keys[first : first + draw(st.integers(1, 8))]
                run_backfill(model, plan, view, keys)
    for _ in range(steps):
        asked = change(model, draw)
        with at(model.now):
            plan = write(model, folder)
            if asked is not None:
                run_backfill(model, plan, *asked)
            if draw(st.integers(0, 3)) == 0:
                continue
            run_and_check(model, plan, decide)
    with at(model.now):
        outcome = run_and_check(model, plan, decide)
        check_rebuilt(model, contents(plan), outcome)


def run_backfill(model: Model, plan, view, keys) -> None:
    expected = set()
    for key in keys:
        try:
            model.make((view, key))
        except (Fails, Lacks):
            continue
        expected.add((view, key))
    note(f"backfill {view} {keys}: {expected}")
    assert backfill(plan, view, keys) == expected


def run_and_check(model: Model, plan, decide):
    check_reasons(model, plan, "before")
    first = before = versions(plan)
    outcome = model.run_stale()
    note(f"expected {outcome}")
    for round_ in range(8):
        decide(plan)
        after = versions(plan)
        again = {part for part in after if part in before and part in first
                 and before[part] != first[part] and after[part] != before[part]}
        assert not again, "made twice"
        if after == before:
            break
        if not outcome.failing and round_ == 0:
            before = after
            decide(plan)
            assert versions(plan) == after, "the second call ran something"
            break
        before = after
    ran = {part for part, version in after.items() if first.get(part) != version}
    assert ran == outcome.ran
    expected = {(view, key): Counter(made.rows) for view in model.views if model.views[view].kind == "table"
                for key, made in model.results(view).items()}
    assert contents(plan) == expected
    check_reasons(model, plan, "after")
    if not outcome.troubled:
        assert not own_reasons(plan)
    return outcome


def check_rebuilt(model: Model, now, outcome) -> None:
    fresh = model.copy()
    with tempfile.TemporaryDirectory() as folder:
        plan = write(fresh, Path(folder))
        troubled = set(outcome.troubled)
        for view, declared in model.views.items():
            if declared.kind == "view":
                continue
            tables = [t for t in model.stored(view) if t in model.views]
            for key in model.results(view):
                part = (view, key)
                if troubled & {each for t in tables for each in model.parts_read(part, t)}:
                    troubled.add(part)
            keys = [key for key in model.results(view) if (view, key) not in troubled]
            assert backfill(plan, view, keys) == {(view, key) for key in keys}
        built = contents(plan)
        assert built == {part: rows for part, rows in now.items() if part not in troubled}


@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_partitions_that_ran_are_those_that_had_to(data: st.DataObject) -> None:
    model = data.draw(models())
    with tempfile.TemporaryDirectory() as folder:
        tell(model, Path(folder), data.draw, 3, by_steps)
