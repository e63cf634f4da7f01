"""The last results of a project's stored views, by partition where a view has some."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone

from dfplan_assets.execution.publication import Publication, all_together, together
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.partitions import partitions_of
from dfplan_assets.project.partitions import upstream_keys


@dataclass(frozen=True, order=True)
class Part:
    """What is made and published by itself: a stored view, or one partition of one (``key``)."""

    view: str
    key: str | None = None

    def __str__(self) -> str:
        """The view, and which partition of it."""
        return self.view if self.key is None else f"{self.view} {self.key}"


@dataclass(frozen=True)
class Results:
    """What is published.

    ``whole`` has the last result of every stored view, None where there is none, that of all partitions
    together where a view has some. ``parts`` has the results of the partitions by view and key, ``keys`` the
    keys of all partitions that are over, in order; both only have the views with partitions.
    """

    whole: Mapping[str, Publication | None]
    parts: Mapping[str, Mapping[str, Publication]] = field(default_factory=dict)
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, part: Part) -> Publication | None:
        """The last result of a stored view or partition."""
        return self.whole[part.view] if part.key is None else self.parts[part.view].get(part.key)

    def read_by(self, plan: ProjectPlan, part: Part, table: str) -> Publication | None:
        """What a view or partition reads of a stored view; None where some of that has no result."""
        read = [self.of(each) for each in parts_read(plan, part, table)]
        if part.key is None or len(read) == 1:
            return self.whole[table] if part.key is None else read[0]
        found = [each for each in read if each is not None]
        return together(found) if len(found) == len(read) else None


def parts_read(plan: ProjectPlan, part: Part, table: str) -> tuple[Part, ...]:
    """What a view or partition reads of a stored view: all of it, or the partitions that it is mapped to."""
    upstream = partitions_of(plan, table)
    own = partitions_of(plan, part.view)
    if upstream is None or own is None or part.key is None:
        return (Part(table),)
    return tuple(Part(table, key) for key in upstream_keys(part.key, own, upstream))


def results_now(plan: ProjectPlan, now: datetime | None = None) -> Results:
    """The last results of all stored views, and the partitions that are over by now.

    Raises ExecutionError where the manifest of a view is damaged.
    """
    warehouse = Warehouse.of(plan.project)
    at = now or datetime.now(timezone.utc)
    last: dict[str, Publication | None] = {}
    parts: dict[str, Mapping[str, Publication]] = {}
    keys: dict[str, tuple[str, ...]] = {}
    for view in plan.all_views:
        if plan.is_virtual(view):
            continue
        partitions = partitions_of(plan, view)
        if partitions is None:
            last[view] = warehouse.current(view)
            continue
        parts[view] = warehouse.published(view, partitions)
        keys[view] = partitions.keys(at)
        last[view] = all_together(tuple(parts[view].values())) if parts[view] else None
    return Results(last, parts, keys)
