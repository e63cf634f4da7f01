"""The IO manager between views and Python assets: it hands out results, and publishes what Python makes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock

import dagster as dg
from dagster._core.execution.context.system import StepExecutionContext

from dfplan_assets.errors import ExecutionError, InputError
from dfplan_assets.execution.publication import Publication, together
from dfplan_assets.execution.published_tables import published_results
from dfplan_assets.execution.publishing import PublishedFrame, publish_frame
from dfplan_assets.execution.sessions import last_result
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.orchestration.definition_metadata import columns_metadata
from dfplan_assets.orchestration.engine_sessions import EngineSessions
from dfplan_assets.orchestration.handed_inputs import handed
from dfplan_assets.orchestration.markdown import shorten
from dfplan_assets.orchestration.project_translator import translator_of
from dfplan_assets.orchestration.run_metadata import row_count_key
from dfplan_assets.orchestration.table_keys import tables_by_key
from dfplan_assets.orchestration.translator import DfplanTranslator
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.partitions import partitions_of
from dfplan_assets.project import load_project
from dfplan_assets.project.model import Project
from dfplan_assets.project.partitions import Partition
from dfplan_assets.store.plan_memory import plan_remembered

COLUMNS = "columns"
"""The metadata of an input that names the columns it takes: ``AssetIn(metadata={"columns": ["name"]})``."""

_FAILURE_BYTES = 8_000
_NAMED = 10


class _Read:
    """The versions of what steps of the current run were given, to say of what their outputs were made.

    What hands out an input may be another IO manager than what publishes the output.
    """

    def __init__(self) -> None:
        self._run_id = ""
        self._by_step: dict[tuple[str, Path], dict[str, str | None]] = {}
        self._lock = Lock()

    def note(self, step: StepExecutionContext, root: Path, table: str, version: str) -> None:
        """A step was given this version of a table of the project in the folder ``root``."""
        with self._lock:
            if step.run_id != self._run_id:
                self._run_id, self._by_step = step.run_id, {}
            self._by_step.setdefault((step.step.key, root), {})[table] = version

    def of(self, step: StepExecutionContext, root: Path) -> Mapping[str, str | None]:
        """What a step was given of a project; nothing where another run has begun since."""
        with self._lock:
            if step.run_id != self._run_id:
                return {}
            return dict(self._by_step.get((step.step.key, root), {}))


_read = _Read()


class DfplanIOManager(dg.IOManager):
    """Hands results of views and published tables to Python assets, and publishes what these return.

    An input is given as its annotation says: ``pandas.DataFrame``, ``pyarrow.Table`` (also without an
    annotation), ``pyarrow.dataset.Dataset`` or ``datafusion.DataFrame``; of a partitioned table the
    partitions that Dagster asks for, as one. An output is published for the source of ``dfplan.yaml`` that
    names the asset (``scores: {asset: scores}``); of several partitions at once, as a dict by partition key.

    ``project`` is planned, read, or the folder in which its ``dfplan.yaml`` lies; the folder is read
    when a step first needs it. All view assets bring one along. Assets that publish name it with
    ``io_manager_key="dfplan_io_manager"``, and definitions written by hand have it among their
    ``resources`` under that key.
    """

    def __init__(
        self,
        project: ProjectPlan | Project | str | os.PathLike[str],
        translator: DfplanTranslator | None = None,
    ) -> None:
        self._project = project
        self._translator = translator
        self._opening = Lock()
        self._opened: _Opened | None = None

    def load_input(self, context: dg.InputContext) -> object:
        """The last result of the upstream asset; raises dagster.Failure, which says why there is none."""
        opened = self._open()
        table = opened.tables.get(context.asset_key)
        if table is None:
            raise _failure(_no_table(opened.plan.project, context.asset_key, "reads"))
        where = f"the input {context.asset_key.to_user_string()}"
        try:
            result = self._asked(opened, context, table, where)
            if context._step_context is not None:
                _read.note(context.step_context, opened.plan.project.root, table, result.data_version)
            return handed(
                result,
                context.dagster_type.typing_type,
                _columns(context.definition_metadata, where),
                opened.sessions.open,
                where,
            )
        except (ExecutionError, InputError) as error:
            raise _failure(error) from error

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Publishes what an asset returned; raises dagster.Failure, which says why it cannot be."""
        opened = self._open()
        project = opened.plan.project
        table = opened.tables.get(context.asset_key)
        if table is None or table not in project.sources:
            raise _failure(_no_table(project, context.asset_key, "publishes"))
        source, warehouse = project.sources[table], Warehouse.of(project)
        step = context.step_context
        given = (
            step.get_data_version(context.asset_key).value
            if step.has_data_version(context.asset_key)
            else None
        )
        inputs = _read.of(step, project.root)
        keys = tuple(context.asset_partition_keys) if context.has_asset_partitions else (None,)
        try:
            frames = _frames_by_key(keys, obj, f"asset {source.asset}")
            made = [publish_frame(frames[key], source, warehouse, key, given, inputs) for key in keys]
        except (ExecutionError, InputError) as error:
            raise _failure(error) from error
        if given is None:
            version = together([each.publication for each in made]).data_version
            step.set_data_version(context.asset_key, dg.DataVersion(version))
        self._tell(context, project, table, made)

    def _tell(
        self, context: dg.OutputContext, project: Project, table: str, made: Sequence[PublishedFrame]
    ) -> None:
        last = made[-1]
        publications = [each.publication for each in made]
        context.add_output_metadata(
            {
                row_count_key(last.publication.partition_key): sum(each.rows for each in publications),
                "dagster/size_bytes": sum(each.bytes for each in publications),
                "dagster/table_name": table,
                "dagster/uri": str(Path(project.output) / table),
                "dagster/column_schema": columns_metadata(last.schema),
            }
        )
        if last.undeclared:
            context.log.warning(
                f"Views do not see {', '.join(last.undeclared)} of {table}: columns: in dfplan.yaml does not "
                "declare them."
            )

    def _asked(self, opened: _Opened, context: dg.InputContext, table: str, where: str) -> Publication:
        """The result that an input asks for: of a partitioned table, of these partitions."""
        if not context.has_asset_partitions:
            result = last_result(opened.plan, table)
            if result is None:
                raise _not_published(where, table, ())
            return result
        keys = tuple(context.asset_partition_keys)
        found = _partitions(opened.plan, table, keys)
        missing = tuple(key for key in keys if key not in found)
        # As with views, what has no partitions itself reads those that there are.
        if not found or (missing and _is_partitioned(context)):
            raise _not_published(where, table, missing)
        return together(tuple(found.values()))

    def _open(self) -> _Opened:
        with self._opening:
            if self._opened is None:
                plan = _planned(self._project)
                self._opened = _Opened(plan, self._translator or translator_of(plan.project))
            return self._opened


class _Opened:
    """A project's plan, its tables by asset, and sessions."""

    def __init__(self, plan: ProjectPlan, translator: DfplanTranslator) -> None:
        self.plan = plan
        self.tables = tables_by_key(plan.project, translator.get_asset_key)
        self.sessions = EngineSessions(plan.project)


def _planned(project: ProjectPlan | Project | str | os.PathLike[str]) -> ProjectPlan:
    if isinstance(project, ProjectPlan):
        return project
    return plan_remembered(
        project if isinstance(project, Project) else load_project(Path(project)), keep=False
    )


def _partitions(plan: ProjectPlan, table: str, keys: Sequence[str]) -> dict[str, Publication]:
    """The last results of these partitions of a table, by key, of those that have one."""
    source = plan.project.sources.get(table)
    if source is not None:
        by_key = {result.partition_key: result for result in published_results(source)}
        return {key: by_key[key] for key in keys if key in by_key}
    partitions = partitions_of(plan, table)
    if partitions is None:
        return {}
    warehouse = Warehouse.of(plan.project)
    results = {key: warehouse.current(table, Partition(partitions, key)) for key in keys}
    return {key: result for key, result in results.items() if result is not None}


def _is_partitioned(context: dg.InputContext) -> bool:
    """Whether what asks for an input has partitions itself; outside a run, all that is asked for is meant."""
    if context._step_context is None:
        return True
    step = context.step_context
    assets = step.job_def.asset_layer.get_selected_entity_keys_for_node(step.node_handle)
    return any(
        step.job_def.asset_layer.get(key).partitions_def is not None
        for key in assets
        if isinstance(key, dg.AssetKey)
    )


def _columns(metadata: Mapping[str, object] | None, where: str) -> Sequence[str] | None:
    asked = (metadata or {}).get(COLUMNS)
    if isinstance(asked, dg.JsonMetadataValue):
        asked = asked.value
    if asked is None:
        return None
    if not isinstance(asked, list) or not asked or not all(isinstance(name, str) for name in asked):
        raise ExecutionError(
            where,
            f"the columns that its metadata names are no list of names: {asked!r}",
            'Write AssetIn(metadata={"columns": ["name"]}).',
        )
    return asked


def _frames_by_key(keys: Sequence[str | None], obj: object, where: str) -> Mapping[str | None, object]:
    """What was returned for each partition; all of it where there is one, or none."""
    if len(keys) == 1:
        return {keys[0]: obj}
    asked = ", ".join(str(key) for key in keys[:_NAMED]) + ", …" * (len(keys) > _NAMED)
    if not isinstance(obj, Mapping) or set(obj) != set(keys):
        raise ExecutionError(
            where,
            f"it made {len(keys):,} partitions in one step ({asked}), but returned no dict of their tables",
            "Return a dict with a table for each of context.partition_keys, or give the asset "
            "BackfillPolicy.multi_run().",
        )
    return obj


def _not_published(where: str, table: str, missing: Sequence[str]) -> ExecutionError:
    if not missing:
        return ExecutionError(where, f"{table} has no published result", f"Materialise {table} first.")
    named = ", ".join(missing[:_NAMED]) + f" and {len(missing) - _NAMED:,} more" * (len(missing) > _NAMED)
    return ExecutionError(
        where,
        f"partitions of {table} have no published result: {named}",
        f"Materialise these partitions of {table} first.",
    )


def _no_table(project: Project, key: dg.AssetKey, verb: str) -> ExecutionError:
    where = f"asset {key.to_user_string()}"
    if verb == "reads":
        return ExecutionError(
            where,
            f"it is no stored view and no published table of {project.root / 'dfplan.yaml'}",
            "Read it with DataFusionResource, which knows sources and views that are not stored as well.",
        )
    return ExecutionError(
        where,
        f"it is to be published, but no source in {project.root / 'dfplan.yaml'} is made by this asset",
        f"Add it: sources: {{{key.path[-1]}: {{asset: {key.to_user_string()}}}}}.",
    )


def _failure(error: ExecutionError | InputError) -> dg.Failure:
    # The message says all that a reader can use.
    return dg.Failure(shorten(str(error), _FAILURE_BYTES), allow_retries=False)
