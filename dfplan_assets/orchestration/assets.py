"""One asset and one op for each view, and the sources as external assets."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from hashlib import sha256

import dagster as dg
from dagster._core.definitions.utils import check_valid_name
from dagster._core.storage.tags import PRIORITY_TAG

from dfplan_assets.orchestration.bundled_io_manager import BundledIOManager, bundled_io_manager, bundling
from dfplan_assets.orchestration.data_versions import OBSERVE_OP, observable_sources, provenance_tags
from dfplan_assets.orchestration.partition_events import ALREADY_LOGGED, log_materialisations
from dfplan_assets.orchestration.partitions import asked_partitions
from dfplan_assets.orchestration.port_names import PortNames
from dfplan_assets.orchestration.runner import Make, ProjectRunner
from dfplan_assets.orchestration.step_results import make_results
from dfplan_assets.orchestration.table_keys import keys_of_tables
from dfplan_assets.orchestration.translator import DfplanTranslator, why_unplanned
from dfplan_assets.orchestration.view_checks import ViewChecks, worst_of
from dfplan_assets.orchestration.view_steps import ViewStep, running
from dfplan_assets.planning.bundle import ProjectPlan, UnplannedView, ViewPlan
from dfplan_assets.project.model import View


def view_assets(
    project: ProjectPlan, translator: DfplanTranslator, make: Make, views: Collection[str] | None = None
) -> list[dg.AssetsDefinition]:
    """An asset with an op of its own for each stored view, depending on the tables that its plan reads.

    With ``views``, only for these stored views.

    A view that is not stored is a virtual asset: Dagster shows it, orders and ages what reads it by what
    it reads itself, and never runs it.
    """
    ops = op_names(project.all_views, translator.get_asset_key)
    runtime = make.runtime if isinstance(make, ProjectRunner) else None
    checker = ViewChecks(project, translator.get_asset_key, runtime)
    io_manager = bundled_io_manager(project, translator)
    assets: list[dg.AssetsDefinition] = []
    with bundling():
        for name, plan in project.views.items():
            if project.is_virtual(name):
                assets.append(_virtual_asset(project, plan.view, translator, io_manager))
            elif views is None or name in views:
                assets.append(_view_asset(project, plan, ops[name], translator, make, checker, io_manager))
                apart = checker.step_apart(name, check_op_name(ops[name]))
                if apart is not None:
                    assets.append(apart)
        for name, unplanned in project.unplanned.items():
            if project.is_virtual(name):
                assets.append(_virtual_asset(project, unplanned.view, translator, io_manager))
            elif views is None or name in views:
                assets.append(_unplanned_asset(project, unplanned, ops[name], translator, io_manager))
    return assets


def source_assets(
    project: ProjectPlan, translator: DfplanTranslator, sources: Collection[str] | None = None
) -> list[dg.AssetsDefinition]:
    """The sources, as assets that something outside the project makes, and that can be observed.

    With ``sources``, these only.
    """
    specs = {
        name: spec
        for name, spec in source_specs(project, translator).items()
        if sources is None or name in sources
    }
    if not specs:
        return []
    name = "_".join([*translator.settings.asset_key_prefix, OBSERVE_OP])
    taken = op_names(project.all_views, translator.get_asset_key).values()
    while name in taken:
        name += "_"
    return [observable_sources(project, specs, name)]


def source_specs(project: ProjectPlan, translator: DfplanTranslator) -> dict[str, dg.AssetSpec]:
    """What the sources are in Dagster, by name."""
    return {
        source.name: translator.get_source_spec(project, source)
        for source in project.project.sources.values()
        if not source.is_published  # it is an asset of the user's already
    }


def op_names(views: Iterable[str], key_of: Callable[[str], dg.AssetKey] | None = None) -> Mapping[str, str]:
    """A name for each view's op, made of its asset key: unique, letters, digits and underscores, and no word
    that is reserved.

    >>> op_names(["revenue", "mart.orders", "input"])
    {'revenue': 'revenue', 'mart.orders': 'mart__orders', 'input': 'input_c96c6d5b'}
    """
    key_of = key_of or DfplanTranslator().get_asset_key
    plain = {view: re.sub(r"[^A-Za-z0-9_]", "_", "__".join(key_of(view).path)) for view in views}
    used = Counter(plain.values())
    return {
        view: name
        if used[name] == 1 and _is_valid_op_name(name)
        else f"{name}_{sha256(view.encode()).hexdigest()[:8]}"
        for view, name in plain.items()
    }


def check_op_name(op_name: str) -> str:
    """A name for the op of those checks that have a step of their own, after that of their view's op."""
    return f"{op_name}__checks_{sha256(op_name.encode()).hexdigest()[:4]}"


def _is_valid_op_name(name: str) -> bool:
    try:
        check_valid_name(name)
    except dg.DagsterInvalidDefinitionError:
        return False
    return True


def _view_asset(
    project: ProjectPlan,
    plan: ViewPlan,
    op_name: str,
    translator: DfplanTranslator,
    make: Make,
    checker: ViewChecks,
    io_manager: BundledIOManager,
) -> dg.AssetsDefinition:
    view = plan.view.name
    spec = io_manager.on(translator.get_asset_spec(project, plan.view))
    ports = PortNames.of_specs([spec])
    checks = [ports.on_check(check) for check in checker.specs(view)]

    @dg.multi_asset(
        specs=[ports.on(spec)],
        check_specs=checks,
        can_subset=bool(checks),  # so that a check can be executed by itself
        name=op_name,
        code_version=spec.code_version,
        resource_defs=io_manager.resources,
        op_tags=_op_tags(plan.view),
        backfill_policy=translator.get_backfill_policy(plan.view),
    )
    @running(ViewStep(project, view))
    def run_view() -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        context = dg.AssetExecutionContext.get()
        asked = asked_partitions(context) if plan.view.partitions else ()
        if not context.selected_asset_keys:
            yield from checker.alone(view, asked, context.selected_asset_check_keys)
            return
        key_of = keys_of_tables(project.project, translator.get_asset_key)
        made = make_results(context, project, view, asked, make, checker, key_of)
        several = len(made.results) > 1
        if made.failures or several:
            log_materialisations(context, project, spec, key_of, made.results)
        if made.failure is not None:
            # The messages say all that a reader can use; a stack of this package's frames would hide it.
            raise dg.Failure(made.failure, allow_retries=False)
        if several:
            yield dg.MaterializeResult(
                asset_key=spec.key, metadata=ALREADY_LOGGED, check_results=worst_of(made.checks)
            )
            return
        ((publication, metadata),) = made.results
        yield dg.MaterializeResult(
            asset_key=spec.key,
            metadata=metadata,
            data_version=dg.DataVersion(publication.data_version),
            tags=provenance_tags(project, view, key_of, publication),
            check_results=worst_of(made.checks),
        )

    return ports.restore(run_view)


def _virtual_asset(
    project: ProjectPlan, view: View, translator: DfplanTranslator, io_manager: BundledIOManager
) -> dg.AssetsDefinition:
    """An asset that nothing makes; a Python asset that reads it is told how by the views' IO manager."""
    spec = io_manager.on(translator.get_asset_spec(project, view))
    return dg.AssetsDefinition(specs=[spec], resource_defs=io_manager.resources)


def _unplanned_asset(
    project: ProjectPlan,
    unplanned: UnplannedView,
    op_name: str,
    translator: DfplanTranslator,
    io_manager: BundledIOManager,
) -> dg.AssetsDefinition:
    """An asset that says why its view cannot be planned, and fails with that when it is run."""

    spec = io_manager.on(translator.get_asset_spec(project, unplanned.view))
    ports = PortNames.of_specs([spec])

    @dg.multi_asset(
        specs=[ports.on(spec)],
        name=op_name,
        resource_defs=io_manager.resources,
        op_tags=_op_tags(unplanned.view),
        backfill_policy=translator.get_backfill_policy(unplanned.view),
    )
    @running(ViewStep(project, unplanned.view.name))
    def fail() -> dg.MaterializeResult[None]:
        raise dg.Failure(why_unplanned(unplanned), allow_retries=False)

    return ports.restore(fail)


def _op_tags(view: View) -> Mapping[str, str]:
    return {} if view.priority is None else {PRIORITY_TAG: str(view.priority)}
