"""All asset checks of a view: those of its plan and those of its rows.

They are evaluated in the step that makes the result, or by themselves over the last result: the UI's
"Execute check" runs the view's step with some of its checks and without the view. A relationship to a view
that this one does not read has a step of its own, behind both: Dagster lets no check within an asset's step
wait for anything.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timezone
from functools import cached_property
from threading import Lock

import dagster as dg

from dfplan_assets.execution.data_checks import evaluate
from dfplan_assets.execution.publication import Publication
from dfplan_assets.execution.runtime import Runtime, open_runtime
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.orchestration.data_checks import data_check_result, data_check_specs
from dfplan_assets.orchestration.partitions import asked_range
from dfplan_assets.orchestration.plan_checks import PlanChecker, check_specs
from dfplan_assets.orchestration.port_names import PortNames
from dfplan_assets.orchestration.repeated_checks import evaluated_of, repeated
from dfplan_assets.orchestration.runner import Made, Reused
from dfplan_assets.orchestration.table_keys import keys_of_tables
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.check_order import checks_apart
from dfplan_assets.planning.check_queries import PlannedChecks, plan_checks
from dfplan_assets.project.partitions import Partition, Partitions
from dfplan_assets.store import Recorded

_NOT_RECORDED = Recorded(None, None, None, None)


def blocking_checks(plan: ProjectPlan, view: str, key: dg.AssetKey) -> frozenset[dg.AssetCheckKey]:
    """The checks of a view that stop what reads it."""
    of_plan = [spec.name for spec in check_specs(plan.project.plan_checks, key) if spec.blocking]
    of_rows = [check.name for check in plan.project.views[view].checks if check.blocking]
    return frozenset(dg.AssetCheckKey(key, name) for name in (*of_plan, *of_rows))


class ViewChecks:
    """The checks of a project's views. May be called from several threads.

    ``runtime`` gives the engine that the views run in, None to have one of its own.
    """

    def __init__(
        self,
        plan: ProjectPlan,
        key_of: Callable[[str], dg.AssetKey],
        runtime: Callable[[], Runtime] | None = None,
    ) -> None:
        self._plan = plan
        self._key_of = keys_of_tables(plan.project, key_of)
        self._plan_checker = PlanChecker(plan)
        self._warehouse = Warehouse.of(plan.project)
        self._planned: dict[str, PlannedChecks] = {}
        self._runtime = runtime or self._own_runtime
        self._opening = Lock()
        self._opened: Runtime | None = None

    def specs(self, view: str) -> list[dg.AssetCheckSpec]:
        """The checks that are made in the step of a view, none where there are none."""
        of_plan = check_specs(self._plan.project.plan_checks, self._key_of(view))
        apart = self._apart.get(view, {})
        return [*of_plan, *(spec for spec in self._of_rows(view) if spec.name not in apart)]

    def step_apart(self, view: str, op_name: str) -> dg.AssetChecksDefinition | None:
        """The step for those checks of a view that wait for other views, None where there are none."""
        apart = self._apart.get(view, {})
        specs = [spec for spec in self._of_rows(view) if spec.name in apart]
        if not specs:
            return None
        partitions = self._plan.project.views[view].partitions
        ports = PortNames.of_checks(specs)

        @dg.multi_asset_check(
            specs=[ports.on_check_apart(spec) for spec in specs], name=op_name, can_subset=True
        )
        def check_rows() -> Iterator[dg.AssetCheckResult]:
            context = dg.AssetCheckExecutionContext.get()
            asked = () if partitions is None else _asked(partitions, context.run.tags)
            yield from self.alone(view, asked, context.selected_asset_check_keys)

        return ports.restore_checks(check_rows, specs)

    def _of_rows(self, view: str) -> list[dg.AssetCheckSpec]:
        if not self._plan.views[view].view.checks:
            return []
        return data_check_specs(self._checks(view), self._key_of, self._apart.get(view, {}))

    def results(
        self,
        view: str,
        made: Made | Reused,
        selected: Collection[dg.AssetCheckKey],
        instance: dg.DagsterInstance | None = None,
    ) -> list[dg.AssetCheckResult]:
        """The results of the selected checks of a view, which was just made or whose last result stays.

        Where it stays, checks of its rows that ``instance`` has a result of are not made again.
        """
        publication = made.publication if isinstance(made, Reused) else made.done.publication
        names = {key.name for key in selected}
        key = self._key_of(view)
        of_plan = self._plan_checker.results(view, key, made, names)
        if not self._plan.views[view].view.checks:
            return of_plan
        planned = self._checks(view).only(names)
        evaluated = evaluated_of(self._plan, planned, publication)
        known = []
        if instance is not None and isinstance(made, Reused):
            known = repeated(instance, key, evaluated)
            planned = planned.only(names.difference(str(result.check_name) for result in known))
        findings = evaluate(self._plan, planned, publication, self._warehouse, self._runtime())
        return [
            *of_plan,
            *known,
            *(data_check_result(finding, key, evaluated.get(finding.check.name)) for finding in findings),
        ]

    def alone(
        self, view: str, partition_keys: Sequence[str], selected: Collection[dg.AssetCheckKey]
    ) -> list[dg.AssetCheckResult]:
        """The results of the selected checks over what a view has published: those partitions, or all.

        Raises dagster.Failure where there is nothing.
        """
        made = [
            self.results(view, Reused(publication, _NOT_RECORDED), selected)
            for publication in self._published(view, partition_keys)
        ]
        return worst_of(made)

    def _published(self, view: str, partition_keys: Sequence[str]) -> list[Publication]:
        partitions = self._plan.project.views[view].partitions
        found: Mapping[str, Publication | None]
        if partitions is None or not partition_keys:
            found = {view: self._warehouse.whole(view, partitions)}
        else:
            found = {
                f"partition {key} of {view}": self._warehouse.current(view, Partition(partitions, key))
                for key in partition_keys
            }
        missing = [name for name, publication in found.items() if publication is None]
        if missing:
            raise dg.Failure(
                f"There is nothing to check: {', '.join(missing)} has no published result.\n"
                "  Materialise it first.",
                allow_retries=False,
            )
        return [publication for publication in found.values() if publication is not None]

    def _checks(self, view: str) -> PlannedChecks:
        if view not in self._planned:
            self._planned[view] = plan_checks(self._plan, view)
        return self._planned[view]

    @cached_property
    def _apart(self) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
        return checks_apart(self._plan)

    def _own_runtime(self) -> Runtime:
        with self._opening:
            if self._opened is None:
                resources = ExitStack()
                atexit.register(resources.close)
                self._opened = resources.enter_context(
                    open_runtime(self._plan.project.engine, self._warehouse)
                )
            return self._opened


def _asked(partitions: Partitions, tags: Mapping[str, str]) -> Sequence[str]:
    """The keys that a run asks for by its tags, none where it names none."""
    first, last = asked_range(tags)
    if first is None:
        return ()
    keys = partitions.keys(datetime.now(timezone.utc))
    return keys[keys.index(first) : keys.index(last or first) + 1]


def worst_of(evaluated: Sequence[Sequence[dg.AssetCheckResult]]) -> list[dg.AssetCheckResult]:
    """Of each check, which ran for some partitions, the first result that did not pass, else the last one.

    One that stops what reads the view is worse than one that does not.
    """
    by_name: dict[str | None, dg.AssetCheckResult] = {}
    for results in evaluated:
        for result in results:
            before = by_name.get(result.check_name)
            if before is None or _badness(result) > _badness(before) or before.passed:
                by_name[result.check_name] = result
    return list(by_name.values())


def _badness(result: dg.AssetCheckResult) -> int:
    if result.passed:
        return 0
    return 2 if result.severity is dg.AssetCheckSeverity.ERROR else 1
