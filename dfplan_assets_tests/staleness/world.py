"""A project that has run, what a situation changes in it, and which views then run, by whoever decides it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
from click.testing import CliRunner
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

from dfplan_assets.cli import main
from dfplan_assets.orchestration.definitions import project_definitions
from dfplan_assets.orchestration.drift_sensor import build_drift_sensor
from dfplan_assets.orchestration.instance import open_instance
from dfplan_assets.orchestration.partitions import run_tags
from dfplan_assets.orchestration.translator import DfplanTranslator
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.partitions import partitions_of
from dfplan_assets.staleness.results import Part
from dfplan_assets_tests.small_projects import plan_of, write_project

HOUR_NANOSECONDS = 3_600_000_000_000
MOST_ROUNDS = 12
ALL = 4
"""So many partitions have the views of ``situations.yaml``: all of them follow each other."""


def write_base(folder: Path, base: Mapping[str, Any]) -> None:
    """The files of a base as ``situations.yaml`` describes it, and its first run."""
    for path, content in base.get("data", {}).items():
        write_data(folder / path, content)
    settings = {key: base[key] for key in ("params", "data_version", "engine") if key in base}
    views = {f"{name}.sql": sql for name, sql in base["views"].items()}
    write_project(folder, views, base.get("sources", {}), **settings)
    for first in base.get("first", [""]):
        command = ["--project", str(folder), "run", *first.split()]
        result = CliRunner().invoke(main, command, catch_exceptions=False)
        assert result.exit_code == 0, result.stderr


def write_data(file: Path, content: str | Mapping[str, list[Any]]) -> None:
    """A file of text, or of Parquet from columns."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, str):
        file.write_text(content, encoding="utf-8")
    else:
        pq.write_table(pa.table(dict(content)), file)


class World:
    """A project's folder, which changes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.last_states: dict[str, str] = {}

    def copy(self, folder: Path) -> World:
        """The same project elsewhere, times of change included."""
        shutil.copytree(self.folder, folder)
        return World(folder)

    def change(self, change: Mapping[str, Any]) -> None:
        """Does what a line of ``situations.yaml`` says: one verb and what it needs."""
        ((verb, what),) = change.items()
        getattr(self, f"_{verb}")(what)

    def versions(self) -> dict[str, str]:
        """The version of the last result of each view and partition that has one."""
        found = {}
        for view in (self.folder / "warehouse").iterdir():
            for manifest in (*view.glob("published.json"), *view.glob("*/*/published.json")):
                document = json.loads(manifest.read_text())
                name = " ".join(
                    [document["view"], *([document["partition"]] if "partition" in document else [])]
                )
                found[name] = document["results"][0]["version"]
        return found

    def executed(self, decide: Callable[[World], None]) -> set[str]:
        """The views that have another result after somebody decided what runs, and ran it."""
        before = self.versions()
        decide(self)
        return {view for view, version in self.versions().items() if before.get(view) != version}

    def dfplan(self, *arguments: str) -> Any:
        """What the command says, as JSON."""
        result = CliRunner().invoke(
            main, ["--project", str(self.folder), *arguments, "--format", "json"], catch_exceptions=False
        )
        assert result.exit_code in (0, 1), result.stderr
        return json.loads(result.stdout)

    def plan(self) -> ProjectPlan:
        return plan_of(self.folder)

    def _touch(self, path: str) -> None:
        self._move_clock(path, HOUR_NANOSECONDS)

    def _touch_back(self, path: str) -> None:
        self._move_clock(path, -HOUR_NANOSECONDS)

    def _move_clock(self, path: str, by: int) -> None:
        modified = (self.folder / path).stat().st_mtime_ns + by
        os.utime(self.folder / path, ns=(modified, modified))

    def _write(self, files: Mapping[str, str | Mapping[str, list[Any]]]) -> None:
        for path, content in files.items():
            file = self.folder / path
            modified = file.stat().st_mtime_ns + HOUR_NANOSECONDS if file.exists() else None
            write_data(file, content)
            if modified is not None:  # never the same tick of the file system's clock
                os.utime(file, ns=(modified, modified))

    def _rewrite_silently(self, files: Mapping[str, Mapping[str, list[Any]]]) -> None:
        """Other rows of the same size, with the time of the old ones."""
        for path, content in files.items():
            file = self.folder / path
            before = file.stat()
            write_data(file, content)
            assert file.stat().st_size == before.st_size
            os.utime(file, ns=(before.st_mtime_ns, before.st_mtime_ns))

    def _replace(self, texts: Mapping[str, list[str]]) -> None:
        for path, (old, new) in texts.items():
            file = self.folder / path
            text = file.read_text(encoding="utf-8")
            assert old in text, (path, old)
            file.write_text(text.replace(old, new), encoding="utf-8")

    def _remove(self, path: str) -> None:
        found = self.folder / path
        shutil.rmtree(found) if found.is_dir() else found.unlink()

    def _rename(self, paths: Mapping[str, str]) -> None:
        for old, new in paths.items():
            (self.folder / old).rename(self.folder / new)

    def _settings(self, settings: Mapping[str, Any]) -> None:
        file = self.folder / "dfplan.yaml"
        document = json.loads(file.read_text())
        for key, value in settings.items():
            document[key] = {**document.get(key, {}), **value} if isinstance(value, dict) else value
        file.write_text(json.dumps(document))

    def _without_provenance(self, view: str) -> None:
        """The manifest as an earlier version of the package wrote it."""
        file = self.folder / "warehouse" / view / "published.json"
        document = json.loads(file.read_text())
        for result in document["results"]:
            del result["provenance"]
        file.write_text(json.dumps(document))

    def _run(self, arguments: str) -> None:
        self.dfplan("run", *arguments.split())

    def _remove_partition(self, part: str) -> None:
        view, key = part.split()
        (folder,) = (self.folder / "warehouse" / view).glob(f"*/{key}")
        shutil.rmtree(folder)

    def _run_stale(self, _: object) -> None:
        self.dfplan("run", "--stale")


def by_command(world: World) -> None:
    """``dfplan run --stale``."""
    report = world.dfplan("run", "--stale")
    states = [
        (view, each["state"]) for run in report.get("runs", [report]) for view, each in run["views"].items()
    ]
    world.last_states = dict(sorted(states, key=lambda each: each[1] == "failed"))


def by_ui(world: World) -> None:
    """In the UI: the sources observed, then "Materialize unsynced" until nothing more comes of it."""
    plan = world.plan()
    definitions = project_definitions(plan)
    job = definitions.resolve_implicit_global_asset_job_def()
    key_of = DfplanTranslator().get_asset_key
    hopeless: set[Part] = set()
    with open_instance(world.folder) as instance:
        if plan.project.sources:
            keys = [key_of(source) for source in plan.project.sources]
            job.execute_in_process(instance=instance, asset_selection=keys, raise_on_error=False)
        for _ in range(MOST_ROUNDS):
            unsynced = unsynced_parts(definitions, instance, plan) - hopeless
            if not unsynced:
                return
            made: set[Part] = set()
            for partitions, views in _by_keys(unsynced).items():
                result = job.execute_in_process(
                    instance=instance,
                    asset_selection=[key_of(view) for view in views],
                    tags=run_tags(partitions[0], partitions[-1]) if partitions else {},
                    raise_on_error=False,
                )
                made |= {
                    Part(view, event.partition)
                    for event in result.get_asset_materialization_events()
                    for view in views
                    if key_of(view) == event.asset_key
                }
            hopeless |= unsynced - made
            # Never up to date, as the UI shows them: once is enough.
            hopeless |= {
                part
                for part in unsynced
                if part.view in plan.views and plan.views[part.view].identity.volatile_functions
            }
    raise AssertionError(f"still unsynced after {MOST_ROUNDS} rounds: {unsynced}")


def by_sensor(world: World) -> None:
    """The drift sensor of a code location that has just been loaded, until it finds nothing more."""
    definitions = project_definitions(world.plan())
    job = definitions.resolve_implicit_global_asset_job_def()
    sensor = build_drift_sensor(world.plan())
    with open_instance(world.folder) as instance:
        for _ in range(MOST_ROUNDS):
            with dg.build_sensor_context(instance=instance) as context:
                requests = sensor.evaluate_tick(context).run_requests or []
            if not requests:
                return
            for request in requests:
                job.execute_in_process(
                    instance=instance,
                    asset_selection=request.asset_selection,
                    tags=request.tags,
                    raise_on_error=False,
                )
    raise AssertionError(f"the sensor still asks for a run after {MOST_ROUNDS} of them")


def unsynced_parts(definitions: dg.Definitions, instance: dg.DagsterInstance, plan: ProjectPlan) -> set[Part]:
    """What the UI shows as unsynced, or as missing.

    Of missing partitions, which a user chooses among, those that are not left to a backfill.
    """
    graph = definitions.resolve_asset_graph()
    resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
    key_of = DfplanTranslator().get_asset_key
    found = set()
    for view in plan.all_views:
        partitions = partitions_of(plan, view)
        if plan.is_virtual(view):
            continue
        if partitions is None:
            if resolver.get_status(key_of(view)) is not StaleStatus.FRESH:
                found.add(Part(view))
            continue
        begun = False
        for key in partitions.keys(datetime.now(timezone.utc)):
            status = resolver.get_status(key_of(view), key)
            begun = begun or status is not StaleStatus.MISSING
            if status is StaleStatus.STALE or (begun and status is StaleStatus.MISSING):
                found.add(Part(view, key))
    return found


def _by_keys(parts: set[Part]) -> dict[tuple[str, ...], list[str]]:
    """The views to run together, by the keys that follow each other for which they run."""
    keys: dict[str, list[str]] = {}
    for part in sorted(parts, key=str):
        keys.setdefault(part.view, []).extend([] if part.key is None else [part.key])
    found: dict[tuple[str, ...], list[str]] = {}
    for view, all_keys in keys.items():
        for run in [all_keys] if len(all_keys) in (0, ALL) else [[key] for key in all_keys]:
            found.setdefault(tuple(run), []).append(view)
    return found


DECIDERS: Mapping[str, Callable[[World], None]] = {
    "command": by_command,
    "ui": by_ui,
    "sensor": by_sensor,
}
"""Whoever decides what runs; all must come to the same."""
