"""The short golden file: what a reviewer wants to see of a plan, and nothing that moves without reason."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

from dfplan_assets.golden.record import environment_rows
from dfplan_assets.planning.bundle import PlanBundle
from dfplan_assets.planning.diff.alignment import is_join
from dfplan_assets.planning.diff.lines import split_list
from dfplan_assets.planning.identity import default_settings
from dfplan_assets.planning.physical_text import normalised_physical_plan
from dfplan_assets.planning.plan_tree import Node, parse_tree

# What follows from the rest, or is of no interest to a reviewer.
_LEFT_OUT = (
    "aggr=",
    "dynamic_rg_pruning=",
    "expr=",
    "file_groups=",
    "input_partitions=",
    "projection=",
    "pruning_predicate=",
    "required_guarantees=",
)
_ALWAYS_SET = (
    "datafusion.execution.listing_table_ignore_subdirectory",
    "datafusion.execution.planning_concurrency",
)
_FIRST_FILE = re.compile(r"file_groups=\{(\d+) groups?: \[\[([^,\]]*)/[^/,\]]*")


def review_text(bundle: PlanBundle) -> str:
    """The short file of a view: what it reads and gives, its join order, its operators."""
    rows = environment_rows(bundle.environment)["df_settings"]
    settings = [
        f"{name} = {value}"
        for name, value in rows
        if default_settings().get(name) != value and name not in _ALWAYS_SET
    ]
    root = parse_tree(bundle.physical_plan.rstrip("\n"))
    order = _join_order(root)
    lines = [
        f"view {bundle.view}",
        *_listed("reads", bundle.lineage.tables),
        *_listed("gives", [f"{field.name}: {field.type}" for field in bundle.schema]),
        *_listed("parameters", [f"${each.name} = {_shown(each.value)}" for each in bundle.parameters]),
        *_listed("settings", settings),
        *([f"join order {order}"] if _has_join(root) else []),
        "",
        *_operators(root, 0),
    ]
    return "\n".join(lines) + "\n"


def _listed(what: str, items: Iterator[str] | list[str] | tuple[str, ...]) -> list[str]:
    return [f"{what} {item}" for item in items]


def _shown(value: str | None) -> str:
    return "secret" if value is None else value


def _operators(node: Node, depth: int) -> Iterator[str]:
    detail = ", ".join(part for part in split_list(node.detail) if not part.startswith(_LEFT_OUT))
    if node.kind == "DataSourceExec":
        found = _FIRST_FILE.search(node.detail)
        if found is not None:
            detail = f"{_table(found.group(2))} in {_parts(int(found.group(1)))}, {detail}"
    text = normalised_physical_plan(f"{node.kind.removesuffix('Exec')} {detail}".rstrip(), folded=False)
    yield "  " * depth + text
    for child in node.children:
        yield from _operators(child, depth + 1)


def _parts(number: int) -> str:
    return f"{number} part{'' if number == 1 else 's'}"


def _join_order(node: Node) -> str:
    """The tables under a node, joined ones in brackets: the build side first, as the engine runs them."""
    if node.kind == "DataSourceExec":
        found = _FIRST_FILE.search(node.detail)
        return _table(found.group(2)) if found else "values"
    below = [text for child in node.children if (text := _join_order(child))]
    if is_join(node.kind):
        return f"({' ⋈ '.join(below)})"
    return ", ".join(below)


def _has_join(node: Node) -> bool:
    return is_join(node.kind) or any(_has_join(child) for child in node.children)


def _table(path: str) -> str:
    return unquote(path.rpartition("/")[2])
