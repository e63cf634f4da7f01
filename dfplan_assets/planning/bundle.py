"""What is known of a view's plan, from the cheap part to the complete bundle.

``ViewPlan`` is made for every view whenever a project is loaded: planned against stand-in tables,
no data touched. ``PlanBundle`` adds what only planning over the real tables can tell, and is made
whenever a view is planned for materialisation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa

from dfplan_assets.errors import InputError
from dfplan_assets.planning.lineage.model import Lineage
from dfplan_assets.planning.user_functions import NO_FUNCTIONS, UserFunction, UserFunctions
from dfplan_assets.project.model import Project, View

# The parts that decide which rows come out. The engine's release and the physical plan decide how
# they are found.
RESULT_PARTS = ("meaning", "parameters", "inputs", "functions", "settings", "inlined", "partitions")


@dataclass(frozen=True)
class Identity:
    """What a plan is, in parts: SHA-256 in hex for each.

    Parts: ``meaning``, ``parameters``, ``inputs``, ``functions``, ``settings``, ``engine`` and
    ``physical``; ``inlined`` where the view reads one that is not stored, ``partitions`` where it has some.
    ``fingerprint`` covers the parts that decide results, ``complete`` all of them. ``volatile_functions``
    are those used, also in
    inlined views, whose value changes from call to call.
    """

    parts: Mapping[str, str]
    fingerprint: str
    complete: str
    volatile_functions: tuple[str, ...]


@dataclass(frozen=True)
class ViewPlan:
    """One view, planned against stand-in tables.

    ``schema`` is the schema its published result has when DataFusion reads it, or would have if it is
    not stored.
    ``logical_plan`` is the plan as written, ``display_indent`` text, secret values hidden.
    ``identity`` is without the part ``physical``, which only the real tables decide.
    """

    view: View
    lineage: Lineage
    schema: pa.Schema
    logical_plan: str
    identity: Identity


@dataclass(frozen=True)
class UnplannedView:
    """A view that cannot be planned: the files of a source are damaged, or its own query is wrong, or
    that of a view that it reads.

    ``tables`` are the views and sources that its text names, none where it is no SQL.
    """

    view: View
    tables: tuple[str, ...]
    error: InputError


@dataclass(frozen=True)
class ProjectPlan:
    """All views of a project, planned; ``views`` is in an order in which upstream comes first.

    ``unplanned`` are the views that cannot be planned and all that read those, in such an order too:
    they fail when they run, and everything else runs. ``functions`` are those that the project adds to
    SQL: the very ones that the views were planned with, also where a module was edited since.
    """

    project: Project
    views: Mapping[str, ViewPlan]
    source_schemas: Mapping[str, pa.Schema]
    unplanned: Mapping[str, UnplannedView] = field(default_factory=dict)
    functions: UserFunctions = NO_FUNCTIONS

    @property
    def all_views(self) -> tuple[str, ...]:
        """The names of all views, planned or not, upstream first."""
        return (*self.views, *self.unplanned)

    def is_virtual(self, table: str) -> bool:
        """Whether a table is a view that is not stored but inlined into those that read it."""
        return table in self.project.views and self.project.views[table].is_virtual

    def inlined_views(self, view: str) -> tuple[str, ...]:
        """The views that are inlined into a planned view, directly or through others, upstream first."""
        found = {name for name in self._read_through(view) if self.is_virtual(name)}
        return tuple(name for name in self.views if name in found) if found else ()

    def inlined_into(self, view: str) -> tuple[View, ...]:
        """The views of ``inlined_views`` as they are declared."""
        return tuple(self.project.views[name] for name in self.inlined_views(view))

    def called_functions(self, view: str) -> tuple[UserFunction, ...]:
        """The functions of the project that a planned view calls, itself or in views inlined into it."""
        if not len(self.functions):
            return ()
        views = (view, *self.inlined_views(view))
        return self.functions.called({name for each in views for name in self.views[each].lineage.functions})

    def stored_tables(self, view: str) -> tuple[str, ...]:
        """The sources and stored views that a planned view reads, itself or through inlined views."""
        return tuple(sorted(name for name in self._read_through(view) if not self.is_virtual(name)))

    def readers_of(self, virtual: str) -> tuple[str, ...]:
        """The stored views that a view is inlined into, directly or through others, upstream first."""
        through, readers = {virtual}, []
        for name, plan in self.views.items():
            if not through.isdisjoint(plan.lineage.tables):
                if self.is_virtual(name):
                    through.add(name)
                else:
                    readers.append(name)
        return tuple(readers)

    def _read_through(self, view: str) -> set[str]:
        """The direct dependencies of a view and, where one is inlined, those of that one."""
        found: set[str] = set()
        waiting = [view]
        while waiting:
            for table in self.views[waiting.pop()].lineage.tables:
                if table not in found:
                    found.add(table)
                    if self.is_virtual(table):
                        waiting.append(table)
        return found

    def tables_of(self, view: str) -> tuple[str, ...]:
        """The direct dependencies of a view, planned or not."""
        plan = self.views.get(view)
        return self.unplanned[view].tables if plan is None else plan.lineage.tables

    def schema_of(self, table: str) -> pa.Schema:
        """The schema under which a source or view is known to the views that read it."""
        plan = self.views.get(table)
        return self.source_schemas[table] if plan is None else plan.schema


@dataclass(frozen=True)
class Validation:
    """Whether the Substrait bytes mean the plan they were made from; ``reason`` says how it is known."""

    outcome: Literal["matches", "differs", "cannot be decoded", "not validated"]
    reason: str


@dataclass(frozen=True)
class SubstraitPlan:
    """The plan in Substrait. ``message`` is canonical bytes, or None with the ``refusal`` saying why."""

    message: bytes | None
    refusal: str | None
    extension_nodes: tuple[str, ...]  # plan nodes that travel in extension relations
    validation: Validation


@dataclass(frozen=True)
class BoundParameter:
    """A parameter as the query names it; ``value`` is its SQL literal, or None where it is secret."""

    name: str
    type: str
    value: str | None


@dataclass(frozen=True)
class Scan:
    """A scan's files and bytes as the planner knows them, its pushed filters and pruning predicate."""

    files: tuple[str, ...]
    bytes: int | None
    projection: tuple[str, ...]
    filters: str | None
    pruning: str | None


Role = Literal[
    "hash repartition",
    "round-robin repartition",
    "sort-preserving merge",
    "coalesce",
    "sort",
    "hash aggregate",
    "join build side",
    "scan",
    "other",
]


@dataclass(frozen=True)
class PhysicalOperator:
    """A node of the physical plan; ``index`` is its position in pre-order, the root being 0."""

    index: int
    name: str
    display: str
    partitions: int
    partitioning: str
    role: Role
    pipeline_breaker: bool
    children: tuple[int, ...]
    scan: Scan | None


Phase = Literal["analyzer", "optimizer", "physical optimizer"]


@dataclass(frozen=True)
class RuleEffect:
    """A planner rule that changed the plan, in the order of application, with its unified diff."""

    phase: Phase
    rule: str
    diff: str


@dataclass(frozen=True)
class EnvironmentPart:
    """One part of the planning environment as canonical JSON, with the SHA-256 of that text."""

    # df_settings, tables, columns, views, routines, parameters, versions; functions, those that the project
    # adds, where there are any; inlined, of one view alone
    name: str
    content: str
    sha256: str


@dataclass(frozen=True)
class PlanBundle:
    """Everything about one plan, in the environment it was made in."""

    view: str
    sql: str
    lineage: Lineage
    schema: pa.Schema
    logical_plan: str
    optimized_plan: str
    substrait: SubstraitPlan
    parameters: tuple[BoundParameter, ...]
    physical_plan: str
    topology: tuple[PhysicalOperator, ...]
    tree: str
    rules: tuple[RuleEffect, ...] | None  # None unless planning.verbose
    environment: tuple[EnvironmentPart, ...]
    identity: Identity
    planning_seconds: float
    tree_refusal: str | None = None  # why ``tree`` is empty, where DataFusion could not draw it
