"""What a user declares: a project, its views and its sources, read and checked."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa

from dfplan_assets.project.data_checks import DataCheck
from dfplan_assets.project.partitions import Partitions

SourceFormat = Literal["parquet", "csv", "json", "arrow", "delta", "published"]
Materialized = Literal["table", "view"]
Backfill = Literal["multi_run", "single_run"]
AutomationKind = Literal["eager", "on_change", "on_cron"]
DataVersionPolicy = Literal["inputs", "content"]

FILES = "files"
"""The data version of a source that is told by its files."""
OptionValue = bool | int | float | str
ParameterValue = bool | int | float | str | datetime.date | datetime.datetime | None


@dataclass(frozen=True)
class Source:
    """A table that exists outside the project.

    ``path`` is an absolute file, glob or folder (ending in ``/``). ``columns`` is None where the
    file's own schema is to be taken; with columns the views plan before the file exists. ``version``
    is that of a Delta table, None for the latest. ``data_version`` says how it is told whether the rows are
    still the same: ``files`` (by the files, or the version of a Delta table), or ``module:function``.

    ``format`` is ``published`` for a table that a Python asset makes: ``asset`` is then its key in Dagster,
    parts joined by ``/``, and ``path`` the folder below the project's output in which its results are.
    """

    name: str
    path: str
    format: SourceFormat
    options: Mapping[str, OptionValue]
    columns: pa.Schema | None
    version: int | None = None
    data_version: str = FILES
    asset: str | None = None

    @property
    def is_published(self) -> bool:
        """Whether a Python asset makes it and publishes it below the project's output."""
        return self.format == "published"


@dataclass(frozen=True)
class Automation:
    """When Dagster runs a view by itself; ``cron`` (UTC) is there for ``on_cron`` alone."""

    kind: AutomationKind
    cron: str | None = None


@dataclass(frozen=True)
class Freshness:
    """How old a result may be: at most ``within_seconds``, at any time or at the times of ``cron`` only."""

    within_seconds: int
    cron: str | None = None
    timezone: str = "UTC"


@dataclass(frozen=True)
class View:
    """One ``.sql`` file holding one query.

    ``sql`` is the file's whole text with the front matter comment left in, so that lines and
    columns in error messages are those of the file. ``priority`` outranks measured cost in the order
    of a run, higher first. ``materialized`` is ``table`` where the result is stored, ``view`` where the
    query is inlined into the views that read it. ``automation`` and ``data_version`` are None where the
    project decides. ``partitions`` are the parts in which the result is made, None where it is made as a
    whole; ``backfill`` says whether one run of Dagster makes several of them. ``checks`` are
    what its rows must be.
    """

    name: str
    path: Path
    sql: str
    group: str | None
    description: str | None
    owners: tuple[str, ...]
    tags: Mapping[str, str]
    params: Mapping[str, ParameterValue]
    priority: int | None = None
    materialized: Materialized = "table"
    partitions: Partitions | None = None
    backfill: Backfill = "multi_run"
    automation: Automation | None = None
    freshness: Freshness | None = None
    data_version: DataVersionPolicy | None = None
    checks: tuple[DataCheck, ...] = ()

    @property
    def is_virtual(self) -> bool:
        """Whether the view is not stored but inlined into those that read it."""
        return self.materialized == "view"

    @property
    def where(self) -> str:
        """The file and view, as error messages name them."""
        return f"{self.path} (view {self.name})"


@dataclass(frozen=True)
class Engine:
    """How DataFusion runs: partitions, memory pool in bytes, ``datafusion.*`` settings."""

    target_partitions: int | None
    memory_limit_bytes: int | None
    settings: Mapping[str, str]


@dataclass(frozen=True)
class Planning:
    """How plans are captured."""

    substrait: Literal["required", "preferred"]
    validate: Literal["off", "decode", "execute"]
    verbose: bool


@dataclass(frozen=True)
class Scheduling:
    """How runs are ordered.

    ``order`` is ``measured`` (by the cost of past runs), ``static`` (by the graph alone) or ``off``
    (as the views depend on each other). ``mode`` is ``shared`` (threads of one process) or
    ``multiprocess``. ``max_concurrent`` is the number of views at once, None to let the measurements
    decide. ``history_runs`` are looked at for each view. Chains of views that are expected to take less
    than ``group_below_seconds`` each run back to back on one worker.
    """

    order: Literal["measured", "static", "off"] = "measured"
    mode: Literal["shared", "multiprocess"] = "shared"
    max_concurrent: int | None = None
    history_runs: int = 10
    group_below_seconds: float = 0.05


Level = Literal["meaning", "plan"]
CheckMode = Literal["off", "warn", "block"]


@dataclass(frozen=True)
class Golden:
    """Golden plans: the absolute folder they are kept in, and what counts as drift.

    ``level`` is ``meaning`` (only what can change results) or ``plan`` (the physical plan as well).
    """

    folder: Path
    level: Level = "plan"


@dataclass(frozen=True)
class PlanChecks:
    """Asset checks of every view: ``warn`` shows a failure, ``block`` also stops what lies downstream."""

    plan_drift: CheckMode = "off"
    plan_regression: CheckMode = "off"
    result_schema: CheckMode = "off"


@dataclass(frozen=True)
class Schedule:
    """Views that run at the times of ``cron`` in ``timezone``.

    ``select`` is in Dagster's asset selection syntax, None for all views. With ``stale`` only those of
    them run that are stale then. ``running`` says whether it runs before anybody turned it on. ``where`` is
    the place in ``dfplan.yaml``, as error messages name it.
    """

    name: str
    cron: str
    select: str | None
    timezone: str
    stale: bool
    running: bool
    where: str


@dataclass(frozen=True)
class DriftSensor:
    """The sensor that runs what is stale: how often it looks, and whether it is turned on from the start."""

    every_seconds: int = 60
    running: bool = False


@dataclass(frozen=True)
class Project:
    """A folder with a ``dfplan.yaml``, its views and sources by name.

    ``output`` is an absolute folder. ``store`` is a SQLAlchemy URL whose SQLite path is absolute.
    ``data_version`` says of each view that does not say so itself when its result counts as another one:
    when it was made of other ``inputs``, or when its ``content`` differs. ``translator`` names what says how
    views look in Dagster, as ``module:name``.
    """

    name: str
    root: Path
    views: Mapping[str, View]
    sources: Mapping[str, Source]
    output: str
    keep_results: int
    store: str
    params: Mapping[str, ParameterValue]
    secret_params: frozenset[str]
    engine: Engine
    planning: Planning
    extends: tuple[str, ...]
    scheduling: Scheduling = Scheduling()
    golden: Golden | None = None
    plan_checks: PlanChecks = PlanChecks()
    schedules: tuple[Schedule, ...] = ()
    automation: Automation | None = None
    drift_sensor: DriftSensor = DriftSensor()
    data_version: DataVersionPolicy = "inputs"
    translator: str | None = None

    @property
    def golden_plans(self) -> Golden:
        """Where golden plans are and what counts as drift, also where ``dfplan.yaml`` says nothing."""
        return self.golden or Golden(self.root / "goldens")

    def params_of(self, view: View) -> dict[str, ParameterValue]:
        """The values bound as ``$name`` in a view: the project's, overridden by the view's own."""
        return {**self.params, **view.params}

    def automation_of(self, view: View) -> Automation | None:
        """When Dagster runs a view by itself: as the view says, else as the project does."""
        return view.automation or self.automation

    def data_version_of(self, view: View) -> DataVersionPolicy:
        """When a view's result counts as another one: as the view says, else as the project does."""
        return view.data_version or self.data_version
