"""A model's project on the disk, and what became of it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq

from dfplan_assets.errors import DfplanError
from dfplan_assets.execution.materialise import materialise
from dfplan_assets.execution.runtime import open_runtime
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.orchestration.run_report import ViewOutcome
from dfplan_assets.orchestration.stale_runs import stale_runs
from dfplan_assets.orchestration.stale_views import run_stale_views
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.partitions import partitions_of
from dfplan_assets.staleness.drift import own_reasons_of
from dfplan_assets.staleness.look import own_reasons_now, staleness_now
from dfplan_assets.staleness.results import Part, results_now
from dfplan_assets.staleness.staleness import to_run
from dfplan_assets_tests.small_projects import plan_of, write_project
from dfplan_assets_tests.staleness.partition_model import Key, Model, Row
from dfplan_assets_tests.staleness.partition_model import Part as Asked

_COLUMNS = {"d": "date32", "r": "string", "v": "int64"}


def write(model: Model, folder: Path) -> ProjectPlan:
    """The files of a model's project; the time of each says how often it was written."""
    for old in folder.glob("s*/*.csv"):
        old.unlink()
    for source, files in model.files.items():
        (folder / source).mkdir(parents=True, exist_ok=True)
        for name, file in files.items():
            path = folder / source / name
            path.write_text("d,r,v\n" + "".join(f"{d},{r},{v}\n" for d, r, v in file.rows))
            os.utime(path, (1_000_000 + file.write, 1_000_000 + file.write))
    write_project(
        folder,
        {f"{name}.sql": view.sql for name, view in model.views.items()},
        {name: {"path": f"{name}/", "format": "csv", "columns": _COLUMNS} for name in model.files},
        engine={"target_partitions": 1},
    )
    return plan_of(folder)


def versions(plan: ProjectPlan) -> dict[Asked, str]:
    """Which result each view and partition has."""
    results = results_now(plan)
    whole = {(view, None): each for view, each in results.whole.items() if view not in results.parts}
    parts = {(view, key): each for view, keys in results.parts.items() for key, each in keys.items()}
    every: dict[Asked, str] = {
        part: each.version for part, each in (whole | parts).items() if each is not None
    }
    return every


def executed(before: Mapping[Asked, str], after: Mapping[Asked, str]) -> set[Asked]:
    """What has another result than it had."""
    return {part for part, version in after.items() if before.get(part) != version}


def contents(plan: ProjectPlan) -> dict[Asked, Counter[Row]]:
    """The rows of each result, counted."""
    results = results_now(plan)
    found: dict[Asked, Counter[Row]] = {}
    for view, key in versions(plan):
        result = results.of(Part(view, key))
        assert result is not None
        rows = [row for file in result.files for row in pq.read_table(file).to_pylist()]
        found[view, key] = Counter((row["d"], row["r"], row["v"]) for row in rows)
    return found


def own_reasons(plan: ProjectPlan) -> dict[Asked, tuple[str, ...]]:
    """The reasons of their own for which views and partitions are stale."""
    found = {}
    for view, each in staleness_now(plan).items():
        keys: list[Key] = [None] if each.partitions is None else [one.key for one in each.partitions.stale]
        for key in keys:
            reasons = own_reasons_of({view: each}, Part(view, key))
            if reasons:
                found[view, key] = reasons
    return found


def backfill(plan: ProjectPlan, view: str, keys: Sequence[Key]) -> set[Asked]:
    """Makes partitions whether or not they are stale; gives those that could be made."""
    made = set()
    with steps_of(plan) as step:
        for key in keys:
            try:
                step(Part(view, key))
            except DfplanError:
                continue
            made.add((view, key))
    return made


@contextmanager
def steps_of(plan: ProjectPlan) -> Iterator[Callable[[Part], None]]:
    """What makes a view or partition, as its step in a run does, but for keeping records."""
    warehouse = Warehouse.of(plan.project)
    with open_runtime(plan.project.engine, warehouse) as runtime:

        def step(part: Part) -> None:
            materialise(plan, part.view, warehouse, runtime, (), part.key)

        yield step


def by_steps(plan: ProjectPlan) -> set[Asked]:
    """What the steps of the runs for what is stale do, without Dagster around them; gives what failed."""
    staleness = staleness_now(plan)
    keys = {view: each.partitions.keys for view, each in staleness.items() if each.partitions is not None}
    broken: set[Part] = set()
    failed: set[Asked] = set()
    with steps_of(plan) as step:
        for run in stale_runs(plan, to_run(staleness), keys):
            for view in dict.fromkeys(part.view for part in run.parts):
                parts = [part for part in run.parts if part.view == view]
                if any(broken & run.reads[part] for part in parts):
                    broken.update(parts)
                    continue
                for part in parts:
                    try:
                        if own_reasons_now(plan, part):
                            step(part)
                    except DfplanError:
                        broken.update(parts)
                        failed.add((view, part.key))
    return failed


class Silent:
    """A listener that says nothing."""

    def on_selected(self, views: tuple[str, ...]) -> None: ...
    def on_order(self, line: str) -> None: ...
    def on_start(self, view: str) -> None: ...
    def on_outcome(self, outcome: ViewOutcome) -> None: ...


def by_command(plan: ProjectPlan) -> set[Asked]:
    """What ``dfplan run --stale`` does; gives what failed, by view."""
    reports = run_stale_views(plan, None, Silent(), staleness_now(plan))
    return {
        (view, str(report.partitions) if report.partitions and partitions_of(plan, view) else None)
        for report in reports
        for view, each in report.views.items()
        if each.state == "failed"
    }
