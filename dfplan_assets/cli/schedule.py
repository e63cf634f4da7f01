"""``dfplan schedule``: what a run would take, in which order and why; and how right that was."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table
from rich.text import Text

from dfplan_assets.cli.completion import complete_selection
from dfplan_assets.cli.options import Options, current_options, project_options
from dfplan_assets.cli.output import isoformat, number_or_none, print_json, print_text
from dfplan_assets.cli.stored import stored
from dfplan_assets.errors import ExecutionError, InputError

if TYPE_CHECKING:
    from dfplan_assets.planning.bundle import ProjectPlan
    from dfplan_assets.scheduling.model import Schedule
    from dfplan_assets.scheduling.schedule import Saving
    from dfplan_assets.store import ScheduleRecord

LATEST = "latest"


@click.command()
@click.argument("selection", required=False, shell_complete=complete_selection)
@click.option("--workers", metavar="N", type=click.IntRange(min=1), help="How many views run at once.")
@click.option(
    "--run", "run_id", metavar="RUN", help="Predicted against actual of a past run: its id, or latest."
)
@click.option(
    "--svg", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Write a Gantt chart too."
)
@project_options
def schedule(selection: str | None, workers: int | None, run_id: str | None, svg: Path | None) -> None:
    """What a run of the views of SELECTION (all if none is given) would take, and in which order.

    Each view's cost and where it comes from, the critical path, and what a run would gain if the view
    took no time. SELECTION is as for dfplan run. Nothing is run or written.
    """
    options = current_options()
    if run_id is not None:
        if selection is not None or workers is not None:
            raise InputError(
                "dfplan schedule --run",
                "a past run has the views and the workers that it had",
                "Leave out SELECTION and --workers.",
            )
        _past_run(options, run_id, svg)
    else:
        _next_run(options, selection, workers, svg)


def _next_run(options: Options, selection: str | None, workers: int | None, svg: Path | None) -> None:
    from dfplan_assets.forecast.measurements import stored_measurements
    from dfplan_assets.forecast.prediction import predict
    from dfplan_assets.planning.project_plan import plan_project
    from dfplan_assets.project import load_project
    from dfplan_assets.scheduling.schedule import savings

    plan = plan_project(load_project(options.project))
    views = plan.all_views if selection is None else _selected(selection, plan)
    measurements = stored_measurements(plan.project, views)
    predicted = predict(plan, views, measurements, workers=workers)
    saved = savings(predicted)
    notes = [*measurements.notes, *_notes(plan, views), *predicted.reasons]
    if svg is not None:
        from dfplan_assets.visual.gantt import gantt

        _write(svg, gantt(predicted))
    if options.format == "json":
        print_json(_document(predicted, saved, notes))
    else:
        print_text(*_summary(predicted, notes), "", _table(predicted, saved))


def _selected(selection: str, plan: ProjectPlan) -> tuple[str, ...]:
    # Dagster's syntax needs Dagster, whose import takes longer than all else here.
    from dfplan_assets.orchestration.selectable import selected_views

    selected = selected_views(plan, selection)
    return tuple(view for view in plan.all_views if view in selected)


def _notes(plan: ProjectPlan, views: Collection[str]) -> list[str]:
    from dfplan_assets.planning.check_order import checks_apart

    notes = []
    order = plan.project.scheduling.order
    if order != "measured":
        notes.append(
            f"dfplan.yaml says scheduling: {{order: {order}}}, so runs are not ordered by these costs."
        )
    apart = [view for view in checks_apart(plan) if view in views]
    if apart:
        said = "checks that wait for other views, in a step of their own, which is not in this"
        notes.append(f"{', '.join(apart)}: a run makes {said}.")
    return notes


def _document(predicted: Schedule, saved: Sequence[Saving], notes: Sequence[str]) -> dict[str, Any]:
    slots = {slot.name: slot for slot in predicted.timeline.slots}
    saving = {row.name: row.makespan_seconds for row in saved}
    return {
        "workers": predicted.workers,
        "predicted_seconds": predicted.timeline.makespan_seconds,
        "lower_bound_seconds": predicted.timeline.lower_bound_seconds,
        "critical_path": list(predicted.critical_path),
        "notes": list(notes),
        "views": {
            (name := rank.task.name): {
                "priority": rank.priority,
                "seconds": rank.estimate.seconds,
                "low_seconds": rank.estimate.low_seconds,
                "high_seconds": rank.estimate.high_seconds,
                "kind": rank.estimate.kind,
                "source": rank.estimate.source,
                "figures": dict(rank.estimate.figures),
                "bottom_level_seconds": rank.bottom_level_seconds,
                "slack_seconds": rank.slack_seconds,
                "critical": rank.critical,
                "chain": list(rank.chain),
                "reason": rank.reason,
                "saves_seconds": saving.get(name),
                "worker": slots[name].worker,
                "start_seconds": slots[name].start_seconds,
                "end_seconds": slots[name].end_seconds,
            }
            for rank in predicted.ranked
        },
    }


def _summary(predicted: Schedule, notes: Sequence[str]) -> list[Text]:
    from dfplan_assets.forecast.comparison import is_measured
    from dfplan_assets.visual.durations import duration
    from dfplan_assets.visual.sentences import measured_views, path

    total, timeline, measured = len(predicted.ranked), predicted.timeline, is_measured(predicted)
    history = "no history: topology. The seconds compare views with each other and are no prediction."
    if measured:
        history = f"{measured_views(predicted):,} of {total:,} views have been measured"
    longest = max((rank.bottom_level_seconds for rank in predicted.ranked), default=0.0)
    makespan = f"{duration(timeline.makespan_seconds)} on {predicted.workers:,} at once"
    bound = f"{duration(timeline.lower_bound_seconds)}, whatever the order"
    rows = (
        *((("predicted", makespan), ("at least", bound)) if measured else ()),
        ("critical path", path(predicted.critical_path) + (f", {duration(longest)}" if measured else "")),
        ("history", history),
        *(("note", note) for note in notes),
    )
    return [Text.assemble((f"{label:<13}  ", "dim"), text) for label, text in rows]


def _table(predicted: Schedule, saved: Sequence[Saving]) -> Table:
    headings = (
        "view",
        "cost s",
        "spread s",
        "source",
        "to end s",
        "slack s",
        "saves s",
        "predicted s",
        "why",
    )
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in headings:
        right = heading.endswith(" s")
        grid.add_column(heading, justify="right" if right else "left", overflow="fold", no_wrap=right)
    slots = {slot.name: slot for slot in predicted.timeline.slots}
    saving = {row.name: row.makespan_seconds for row in saved}
    for rank in predicted.ranked:
        estimate, slot = rank.estimate, slots[rank.task.name]
        grid.add_row(
            Text(rank.task.name, style="bold" if rank.critical else ""),
            _seconds(estimate.seconds),
            f"{_seconds(estimate.low_seconds)} to {_seconds(estimate.high_seconds)}",
            Text(estimate.source),
            _seconds(rank.bottom_level_seconds),
            _seconds(rank.slack_seconds),
            _seconds(saving.get(rank.task.name)),
            f"{_seconds(slot.start_seconds)} to {_seconds(slot.end_seconds)}",
            Text(rank.reason),
        )
    return grid


def _past_run(options: Options, run_id: str, svg: Path | None) -> None:
    with stored(options) as (project, store):
        record = store.latest_schedule() if run_id == LATEST else store.schedule(run_id)
    if record is None:
        cause = "no run has left its order" if run_id == LATEST else f"there is no order of a run {run_id}"
        raise InputError(
            f"plan store of project {project.name}",
            f"{cause} in it",
            "Materialise some views with scheduling: measured: dfplan run",
        )
    if svg is not None:
        from dfplan_assets.forecast.records import recorded_timeline
        from dfplan_assets.visual.gantt import gantt

        _write(svg, gantt(*recorded_timeline(record)))
    if options.format == "json":
        print_json(_past_document(record))
    else:
        print_text(*_past_summary(record), "", _past_table(record))


def _past_document(record: ScheduleRecord) -> dict[str, Any]:
    from dfplan_assets.forecast.records import recorded_comparison

    compared = recorded_comparison(record)
    return {
        "run_id": record.dagster_run_id,
        "started_at": isoformat(record.started_at),
        "order": record.mode,
        "workers": record.workers,
        "predicted_seconds": record.predicted_makespan_seconds,
        "actual_seconds": record.actual_makespan_seconds,
        "lower_bound_seconds": record.lower_bound_seconds,
        "median_error": compared.median_error,
        "note": record.note,
        "views": {
            view.name: {
                "priority": each.priority,
                "predicted_seconds": view.predicted_seconds,
                "low_seconds": number_or_none(each.low_seconds),
                "high_seconds": number_or_none(each.high_seconds),
                "source": view.source,
                "actual_seconds": view.actual_seconds,
                "ratio": view.ratio,
                "attempt": each.attempt,
                "predicted_start_seconds": each.predicted_start_seconds,
                "actual_start_seconds": each.actual_start_seconds,
            }
            for view, each in zip(compared.views, record.predictions, strict=True)
        },
    }


def _past_summary(record: ScheduleRecord) -> list[Text]:
    from dfplan_assets.forecast.records import recorded_comparison
    from dfplan_assets.visual.sentences import outcome_sentence

    compared = recorded_comparison(record)
    rows = [
        ("run", f"{record.dagster_run_id}, {record.started_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("order", f"{record.mode}, {record.workers:,} at once"),
        ("outcome", outcome_sentence(compared)),
    ]
    if record.note is not None:
        rows.append(("note", record.note))
    return [Text.assemble((f"{label:<7}  ", "dim"), text) for label, text in rows]


def _past_table(record: ScheduleRecord) -> Table:
    from dfplan_assets.forecast.records import recorded_comparison

    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("step", "predicted s", "actual s", "ratio", "source"):
        right = heading in ("predicted s", "actual s", "ratio")
        grid.add_column(heading, justify="right" if right else "left", overflow="fold")
    for view in recorded_comparison(record).views:
        grid.add_row(
            Text(view.name),
            _seconds(view.predicted_seconds),
            "did not run" if view.actual_seconds is None else _seconds(view.actual_seconds),
            "" if view.ratio is None else f"×{view.ratio:.2f}",
            Text(view.source),
        )
    return grid


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:,.3f}"


def _write(file: Path, svg: str) -> None:
    try:
        file.write_text(svg, encoding="utf-8")
    except OSError as error:
        raise ExecutionError(
            str(file), f"the chart cannot be written: {error.strerror}", "Name a file that can be written."
        ) from error
