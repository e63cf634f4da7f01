"""``dfplan regressions``: which views got slower, and whether their plans are why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table
from rich.text import Text

from dfplan_assets.cli.acceptances import acceptance_document, acceptance_text
from dfplan_assets.cli.completion import complete_view
from dfplan_assets.cli.options import current_options, project_options
from dfplan_assets.cli.output import isoformat, print_json, print_text
from dfplan_assets.cli.stored import SHORT_KEY_CHARACTERS, bundles_of, stored

if TYPE_CHECKING:
    from dfplan_assets.planning.diff import PlanDifference
    from dfplan_assets.regressions.figures import PlanFigures
    from dfplan_assets.regressions.statistics import Comparison
    from dfplan_assets.regressions.verdict import Verdict
    from dfplan_assets.store import Store

_ORDER = ("regression", "slower without a plan change", "drift", "improved", "steady", "too few runs")
_STYLE = {
    "regression": "bold red",
    "slower without a plan change": "yellow",
    "drift": "cyan",
    "improved": "green",
}


@click.command()
@click.argument("view", required=False, shell_complete=complete_view)
@project_options
def regressions(view: str | None) -> None:
    """Which views got slower beyond their own noise, and why; of VIEW alone where it is named.

    Reads the plan store alone. Exits with 1 where a plan made its view slower, unless somebody has accepted
    that plan since (dfplan golden accept).
    """
    from dfplan_assets.regressions.history import read_histories
    from dfplan_assets.regressions.verdict import judge

    options = current_options()
    with stored(options) as (project, store):
        if view is not None:
            bundles_of(view, project, store)  # says what is wrong with a name of which nothing is stored
        stored_views = [name for name, each in project.views.items() if not each.is_virtual]
        names = stored_views if view is None else [view]
        verdicts = [judge(history) for history in read_histories(store, names).values()]
        changes = {verdict.view: _change(store, verdict) for verdict in verdicts}
    verdicts.sort(key=lambda verdict: (_ORDER.index(verdict.kind), verdict.view))
    found = any(verdict.is_open_regression for verdict in verdicts)
    if options.format == "json":
        views = {verdict.view: _document(verdict, changes[verdict.view]) for verdict in verdicts}
        print_json({"regressions": found, "views": views})
    elif view is None:
        print_text(_summary(verdicts), *_details(verdicts, changes))
    else:
        print_text(*_report(verdicts[0], changes[view]))
    click.get_current_context().exit(1 if found else 0)


def _change(store: Store, verdict: Verdict) -> PlanDifference | None:
    if not verdict.plan_changed:
        return None
    from dfplan_assets.regressions.cause import plan_change

    return plan_change(store, verdict)


def _document(verdict: Verdict, change: PlanDifference | None) -> dict[str, Any]:
    return {
        "verdict": verdict.kind,
        "reason": verdict.reason,
        "plan_changed": verdict.plan_changed,
        "before": _figures_document(verdict.before),
        "current": _figures_document(verdict.current),
        "wall_seconds": _comparison_document(verdict.time),
        "spilled_bytes": _comparison_document(verdict.spilling),
        "moved": [asdict(each) for each in verdict.moved],
        "more_runs": verdict.more_runs,
        "accepted": acceptance_document(verdict.accepted),
        "settled": verdict.settled,
        "change": None
        if change is None
        else {
            "kind": change.kind,
            "cause": change.cause,
            "causes": list(change.causes),
            "changed_parts": list(change.changed_parts),
        },
    }


def _figures_document(figures: PlanFigures | None) -> dict[str, Any] | None:
    if figures is None:
        return None
    moments = {name: isoformat(getattr(figures, name)) for name in ("first_run_at", "last_run_at")}
    return {**asdict(figures), **moments}


def _comparison_document(comparison: Comparison | None) -> dict[str, Any] | None:
    if comparison is None:
        return None
    finite = comparison.before > 0 or comparison.after == 0
    return {**asdict(comparison), "ratio": comparison.ratio if finite else None}


def _summary(verdicts: list[Verdict]) -> Table:
    grid = _grid(("view", "verdict", "runs", "before s", "now s", "why"), ("runs", "before s", "now s"))
    for verdict in verdicts:
        before, current = verdict.before, verdict.current
        grid.add_row(
            Text(verdict.view),
            Text(_kind(verdict), style=_STYLE.get(verdict.kind, "")),
            "" if current is None else f"{current.runs}",
            "" if before is None else f"{before.wall_seconds:,.3f}",
            "" if current is None else f"{current.wall_seconds:,.3f}",
            Text(verdict.reason),
        )
    return grid


def _kind(verdict: Verdict) -> str:
    return f"{verdict.kind}, accepted" if verdict.kind == "regression" and verdict.settled else verdict.kind


def _details(verdicts: list[Verdict], changes: Mapping[str, PlanDifference | None]) -> list[Table | Text]:
    """The whole report of each regression, below the table of all views."""
    return [
        part
        for verdict in verdicts
        if verdict.is_open_regression
        for part in (Text(""), *_report(verdict, changes[verdict.view]))
    ]


def _report(verdict: Verdict, change: PlanDifference | None) -> list[Table | Text]:
    lines: list[Table | Text] = [
        Text.assemble((verdict.view, "bold"), "  ", (_kind(verdict), _STYLE.get(verdict.kind, ""))),
        Text(verdict.reason),
    ]
    if change is not None:
        lines.append(Text.assemble(("the plan: ", "dim"), f"{change.kind}: {change.cause}"))
    lines += [Text.assemble(("moved: ", "dim"), each.sentence) for each in verdict.moved]
    if verdict.accepted is not None:
        lines.append(Text.assemble(("accepted: ", "dim"), acceptance_text(verdict.accepted)))
    sides = [side for side in (verdict.before, verdict.current) if side is not None]
    if sides:
        lines += [Text(""), _sides(sides)]
    if change is not None and len(sides) == 2:
        keys = " ".join(side.bundle_key[:SHORT_KEY_CHARACTERS] for side in sides)
        lines += [Text(""), Text(f"dfplan diff {verdict.view} {keys}  shows the two plans side by side.")]
    return lines


def _sides(sides: list[PlanFigures]) -> Table:
    titles = ("before", "current") if len(sides) == 2 else ("current",)
    grid = _grid(("median of", *titles), titles)
    rows: list[tuple[str, list[str]]] = [
        ("plan", [side.bundle_key[:SHORT_KEY_CHARACTERS] for side in sides]),
        ("runs", [f"{side.runs}" for side in sides]),
        ("last run (UTC)", [f"{side.last_run_at:%Y-%m-%d %H:%M}" for side in sides]),
        ("wall seconds", [f"{side.wall_seconds:,.3f}" for side in sides]),
        ("wall seconds, 90 %", [f"{side.wall_seconds_90:,.3f}" for side in sides]),
        ("CPU seconds", [_seconds(side.cpu_seconds) for side in sides]),
        ("spilled bytes", [_count(side.spilled_bytes) for side in sides]),
        ("input bytes", [_count(side.input_bytes) for side in sides]),
        ("bytes scanned", [_count(side.bytes_scanned) for side in sides]),
        ("output rows", [_count(side.output_rows) for side in sides]),
        ("partitions", [_count(side.partitions) for side in sides]),
    ]
    for label, cells in rows:
        if any(cells):
            grid.add_row(label, *cells)
    return grid


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:,.3f}"


def _count(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _grid(headings: tuple[str, ...], right: tuple[str, ...]) -> Table:
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in headings:
        grid.add_column(heading, justify="right" if heading in right else "left", overflow="fold")
    return grid
