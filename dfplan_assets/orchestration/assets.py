"""One asset and one op for each view, and the sources as external assets."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256

import dagster as dg
from dagster._core.definitions.utils import check_valid_name
from dagster._core.storage.tags import PRIORITY_TAG

from dfplan_assets.errors import ExecutionError, InputError
from dfplan_assets.execution.publication import Publication
from dfplan_assets.orchestration.bundle_metadata import bundle_metadata, store_failure
from dfplan_assets.orchestration.bundled_io_manager import BundledIOManager, bundled_io_manager, bundling
from dfplan_assets.orchestration.data_versions import (
    OBSERVE_OP,
    STALE_TAG,
    observable_sources,
    provenance_tags,
    tell_sources_read,
)
from dfplan_assets.orchestration.markdown import shorten
from dfplan_assets.orchestration.partition_events import ALREADY_LOGGED, log_materialisations
from dfplan_assets.orchestration.partitions import asked_partitions
from dfplan_assets.orchestration.picture_metadata import picture_metadata
from dfplan_assets.orchestration.port_names import PortNames
from dfplan_assets.orchestration.run_metadata import reused_metadata, run_metadata
from dfplan_assets.orchestration.runner import Attempt, Made, ProjectRunner, Reused
from dfplan_assets.orchestration.table_keys import keys_of_tables
from dfplan_assets.orchestration.translator import DfplanTranslator, why_unplanned
from dfplan_assets.orchestration.view_checks import ViewChecks, worst_of
from dfplan_assets.orchestration.view_steps import ViewStep, running
from dfplan_assets.planning.bundle import ProjectPlan, UnplannedView, ViewPlan
from dfplan_assets.project.model import View

Make = Callable[[Attempt], Made | Reused]
"""Runs a view for a Dagster run; raises ExecutionError or InputError."""

_FAILURE_BYTES = 8_000


def view_assets(
    project: ProjectPlan, translator: DfplanTranslator, make: Make, views: Collection[str] | None = None
) -> list[dg.AssetsDefinition | dg.AssetSpec | dg.AssetChecksDefinition]:
    """An asset with an op of its own for each stored view, depending on the tables that its plan reads.

    With ``views``, only for these stored views.

    A view that is not stored is a virtual asset: Dagster shows it, orders and ages what reads it by what
    it reads itself, and never runs it.
    """
    ops = op_names(project.all_views, translator.get_asset_key)
    runtime = make.runtime if isinstance(make, ProjectRunner) else None
    checker = ViewChecks(project, translator.get_asset_key, runtime)
    io_manager = bundled_io_manager(project, translator)
    assets: list[dg.AssetsDefinition | dg.AssetSpec | dg.AssetChecksDefinition] = []
    with bundling():
        for name, plan in project.views.items():
            if project.is_virtual(name):
                assets.append(translator.get_asset_spec(project, plan.view))
            elif views is None or name in views:
                assets.append(_view_asset(project, plan, ops[name], translator, make, checker, io_manager))
                apart = checker.step_apart(name, check_op_name(ops[name]))
                if apart is not None:
                    assets.append(apart)
        for name, unplanned in project.unplanned.items():
            if project.is_virtual(name):
                assets.append(translator.get_asset_spec(project, unplanned.view))
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
        keys: Sequence[str | None] = asked if plan.view.partitions else (None,)
        key_of = keys_of_tables(project.project, translator.get_asset_key)
        done: list[tuple[Publication, Mapping[str, dg.MetadataValue]]] = []
        checks: list[Sequence[dg.AssetCheckResult]] = []
        failures: list[str] = []
        for key in keys or (None,):  # a view with partitions says which there are
            attempt = Attempt(
                view,
                context.run.run_id,
                number=context.retry_number + 1,
                partition_key=key,
                only_if_stale=context.run.tags.get(STALE_TAG) == "true",
            )
            try:
                made = make(attempt)
            except (ExecutionError, InputError) as error:
                failures.append(str(error))
                continue
            failure = store_failure(made.recorded)
            if failure is not None:
                context.log.warning(failure)
            if isinstance(made, Reused):
                done.append((made.publication, reused_metadata(made, plan.lineage, key_of)))
            else:
                metadata = {
                    **run_metadata(made.done, plan.lineage, key_of, project.project.root),
                    **bundle_metadata(made),
                }
                metadata = {**picture_metadata(made.done, metadata), **metadata}
                done.append((made.done.publication, metadata))
            tell_sources_read(context, project.project.sources, key_of, done[-1][0])
            selected = context.selected_asset_check_keys
            checks.append(checker.results(view, made, selected, context.instance))
        if failures or len(done) > 1:
            log_materialisations(context, project, spec, key_of, done)
        if failures:
            # The messages say all that a reader can use; a stack of this package's frames would hide it.
            raise dg.Failure(_failure_text(failures, len(keys)), allow_retries=False)
        if len(done) > 1:
            yield dg.MaterializeResult(
                asset_key=spec.key, metadata=ALREADY_LOGGED, check_results=worst_of(checks)
            )
            return
        publication, shown = done[0]
        yield dg.MaterializeResult(
            asset_key=spec.key,
            metadata=shown,
            data_version=dg.DataVersion(publication.data_version),
            tags=provenance_tags(project, view, key_of, publication),
            check_results=worst_of(checks),
        )

    return ports.restore(run_view)


def _failure_text(failures: Sequence[str], asked: int) -> str:
    """What went wrong, of several partitions with how many of them failed."""
    text = "\n".join(failures)
    if asked > 1:
        text = f"{len(failures):,} of {asked:,} partitions failed, the others are published.\n{text}"
    return shorten(text, _FAILURE_BYTES)


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
