"""What ``automation`` and ``freshness`` of a view are in Dagster."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from dfplan_assets.errors import ViewError
from dfplan_assets.project.model import Project, View


def automation_condition(project: Project, view: View) -> dg.AutomationCondition[dg.AssetKey] | None:
    """When Dagster runs a view by itself; None where it does not, or where the view is not stored."""
    automation = project.automation_of(view)
    if automation is None or view.is_virtual:
        return None
    # A view that is not stored has no results of its own: what it reads counts in its place.
    if automation.kind == "eager":
        return dg.AutomationCondition.eager().resolve_through_virtual()
    if automation.kind == "on_change":
        return on_change()
    assert automation.cron is not None  # read with it
    return dg.AutomationCondition.on_cron(automation.cron).resolve_through_virtual()


def on_change() -> dg.AutomationCondition[dg.AssetKey]:
    """True once after each change of a view's meaning or of the data that it reads, and where it never ran.

    Unlike ``eager``, which knows nothing of code versions, and which counts a new result that equals the last
    one as an update. Views behind a change follow one layer at a time, as far as it reaches: whether one must
    run shows in what the view before it gave.
    """
    condition = dg.AutomationCondition
    changed = (
        condition.code_version_changed()
        | condition.any_deps_match(condition.data_version_changed())
        | condition.missing().newly_true()
    )
    # Being asked for counts as handled, so that a view that fails is not run again before the next change.
    handled = condition.newly_requested() | condition.newly_updated()
    condition_of_stored_tables = (
        condition.in_latest_time_window()
        & changed.since(handled)
        & ~condition.any_deps_missing()
        & ~condition.any_deps_in_progress()
        & ~condition.in_progress()
    )
    return condition_of_stored_tables.resolve_through_virtual().with_label("on_change")


def freshness_policy(view: View) -> dg.FreshnessPolicy | None:
    """How old a view's result may be; raises ViewError where Dagster cannot say that of a cron."""
    freshness = view.freshness
    if freshness is None:
        return None
    within = timedelta(seconds=freshness.within_seconds)
    if freshness.cron is None:
        return dg.FreshnessPolicy.time_window(fail_window=within)
    try:
        return dg.FreshnessPolicy.cron(
            deadline_cron=freshness.cron, lower_bound_delta=within, timezone=freshness.timezone
        )
    except dg.DagsterError as error:
        raise ViewError(view.where, f"freshness: {error}", "Shorten within, or let cron be rarer.") from error
