"""Writing golden files: all of them, or those of views whose new plan is taken."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pyarrow as pa

from dfplan_assets.errors import DfplanError, ExecutionError, PlanningError
from dfplan_assets.golden.check import planned_offline, read_recorded
from dfplan_assets.golden.folder import GoldenFolder
from dfplan_assets.golden.pinned import PinnedProject
from dfplan_assets.golden.record import golden_text
from dfplan_assets.golden.review import review_text
from dfplan_assets.golden.sizes import measured_sizes
from dfplan_assets.golden.stand_in import TableSize
from dfplan_assets.golden.surroundings import Surroundings, surroundings_text
from dfplan_assets.planning.bundle import Identity, ProjectPlan
from dfplan_assets.planning.environment import capture_environment
from dfplan_assets.planning.identity import engine_version
from dfplan_assets.project.model import Project


@dataclass(frozen=True)
class Updated:
    """What writing golden files did: views whose files were written or were as they should be already.

    ``identities`` are those of the golden plans, ``fingerprints`` those that runs have: they tell of secret
    parameters too. ``problems`` are views that have no plan to write.
    """

    written: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]
    identities: dict[str, Identity]
    fingerprints: dict[str, str]
    problems: tuple[DfplanError, ...]


def update(project: Project, views: Collection[str] | None = None, *, sizes: bool = False) -> Updated:
    """Writes the golden files of a project, or of the views named.

    All of them: those of views that are gone are removed, and tables whose size was not known get the
    one they have. Some of them: nothing that other golden plans were made with changes. The recorded
    sizes stay as they are, since every plan follows them; ``sizes`` takes them anew from the data and the
    plan store.

    Raises GoldenError where files cannot be written or the project's own file is there and cannot be read,
    and the InputError of a view that cannot be planned.
    """
    recorded, problem = read_recorded(project.golden_plans)
    folder = GoldenFolder(project.golden_plans.folder)
    if problem is not None and (folder.surroundings.exists() or (views is not None and folder.views())):
        raise problem  # what it records of tables cannot be made again
    plan = planned_offline(project, recorded, problem)
    pinned_sizes = _sizes(plan, recorded, whole=views is None, anew=sizes)
    written: list[str] = []
    unchanged: list[str] = []
    identities: dict[str, Identity] = {}
    problems: list[DfplanError] = []
    with PinnedProject(plan, pinned_sizes) as pinned:
        environment = capture_environment(pinned.plan)
        for name in plan.all_views:
            if views is not None and name not in views:
                continue
            if name in plan.unplanned:
                problems.append(plan.unplanned[name].error)
                continue
            try:
                bundle = pinned.bundle(name, environment)
            except (PlanningError, ExecutionError) as error:
                problems.append(error)
                continue
            review = review_text(bundle)
            text = golden_text(bundle, pinned.physical_inputs(name), review)
            changed = folder.write(folder.review(name), review) | folder.write(folder.complete(name), text)
            (written if changed else unchanged).append(name)
            identities[name] = bundle.identity
        # Settings and the engine are accepted for all views or for none.
        accepted = None if views is None else recorded
        surroundings = Surroundings(
            engine=engine_version() if accepted is None else accepted.engine,
            settings=pinned.settings if accepted is None else accepted.settings,
            sources=_sources(plan, recorded),
            sizes=pinned_sizes,
        )
        folder.write(folder.surroundings, surroundings_text(surroundings, environment))
    removed = [view for view in folder.views() if view not in project.views] if views is None else []
    for view in removed:
        folder.remove(view)
    fingerprints = {name: plan.views[name].identity.fingerprint for name in identities}
    return Updated(
        tuple(written), tuple(unchanged), tuple(removed), identities, fingerprints, tuple(problems)
    )


def _sizes(
    plan: ProjectPlan, recorded: Surroundings | None, *, whole: bool, anew: bool
) -> dict[str, TableSize | None]:
    known = {} if recorded is None else recorded.sizes
    tables = [*plan.source_schemas, *plan.views]
    wanted = [table for table in tables if anew or table not in known or (whole and known[table] is None)]
    measured = measured_sizes(plan, wanted)
    # A table that cannot be planned at present keeps what is known of it.
    kept = {name: size for name, size in known.items() if name in plan.project.sources}
    kept.update({name: size for name, size in known.items() if name in plan.unplanned})
    return {**kept, **{table: measured.get(table) or known.get(table) for table in tables}}


def _sources(plan: ProjectPlan, recorded: Surroundings | None) -> dict[str, pa.Schema]:
    known = {} if recorded is None else recorded.sources
    kept = {name: schema for name, schema in known.items() if name in plan.project.sources}
    return {**kept, **plan.source_schemas}
