"""How views and sources look in Dagster: one method per facet."""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg

from dfplan_assets.orchestration.automation import automation_condition, freshness_policy
from dfplan_assets.orchestration.definition_metadata import source_metadata, view_metadata
from dfplan_assets.orchestration.markdown import fenced
from dfplan_assets.orchestration.partitions import partition_mapping, partitions_definition
from dfplan_assets.orchestration.view_text import query_text
from dfplan_assets.planning.bundle import ProjectPlan, ViewPlan
from dfplan_assets.project.model import Source, View


class DfplanTranslator:
    """Says what each view and source becomes in Dagster; subclass it and override a facet to change it.

    The same methods serve definitions, dependencies and run-time events, so a changed asset key
    holds everywhere.
    """

    def get_asset_key(self, table: str) -> dg.AssetKey:
        """The key of a view or source: ``x`` becomes ``x``, ``schema.x`` becomes ``schema/x``."""
        return dg.AssetKey(table.split(".", 1))

    def get_description(self, plan: ViewPlan) -> str:
        """What the author says of a view, and its query as highlighted SQL."""
        query = fenced(query_text(plan.view).sql, "sql")
        return f"{plan.view.description}\n\n{query}" if plan.view.description else query

    def get_group_name(self, plan: ViewPlan) -> str | None:
        """The group of a view: its folder; None puts it into Dagster's own default group."""
        return plan.view.group

    def get_tags(self, plan: ViewPlan) -> Mapping[str, str]:
        """The tags that the view's front matter declares."""
        return plan.view.tags

    def get_code_version(self, plan: ViewPlan) -> str:
        """What decides the view's results; with it Dagster calls an asset stale when its meaning changed.

        Comments, white space, aliases and unrelated tables leave it as it is.
        """
        return plan.identity.fingerprint

    def get_kinds(self, plan: ViewPlan) -> set[str]:
        """The badges on the asset; one that is not stored says so."""
        return {"sql", "datafusion", "view"} if plan.view.is_virtual else {"sql", "datafusion"}

    def get_owners(self, plan: ViewPlan) -> tuple[str, ...]:
        """Who answers for a view: e-mail addresses, or ``team:name``."""
        return plan.view.owners

    def get_automation_condition(
        self, project: ProjectPlan, view: View
    ) -> dg.AutomationCondition[dg.AssetKey] | None:
        """When Dagster runs a view by itself: as its ``automation`` says; None where nothing does."""
        return automation_condition(project.project, view)

    def get_freshness_policy(self, view: View) -> dg.FreshnessPolicy | None:
        """How old a view's result may be: as its ``freshness`` says."""
        return freshness_policy(view)

    def get_metadata(self, project: ProjectPlan, plan: ViewPlan) -> Mapping[str, dg.MetadataValue]:
        """What is known of a view before it runs: its code, columns and where they come from, its plan."""
        return view_metadata(project, plan)

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
        return "sources"

    def get_source_kinds(self, source: Source) -> set[str]:
        """The badges on a source: its file format."""
        return {source.format}

    def get_source_metadata(self, project: ProjectPlan, source: Source) -> Mapping[str, dg.MetadataValue]:
        """A source's place, format and columns."""
        return source_metadata(project, source)
