"""Planning that no machine colours: over stand-in tables of recorded sizes, with fixed partitions.

A plan made here is a function of the project and of what its golden files record. The planner's
decisions by size (which side of a join is built, whether it is partitioned, how scans are divided) are
those for the recorded rows and bytes; a Delta table is one scan, however it is partitioned. Least,
greatest and distinct values of columns are not recorded, so that no value of a table stands in a
golden file: what would follow from them alone is not seen.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from urllib.parse import quote

from datafusion import DataFrame, SessionContext

from dfplan_assets.execution.failures import reporting
from dfplan_assets.golden.columns import columns_to_json
from dfplan_assets.golden.stand_in import ASSUMED, TableSize, table_files
from dfplan_assets.planning.bundle import EnvironmentPart, Identity, PlanBundle, ProjectPlan, ViewPlan
from dfplan_assets.planning.capture import capture, shown_query
from dfplan_assets.planning.diff.sql_edits import words_of
from dfplan_assets.planning.environment import engine_settings
from dfplan_assets.planning.guard import plan_query
from dfplan_assets.planning.identity import engine_version, with_physical, without_secret_values
from dfplan_assets.planning.inlining import register_inlined
from dfplan_assets.planning.parameters import bound_parameters
from dfplan_assets.planning.secrets import hider
from dfplan_assets.planning.session import planning_context
from dfplan_assets.planning.sources import register_source
from dfplan_assets.project.model import Engine, Source

FORM = 1
"""Counts on when plans are pinned in another way, so that every physical plan is made anew."""

PARTITIONS = 4
"""The partitions of golden plans where ``dfplan.yaml`` names no number."""

_TARGET_PARTITIONS = "datafusion.execution.target_partitions"
_PLANNING_CONCURRENCY = "datafusion.execution.planning_concurrency"


def pinned_engine(engine: Engine) -> Engine:
    """An engine with numbers in the place of those that follow the machine's cores."""
    settings = {_PLANNING_CONCURRENCY: str(PARTITIONS), **engine.settings}
    if engine.target_partitions is None and _TARGET_PARTITIONS not in settings:
        return replace(engine, target_partitions=PARTITIONS, settings=settings)
    return replace(engine, settings=settings)


@dataclass(frozen=True)
class PinnedPlan:
    """A view's plan over stand-ins: its identity, with the part ``physical`` if its physical plan is made."""

    identity: Identity
    physical_plan: str | None


class PinnedProject:
    """A planned project over stand-in tables; a context that removes their files at its end."""

    def __init__(self, plan: ProjectPlan, sizes: Mapping[str, TableSize | None]) -> None:
        engine = pinned_engine(plan.project.engine)
        self.plan = replace(
            plan, project=replace(plan.project, engine=engine), views=_without_secret_values(plan)
        )
        self.settings = engine_settings(self.plan.project.engine)
        self._settings_sha256 = _sha256(sorted(self.settings.items()))
        self._sizes = sizes
        self._folder = TemporaryDirectory(prefix="dfplan-golden-")
        self._sessions: dict[bool, tuple[SessionContext, set[str]]] = {}
        self._tables: dict[str, Source] = {}
        self._partitions = int(self.settings[_TARGET_PARTITIONS] or PARTITIONS)

    def __enter__(self) -> PinnedProject:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def identity(self, view: str) -> Identity:
        """A view's identity without its physical plan, and without the values of secret parameters."""
        return self.plan.views[view].identity

    def physical_inputs(self, view: str) -> str:
        """The hash of all that decides a view's physical plan: where it is equal, so is the plan."""
        queries = [self.plan.views[name].view for name in (*self.plan.inlined_views(view), view)]
        content = [
            FORM,
            engine_version(),
            self._settings_sha256,
            [
                [
                    query.name,
                    words_of(query.sql),
                    [
                        [each.name, each.type, each.value]
                        for each in bound_parameters(self.plan.project, query)
                    ],
                ]
                for query in queries
            ],
            [
                [
                    table,
                    self._format(table),
                    self._options(table),
                    columns_to_json(self.plan.schema_of(table)),
                    _size_to_json(self._size(table)),
                ]
                for table in self._tables_of(view)
            ],
        ]
        # Calls of literals are folded as a plan is made: then what a function does is in the plan.
        functions = [each.meaning for each in self.plan.called_functions(view)]
        return _sha256([*content, functions] if functions else content)

    def physical(self, view: str) -> PinnedPlan:
        """The physical plan of a view. Raises ExecutionError where it has none."""
        with self._reporting(view):
            ctx, frame = self._planned(view)
            shown, hide = shown_query(ctx, self.plan, self.plan.views[view].view, frame)
            text = self._without_folder(hide(shown.execution_plan().display_indent()))
        return self.with_plan(view, text)

    def with_plan(self, view: str, physical_plan: str) -> PinnedPlan:
        """A view with a physical plan that is known already."""
        return PinnedPlan(with_physical(self.identity(view), physical_plan), physical_plan)

    def bundle(self, view: str, environment: Sequence[EnvironmentPart]) -> PlanBundle:
        """The whole bundle of a view, rules included, as ``capture`` makes it.

        Raises ExecutionError where it has no physical plan, SubstraitError as ``capture`` does.
        """
        with self._reporting(view):
            ctx, frame = self._planned(view)
            captured = capture(ctx, self.plan, self.plan.views[view], frame, environment, verbose=True)
        text = self._without_folder(captured.bundle.physical_plan)
        return replace(
            captured.bundle,
            physical_plan=text,
            identity=with_physical(self.identity(view), text),
        )

    def _reporting(self, view: str) -> AbstractContextManager[None]:
        declared = self.plan.views[view].view
        hide = hider(self.plan.project, declared)
        return reporting(declared.where, {}, hide, self.plan.called_functions(view))

    def _planned(self, view: str) -> tuple[SessionContext, DataFrame]:
        found = self.plan.views[view]
        # Folding constants puts the moment of planning into the plan; without it now() stays now().
        folding = not found.identity.volatile_functions
        if folding not in self._sessions:
            ctx = planning_context(self.plan.project.engine, self.plan.functions)
            if not folding:
                ctx.remove_optimizer_rule("simplify_expressions")
            self._sessions[folding] = ctx, set()
        ctx, known = self._sessions[folding]
        for table in self._tables_of(view):
            if table not in known:
                register_source(ctx, self._stand_in(table), self.plan.schema_of(table))
                known.add(table)
        for name in self.plan.inlined_views(view):
            if name not in known:
                register_inlined(ctx, self.plan, name)
                known.add(name)
        return ctx, plan_query(ctx, found.view, self.plan.project.params_of(found.view))

    def _tables_of(self, view: str) -> list[str]:
        """The tables that a view and those inlined into it read or only name, by name."""
        inlined = self.plan.inlined_views(view)
        named = {table for name in (view, *inlined) for table in self.plan.views[name].lineage.unused_tables}
        return sorted(named.union(self.plan.stored_tables(view)).difference(inlined))

    def _stand_in(self, table: str) -> Source:
        if table not in self._tables:
            source = self.plan.project.sources.get(table) or Source(table, "", "parquet", {}, None)
            folder = Path(self._folder.name) / table
            schema = self.plan.schema_of(table)
            self._tables[table] = table_files(folder, source, schema, self._size(table), self._partitions)
        return self._tables[table]

    def _format(self, table: str) -> str:
        source = self.plan.project.sources.get(table)
        return "parquet" if source is None else source.format

    def _options(self, table: str) -> list[tuple[str, object]]:
        source = self.plan.project.sources.get(table)
        return [] if source is None else sorted(source.options.items())

    def _size(self, table: str) -> TableSize:
        return self._sizes.get(table) or ASSUMED

    def _without_folder(self, text: str) -> str:
        # Some texts have paths as they are, some as a URL has them.
        for folder in (self._folder.name, quote(self._folder.name)):
            text = text.replace(folder.lstrip("/") + "/", "")
        return text


def _without_secret_values(plan: ProjectPlan) -> dict[str, ViewPlan]:
    """The views of a project with identities that say nothing of secret parameters."""
    project = plan.project
    views: dict[str, ViewPlan] = {}
    for name, found in plan.views.items():
        inlined = {table: views[table].identity for table in found.lineage.tables if plan.is_virtual(table)}
        params = project.params_of(found.view)
        identity = without_secret_values(
            found.identity, found.view.sql, params, project.secret_params, inlined
        )
        views[name] = replace(found, identity=identity)
    return views


def _sha256(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _size_to_json(size: TableSize) -> list[int | None]:
    return [size.files, size.bytes, size.rows]
