"""``dfplan diff``: why two plans of a view differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from dfplan_assets.cli.completion import complete_view
from dfplan_assets.cli.now import Now
from dfplan_assets.cli.options import current_options, project_options
from dfplan_assets.cli.output import print_json, print_text, terminal_width
from dfplan_assets.cli.stored import SHORT_KEY_CHARACTERS, bundles_of, choose, stored
from dfplan_assets.lookup import check_view

if TYPE_CHECKING:
    from dfplan_assets.planning.diff import PlanDifference, TreeRow

_NOW = "now"
_WIDTH_OF_A_PIPE = 140
_KIND_STYLE = {
    "identical": "green",
    "cosmetic": "green",
    "columns added": "green",
    "physical only": "cyan",
    "unknown": "yellow",
    "rows or values may differ": "yellow",
}


@click.command()
@click.argument("view", shell_complete=complete_view)
@click.argument("a", required=False)
@click.argument("b", required=False)
@project_options
def diff(view: str, a: str | None, b: str | None) -> None:
    """Why the plan of VIEW differs from the one that was stored last.

    A and B name other plans to compare, by the beginning of their keys in `dfplan history VIEW`;
    with A alone it is compared with the plan as it is now. Nothing is run or written.
    """
    options = current_options()
    from dfplan_assets.planning.diff import difference, facts_of_bundle, reached_views
    from dfplan_assets.store.plan_memory import plan_remembered

    with stored(options) as (project, store):
        bundles = bundles_of(view, project, store)
        before = choose(a, bundles) if a is not None else bundles[0]
        keys = [before.key]
        sides = [facts_of_bundle(store.bundle(before.key))]
        if b is not None:
            other = choose(b, bundles)
            keys.append(other.key)
            sides.append(facts_of_bundle(store.bundle(other.key)))
    plan = plan_remembered(project, keep=False)
    if b is None:
        # Two stored plans can be compared even where the view is gone or cannot be planned by now.
        check_view(view, project.views, str(project.root))
        if view in plan.unplanned:
            raise plan.unplanned[view].error
        keys.append(_NOW)
        sides.append(Now(plan).facts(view))
    found = difference(*sides)
    downstream = reached_views(plan, view, found.changed_columns)
    if options.format == "json":
        print_json(_document(found, keys, downstream))
    else:
        _print(found, keys, downstream)


def _document(found: PlanDifference, keys: Sequence[str], downstream: Sequence[str]) -> dict[str, Any]:
    return {
        "view": found.view,
        "before": keys[0],
        "after": keys[1],
        "kind": found.kind,
        "cause": found.cause,
        "causes": list(found.causes),
        "changed_parts": list(found.changed_parts),
        "changed_columns": None if found.changed_columns is None else list(found.changed_columns),
        "downstream": list(downstream),
        "logical_plan": tree_rows(found.logical_tree),
        "physical_plan": None if found.physical_tree is None else tree_rows(found.physical_tree),
    }


def tree_rows(rows: Sequence[TreeRow]) -> list[dict[str, Any]]:
    """Two trees side by side as JSON, a row for each node or run of unchanged nodes."""
    return [_row(row) for row in rows]


def _row(row: TreeRow) -> dict[str, Any]:
    if row.change == "folded":
        return {"change": "folded", "nodes": row.nodes}
    return {
        "change": row.change,
        "before": None if row.before is None else {"depth": row.depth_before, "text": row.before},
        "after": None if row.after is None else {"depth": row.depth_after, "text": row.after},
    }


def _print(found: PlanDifference, keys: Sequence[str], downstream: Sequence[str]) -> None:
    before, after = (key if key == _NOW else key[:SHORT_KEY_CHARACTERS] for key in keys)
    lines = [
        Text.assemble((found.view, "bold"), f"  {before} → {after}"),
        Text(""),
        Text.assemble(_label("kind"), (found.kind, _KIND_STYLE[found.kind])),
        *(
            Text.assemble(_label("cause" if number == 0 else ""), cause)
            for number, cause in enumerate(found.causes)
        ),
        Text.assemble(_label("parts"), ", ".join(found.changed_parts) or "none"),
        Text.assemble(_label("columns"), _columns(found)),
        Text.assemble(_label("reaches"), ", ".join(downstream) or "no view downstream"),
    ]
    for heading, rows in (("logical plan", found.logical_tree), ("physical plan", found.physical_tree)):
        if rows is not None and any(row.change not in ("same", "folded") for row in rows):
            lines += [Text(""), *_tree(heading, rows, before, after)]
    print_text(*lines)


def _label(text: str) -> tuple[str, str]:
    return f"{text:<9}", "dim"


def _columns(found: PlanDifference) -> str:
    if found.changed_columns is None:
        return "all, and the rows"
    return ", ".join(found.changed_columns) or "none"


def _tree(heading: str, rows: Sequence[TreeRow], before: str, after: str) -> list[Text]:
    from dfplan_assets.planning.diff import side_by_side

    width = terminal_width() or _WIDTH_OF_A_PIPE
    column = (width - 3) // 2
    title = f"{f'{heading}, {before}':<{column}}   {heading}, {after}"
    return [Text(title, style="dim"), Text(side_by_side(rows, width))]
