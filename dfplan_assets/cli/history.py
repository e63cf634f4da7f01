"""``dfplan history``: the plans of a view over time, and its runs."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    import pandas as pd

    from dfplan_assets.store import AcceptanceRecord, BundleRecord

_RUNS_IN_TEXT = 10


@dataclass(frozen=True)
class _Plan:
    """Bundles of one complete identity; ``changed`` is against the plan that was new before it.

    Bundles of one identity differ in nothing but file paths and moments of planning.
    """

    bundles: tuple[BundleRecord, ...]
    changed: tuple[str, ...] | None

    @property
    def latest(self) -> BundleRecord:
        return max(self.bundles, key=lambda bundle: bundle.last_planned_at)


@click.command()
@click.argument("view", shell_complete=complete_view)
@project_options
def history(view: str) -> None:
    """The plans that VIEW has had, what changed from one to the next and who accepted them, and its runs.

    Plans that differ only in the files they read, or in the moment that now() gave, are one.
    """
    options = current_options()
    with stored(options) as (project, store):
        plans = _plans(bundles_of(view, project, store))
        runs = store.runs(view)
        acceptances = store.acceptances(view)
    ran = _Runs(runs)
    if options.format == "json":
        print_json(
            {
                "view": view,
                "plans": [_plan_document(plan, ran, _accepted(plan, acceptances)) for plan in plans],
                "runs": [_run_document(row) for row in ran.rows],
            }
        )
    else:
        print_text(
            Text(view, style="bold"),
            _plan_table(plans, ran, acceptances),
            "",
            _run_table(ran.rows[-_RUNS_IN_TEXT:], len(ran.rows)),
        )


class _Runs:
    """The runs of a view, the oldest first, with None for what is not known."""

    def __init__(self, frame: pd.DataFrame) -> None:
        known = frame.notna().itertuples(index=False, name=None)
        rows = frame.astype(object).itertuples(index=False, name=None)
        self.rows: list[dict[str, Any]] = [
            {
                name: value if is_known else None
                for name, value, is_known in zip(frame.columns, row, flags, strict=True)
            }
            for row, flags in zip(rows, known, strict=True)
        ]

    def of(self, plan: _Plan) -> list[dict[str, Any]]:
        """The runs of a plan."""
        keys = {bundle.key for bundle in plan.bundles}
        return [row for row in self.rows if row["bundle_key"] in keys]


def _plans(bundles: Sequence[BundleRecord]) -> list[_Plan]:
    """The plans, the one seen first first, of bundles in any order."""
    of_plan: dict[str, list[BundleRecord]] = {}
    for bundle in sorted(bundles, key=lambda each: (each.first_planned_at, each.last_planned_at, each.key)):
        of_plan.setdefault(bundle.identity.complete, []).append(bundle)
    plans: list[_Plan] = []
    for folded in of_plan.values():
        changed = _changed(plans[-1].bundles[0].identity.parts, folded[0].identity.parts) if plans else None
        plans.append(_Plan(tuple(folded), changed))
    return plans


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    names = dict.fromkeys([*before, *after])
    return tuple(name for name in names if before.get(name) != after.get(name))


def _accepted(plan: _Plan, acceptances: Sequence[AcceptanceRecord]) -> AcceptanceRecord | None:
    from dfplan_assets.regressions.history import acceptance_of

    identity = plan.latest.identity
    return acceptance_of(acceptances, identity.complete, identity.fingerprint)


def _wall_seconds(rows: Sequence[dict[str, Any]]) -> list[float]:
    return [
        float(row["wall_seconds"])
        for row in rows
        if row["status"] == "succeeded" and row["wall_seconds"] is not None
    ]


def _median_wall_seconds(rows: Sequence[dict[str, Any]]) -> float | None:
    seconds = _wall_seconds(rows)
    return statistics.median(seconds) if seconds else None


def _p90_wall_seconds(rows: Sequence[dict[str, Any]]) -> float | None:
    from dfplan_assets.regressions.figures import percentile_90

    seconds = _wall_seconds(rows)
    return percentile_90(seconds) if seconds else None


def _plan_document(plan: _Plan, ran: _Runs, accepted: AcceptanceRecord | None) -> dict[str, Any]:
    rows, latest = ran.of(plan), plan.latest
    return {
        "key": latest.key,
        "keys": [bundle.key for bundle in plan.bundles],
        "fingerprint": latest.identity.fingerprint,
        "complete": latest.identity.complete,
        "first_planned_at": isoformat(min(bundle.first_planned_at for bundle in plan.bundles)),
        "last_planned_at": isoformat(latest.last_planned_at),
        "changed_parts": None if plan.changed is None else list(plan.changed),
        "runs": len(rows),
        "succeeded": sum(row["status"] == "succeeded" for row in rows),
        "median_wall_seconds": _median_wall_seconds(rows),
        "p90_wall_seconds": _p90_wall_seconds(rows),
        "accepted": acceptance_document(accepted),
    }


def _run_document(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "started_at": row["started_at"].isoformat()}


def _plan_table(plans: Sequence[_Plan], ran: _Runs, acceptances: Sequence[AcceptanceRecord]) -> Table:
    numbers = ("runs", "median s", "90 % s")
    headings = ("plan", "first seen", "last seen", *numbers, "accepted", "changed")
    grid = _grid(headings, numbers)
    for plan in plans:
        rows = ran.of(plan)
        median, p90 = _median_wall_seconds(rows), _p90_wall_seconds(rows)
        accepted = _accepted(plan, acceptances)
        grid.add_row(
            plan.latest.key[:SHORT_KEY_CHARACTERS],
            f"{min(bundle.first_planned_at for bundle in plan.bundles):%Y-%m-%d %H:%M}",
            f"{plan.latest.last_planned_at:%Y-%m-%d %H:%M}",
            str(len(rows)),
            "" if median is None else f"{median:,.3f}",
            "" if p90 is None else f"{p90:,.3f}",
            Text("no" if accepted is None else acceptance_text(accepted)),
            Text("first plan" if plan.changed is None else ", ".join(plan.changed)),
        )
    return grid


def _run_table(rows: Sequence[dict[str, Any]], total: int) -> Table:
    grid = _grid(
        ("run", "status", "plan", "rows", "bytes", "wall s", "CPU s", "failure"),
        ("rows", "bytes", "wall s", "CPU s"),
    )
    grid.title = f"the last {len(rows)} of {total} runs (UTC)" if len(rows) < total else None
    grid.title_justify = "left"
    for row in reversed(rows):
        grid.add_row(
            f"{row['started_at']:%Y-%m-%d %H:%M:%S}",
            Text(row["status"], style="bold red" if row["status"] == "failed" else ""),
            (row["bundle_key"] or "")[:SHORT_KEY_CHARACTERS],
            *("" if row[name] is None else f"{row[name]:,}" for name in ("output_rows", "output_bytes")),
            *("" if row[name] is None else f"{row[name]:,.3f}" for name in ("wall_seconds", "cpu_seconds")),
            Text((row["failure"] or "").partition("\n")[0]),
        )
    return grid


def _grid(headings: Sequence[str], right: Sequence[str]) -> Table:
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in headings:
        grid.add_column(heading, justify="right" if heading in right else "left", overflow="fold")
    return grid
