"""How views and sources look in Dagster: one method per facet."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import dagster as dg

from dfplan_assets.errors import ProjectError
from dfplan_assets.orchestration.automation import automation_condition, freshness_policy
from dfplan_assets.orchestration.definition_metadata import source_metadata, view_metadata
from dfplan_assets.orchestration.markdown import fenced, shorten
from dfplan_assets.orchestration.partitions import partition_mapping, partitions_definition
from dfplan_assets.orchestration.table_keys import keys_of_tables
from dfplan_assets.orchestration.view_text import query_text
from dfplan_assets.planning.bundle import ProjectPlan, UnplannedView
from dfplan_assets.project.model import Source, View

_FAILURE_BYTES = 8_000


@dataclass(frozen=True, kw_only=True)
class DfplanTranslatorSettings:
    """What can be changed without writing a translator.

    ``asset_key_prefix`` stands before the key of every view and source, and in the names of ops and
    sensors, so that two projects can share a code location. ``top_level_group`` is the group of views that
    lie in no folder, None for Dagster's own default group. ``source_group`` is the group of the
    sources. ``show_sql`` says whether a view's description ends with its query.
    """

    asset_key_prefix: Sequence[str] = ()
    top_level_group: str | None = None
    source_group: str = "sources"
    show_sql: bool = True

    def __post_init__(self) -> None:
        if isinstance(self.asset_key_prefix, str):
            raise ProjectError(
                "DfplanTranslatorSettings",
                f"asset_key_prefix is the text {self.asset_key_prefix!r}, not a list of texts",
                f"Write it as [{self.asset_key_prefix!r}].",
            )


class DfplanTranslator:
    """Says what each view and source becomes in Dagster; subclass it and override a facet to change it.

    The same methods serve definitions, dependencies and run-time events, so a changed asset key
    holds everywhere. A facet that is told of by a view's file alone gets the view; one that needs its plan
    gets the project, whose ``views`` have the plan of each view but of those that cannot be planned
    (``unplanned``).
    """

    settings: DfplanTranslatorSettings = DfplanTranslatorSettings()

    def __init__(self, settings: DfplanTranslatorSettings | None = None) -> None:
        if settings is not None:
            self.settings = settings

    def get_asset_key(self, table: str) -> dg.AssetKey:
        """The key of a view or source: ``x`` becomes ``x``, ``schema.x`` becomes ``schema/x``."""
        return dg.AssetKey([*self.settings.asset_key_prefix, *table.split(".", 1)])

    def get_deps(self, project: ProjectPlan, view: View) -> Iterable[dg.AssetDep]:
        """What a view depends on: the tables that its plan reads, of those with partitions which ones."""
        views = project.project.views
        key_of = keys_of_tables(project.project, self.get_asset_key)
        return [
            dg.AssetDep(
                key_of(table),
                partition_mapping=self.get_partition_mapping(view, views.get(table)),
            )
            for table in project.tables_of(view.name)
        ]

    def get_description(self, project: ProjectPlan, view: View) -> str | None:
        """What the author says of a view, and its query as highlighted SQL; why it cannot be planned."""
        parts = [] if view.description is None else [view.description]
        unplanned = project.unplanned.get(view.name)
        if unplanned is not None:
            parts.append(f"This view cannot be planned.\n\n{fenced(why_unplanned(unplanned), 'text')}")
        if self.settings.show_sql:
            parts.append(fenced(query_text(view).sql, "sql"))
        return "\n\n".join(parts) or None

    def get_group_name(self, view: View) -> str | None:
        """The group of a view: its folder; None puts it into Dagster's own default group."""
        return view.group or self.settings.top_level_group

    def get_tags(self, view: View) -> Mapping[str, str]:
        """The tags that the view's front matter declares."""
        return view.tags

    def get_kinds(self, view: View) -> set[str]:
        """The badges on the asset; one that is not stored says so."""
        return {"sql", "datafusion", "view"} if view.is_virtual else {"sql", "datafusion"}

    def get_owners(self, view: View) -> Sequence[str]:
        """Who answers for a view: e-mail addresses, or ``team:name``."""
        return view.owners

    def get_metadata(self, project: ProjectPlan, view: View) -> Mapping[str, dg.MetadataValue]:
        """What is known of a view before it runs: its code, columns and where they come from, its plan."""
        return view_metadata(project, project.views[view.name]) if view.name in project.views else {}

    def get_code_version(self, project: ProjectPlan, view: View) -> str | None:
        """What decides the view's results; with it Dagster calls an asset stale when its meaning changed.

        Comments, white space, aliases and unrelated tables leave it as it is. None for a view that cannot
        be planned. An override should add words behind this one, by which past runs are known again.
        """
        plan = project.views.get(view.name)
        return None if plan is None else plan.identity.fingerprint

    def get_automation_condition(
        self, project: ProjectPlan, view: View
    ) -> dg.AutomationCondition[dg.AssetKey] | None:
        """When Dagster runs a view by itself: as its ``automation`` says; None where nothing does."""
        return automation_condition(project.project, view)

    def get_freshness_policy(self, view: View) -> dg.FreshnessPolicy | None:
        """How old a view's result may be: as its ``freshness`` says."""
        return freshness_policy(view)

    def get_partitions_def(self, view: View) -> dg.PartitionsDefinition[str] | None:
        """The partitions of a view, None for one that is made as a whole.

        Their keys must be those of the view's own partitions: it is run for one of them.
        """
        partitions = view.partitions
        return None if partitions is None else partitions_definition(partitions)

    def get_backfill_policy(self, view: View) -> dg.BackfillPolicy | None:
        """Whether several partitions are made in one run; None for a view that is made as a whole."""
        if view.partitions is None:
            return None
        single = view.backfill == "single_run"
        return dg.BackfillPolicy.single_run() if single else dg.BackfillPolicy.multi_run()

    def get_partition_mapping(self, view: View, upstream: View | None) -> dg.PartitionMapping | None:
        """Which partitions of a table upstream a view reads; None where it is no view or has none."""
        return partition_mapping(view.partitions, None if upstream is None else upstream.partitions)

    def get_source_group_name(self, source: Source) -> str:
        """The group of a source."""
        return self.settings.source_group

    def get_source_kinds(self, source: Source) -> set[str]:
        """The badges on a source: its file format."""
        return {source.format}

    def get_source_metadata(self, project: ProjectPlan, source: Source) -> Mapping[str, dg.MetadataValue]:
        """A source's place, format and columns."""
        return source_metadata(project, source)

    def get_asset_spec(self, project: ProjectPlan, view: View) -> dg.AssetSpec:
        """All facets of a view together; an override may change them, but for key, deps and partitions.

        Those three have methods of their own, which are asked at other places too.
        """
        with _virtual_assets_allowed():
            return dg.AssetSpec(
                self.get_asset_key(view.name),
                deps=self.get_deps(project, view),
                partitions_def=self.get_partitions_def(view),
                code_version=self.get_code_version(project, view),
                description=self.get_description(project, view),
                group_name=self.get_group_name(view),
                tags=self.get_tags(view),
                kinds=self.get_kinds(view),
                owners=self.get_owners(view),
                metadata=self.get_metadata(project, view),
                automation_condition=self.get_automation_condition(project, view),
                freshness_policy=self.get_freshness_policy(view),
                is_virtual=view.is_virtual,
            )

    def get_source_spec(self, project: ProjectPlan, source: Source) -> dg.AssetSpec:
        """All facets of a source together."""
        return dg.AssetSpec(
            self.get_asset_key(source.name),
            group_name=self.get_source_group_name(source),
            kinds=self.get_source_kinds(source),
            metadata=self.get_source_metadata(project, source),
        )


def check_keys(project: ProjectPlan, translator: DfplanTranslator) -> None:
    """Raises ProjectError where a translator gives two tables one key, or something that is no key."""
    where = f"{project.project.root / 'dfplan.yaml'} (translator {type(translator).__qualname__})"
    table_of: dict[dg.AssetKey, str] = {}
    key_of = keys_of_tables(project.project, translator.get_asset_key)
    for table in (*project.all_views, *project.project.sources):
        key: object = key_of(table)
        if not isinstance(key, dg.AssetKey):
            raise ProjectError(
                where,
                f"get_asset_key gives {_kind(project, table)} a {type(key).__name__}, not a dagster.AssetKey",
                "Let it return dagster.AssetKey([...]).",
            )
        other = table_of.setdefault(key, table)
        if other != table:
            raise ProjectError(
                where,
                f"{_kind(project, other)} and {_kind(project, table)} both get the asset key "
                f"{key.to_user_string()}",
                f"Let {type(translator).__qualname__} give each view and source a key of its own.",
            )


def why_unplanned(unplanned: UnplannedView) -> str:
    """Why a view cannot be planned, cut to what an event can carry."""
    return shorten(str(unplanned.error), _FAILURE_BYTES)


def _kind(project: ProjectPlan, table: str) -> str:
    return f"{'view' if table in project.project.views else 'source'} {table}"


@contextmanager
def _virtual_assets_allowed() -> Iterator[None]:
    """Without Dagster's notice, for each virtual asset, that it may still change what these are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)
        yield
