"""Random graphs, random changes: what ran is what had to, told by rebuilding everything from scratch."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.orchestration.runner import Attempt, ProjectRunner, Reused
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.staleness.look import staleness_now
from dfplan_assets.staleness.staleness import to_run
from dfplan_assets_tests.small_projects import plan_of, write_project

SOURCES = ("s0", "s1")
Rows = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Declared:
    """A view of the random graph: ``kind`` is table or view, ``policy`` inputs or content."""

    reads: tuple[str, ...]
    modulo: int
    summand: int
    policy: str
    kind: str
    comment: str = ""

    @property
    def sql(self) -> str:
        union = " union all ".join(f"select k, v from {name}" for name in self.reads)
        front = f"data_version: {self.policy}\nmaterialized: {self.kind}\n"
        return (
            f"/* ---\n{front}--- */\n-- {self.comment}\n"
            f"select k % {self.modulo} as k, min(v) + {self.summand} as v from ({union}) as a group by k % "
            f"{self.modulo}"
        )


@dataclass(frozen=True)
class State:
    """The rows of the sources, how often each was written, and the views, each reading only earlier ones."""

    rows: Mapping[str, Rows]
    writes: Mapping[str, int]
    views: Mapping[str, Declared]

    def write(self, folder: Path) -> ProjectPlan:
        write_project(
            folder,
            {f"{name}.sql": view.sql for name, view in self.views.items()},
            {name: {"path": f"{name}.csv", "columns": {"k": "int64", "v": "int64"}} for name in SOURCES},
        )
        for name in SOURCES:
            text = "k,v\n" + "".join(f"{k},{v}\n" for k, v in self.rows[name])
            (folder / f"{name}.csv").write_text(text)
            os.utime(folder / f"{name}.csv", (self.writes[name], self.writes[name]))
        return plan_of(folder)


numbers = st.integers(0, 5)
some_rows = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=3).map(tuple)


@st.composite
def graphs(draw: st.DrawFn) -> State:
    views: dict[str, Declared] = {}
    for number in range(draw(st.integers(2, 5))):
        known = [*SOURCES, *views]
        reads = draw(st.lists(st.sampled_from(known), min_size=1, max_size=2, unique=True))
        last = number == 0  # one is stored, so that there is something to run
        views[f"v{number}"] = Declared(
            tuple(reads),
            draw(st.integers(1, 3)),
            0,
            draw(st.sampled_from(["inputs", "content"])),
            "table" if last else draw(st.sampled_from(["table", "table", "table", "view"])),
        )
    return State({name: draw(some_rows) for name in SOURCES}, dict.fromkeys(SOURCES, 1_000_000), views)


@st.composite
def changed(draw: st.DrawFn, before: State) -> State:
    rows, writes, views = dict(before.rows), dict(before.writes), dict(before.views)
    for _ in range(draw(st.integers(0, 2))):
        what = draw(st.sampled_from(["rows", "touch", "touch back", "meaning", "comment"]))
        source, view = draw(st.sampled_from(SOURCES)), draw(st.sampled_from(list(views)))
        if what == "rows":
            rows[source] = draw(some_rows)
            writes[source] += 10
        elif what.startswith("touch"):
            # Never back to a time that it had: another content of that size would be told by nothing.
            writes[source] += 10 if what == "touch" else -7
        elif what == "meaning":
            views[view] = replace(views[view], summand=draw(st.integers(0, 1)))
        else:
            views[view] = replace(views[view], comment=draw(st.sampled_from(["a", "b"])))
    return State(rows, writes, views)


def run_all(plan: ProjectPlan) -> None:
    runner = ProjectRunner(plan)
    for view in plan.views:
        if not plan.is_virtual(view):
            runner(Attempt(view, "all"))


def run_stale(plan: ProjectPlan) -> set[str]:
    """What the steps of a run for what is stale do, without Dagster around them."""
    runner = ProjectRunner(plan)
    ran = set()
    for part in to_run(staleness_now(plan)):
        if not isinstance(runner(Attempt(part.view, "stale", only_if_stale=True)), Reused):
            ran.add(part.view)
    return ran


def contents(plan: ProjectPlan) -> dict[str, Counter[tuple[int, int]]]:
    """The rows of each stored view, counted."""
    found = {}
    for view in plan.views:
        result = Warehouse.of(plan.project).current(view)
        if result is not None:
            rows = pq.read_table(result.files[0]).to_pylist()
            found[view] = Counter((row["k"], row["v"]) for row in rows)
    return found


def has_to_run(before: State, after: State, old: Mapping[str, object], new: Mapping[str, object]) -> set[str]:
    """What changed by content when everything was rebuilt, and what the policies demand beyond that."""
    ran: set[str] = set()
    moved: dict[str, bool] = {
        name: before.rows[name] != after.rows[name] or before.writes[name] != after.writes[name]
        for name in SOURCES
    }
    for name, view in after.views.items():
        meaning = view.summand != before.views[name].summand
        must = meaning or any(moved[table] for table in view.reads)
        if view.kind == "view":
            moved[name] = must
            continue
        if must:
            ran.add(name)
        moved[name] = must and (view.policy == "inputs" or old[name] != new[name])
    return ran


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_ran_is_what_a_rebuild_would_have_changed_and_what_policy_demands(data: st.DataObject) -> None:
    before = data.draw(graphs())
    after = data.draw(changed(before))
    with tempfile.TemporaryDirectory() as folder:
        project, rebuilt = Path(folder) / "project", Path(folder) / "rebuilt"
        project.mkdir()
        rebuilt.mkdir()
        plan = before.write(project)
        run_all(plan)
        assert not any(each.is_stale for each in staleness_now(plan).values())
        old = contents(plan)
        plan_rebuilt = after.write(rebuilt)
        run_all(plan_rebuilt)
        new = contents(plan_rebuilt)

        plan = after.write(project)
        ran = run_stale(plan)

        assert ran == has_to_run(before, after, old, new)
        assert {view for view in new if new[view] != old[view]} <= ran
        assert contents(plan) == new
        assert not any(each.is_stale for each in staleness_now(plan).values())
