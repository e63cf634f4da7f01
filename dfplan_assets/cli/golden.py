"""``dfplan golden``: plans as files beside the views, written, checked, accepted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from dfplan_assets.cli.completion import complete_view
from dfplan_assets.cli.diff import tree_rows
from dfplan_assets.cli.options import current_options, options_with_formats, project_options
from dfplan_assets.cli.output import print_json, print_line, print_text
from dfplan_assets.errors import InputError
from dfplan_assets.lookup import check_view

if TYPE_CHECKING:
    from dfplan_assets.errors import DfplanError
    from dfplan_assets.golden.update import Updated
    from dfplan_assets.golden.verdict import Check, ViewCheck
    from dfplan_assets.project.model import Level, Project


@click.group()
@project_options
def golden() -> None:
    """Golden plans: the plans of all views as files, committed beside them."""


@golden.command()
@click.argument("views", shell_complete=complete_view, metavar="[VIEW…]", nargs=-1)
@click.option(
    "--sizes", is_flag=True, help="Take the sizes of all tables anew, from the data and the last runs."
)
@project_options
def update(views: tuple[str, ...], sizes: bool) -> None:
    """Write the golden plans of the named VIEWs; of all views, if none is named.

    Without a VIEW, the golden plans of views that are gone are deleted. No data is needed; where a
    source has no file, the columns that were recorded stand in for it.
    """
    options = current_options()
    from dfplan_assets.golden.update import update as update_goldens

    project = _project(views)
    updated = update_goldens(project, views or None, sizes=sizes)
    if options.format == "json":
        print_json(_document(updated, project))
    else:
        print_text(*_lines(updated, project))
    _end_with_problems(updated)


@golden.command()
@click.argument("views", shell_complete=complete_view, metavar="[VIEW…]", nargs=-1)
@click.option(
    "--level",
    type=click.Choice(["meaning", "plan"]),
    help="What counts: only what can change results, or the physical plan too. Default: as dfplan.yaml says.",
)
@options_with_formats("text", "json", "junit", "markdown")
@click.pass_context
def check(ctx: click.Context, views: tuple[str, ...], level: Level | None) -> None:
    """Compare the plans of all views, or the named VIEWs, with their golden plans.

    Exits with 0 where all are as the golden plans have them, 1 where one drifted, 2 where a golden plan is
    missing or cannot be used. Nothing is run or written, and no data is needed.
    """
    options = current_options()
    from dfplan_assets.golden import reports
    from dfplan_assets.golden.check import check_project

    found = check_project(_project(views), views or None, level)
    if options.format == "json":
        print_json(_check_document(found))
    elif options.format == "text":
        print_text(*reports.lines(found))
    else:
        report = reports.junit if options.format == "junit" else reports.markdown
        print_line(report(found))
    ctx.exit(found.exit_code)


@golden.command()
@click.argument("views", shell_complete=complete_view, metavar="VIEW…", nargs=-1, required=True)
@click.option("--note", required=True, metavar="TEXT", help="Why the new plan is as it should be.")
@project_options
def accept(views: tuple[str, ...], note: str) -> None:
    """Take the new plans of the named VIEWs as golden, and keep in the plan store who did, when and why."""
    options = current_options()
    from dfplan_assets.golden.accept import accept as accept_plans

    if not note.strip():
        raise InputError(
            "dfplan golden accept", "the note is empty", "Say why: --note 'larger threshold, #12'"
        )
    project = _project(views)
    updated = accept_plans(project, views, note.strip())
    if options.format == "json":
        print_json({**_document(updated, project), "note": note.strip()})
    else:
        print_text(*_lines(updated, project))
    _end_with_problems(updated)


def _project(views: Sequence[str]) -> Project:
    """The project; raises UnknownNameError for a name that is none of its views."""
    from dfplan_assets.project import load_project

    project = load_project(current_options().project)
    for view in views:
        check_view(view, project.views, str(project.root))
    return project


def _document(updated: Updated, project: Project) -> dict[str, Any]:
    return {
        "folder": str(project.golden_plans.folder),
        "written": list(updated.written),
        "unchanged": list(updated.unchanged),
        "removed": list(updated.removed),
        "problems": [_problem(problem) for problem in updated.problems],
    }


def _lines(updated: Updated, project: Project) -> list[Text]:
    named = [
        *(Text.assemble(("written  ", "green"), view) for view in updated.written),
        *(Text.assemble(("removed  ", "yellow"), view) for view in updated.removed),
    ]
    summary = (
        f"{len(updated.written)} golden plans written, {len(updated.unchanged)} as they were, "
        f"{len(updated.removed)} removed, in {project.golden_plans.folder}"
    )
    return [*named, Text(summary)]


def _end_with_problems(updated: Updated) -> None:
    for problem in updated.problems:
        click.echo(f"Error: {problem}", err=True)
    if updated.problems:
        click.get_current_context().exit(2)


def _check_document(found: Check) -> dict[str, Any]:
    return {
        "verdict": found.verdict,
        "level": found.level,
        "views": {view.view: _view_document(view) for view in found.views},
        "settings": list(found.settings),
        "problems": [_problem(problem) for problem in found.all_problems],
        "notes": list(found.notes),
    }


def _view_document(view: ViewCheck) -> dict[str, Any]:
    found = view.difference
    return {
        "state": view.state,
        "kind": view.kind,
        "cause": view.cause,
        "causes": list(view.causes),
        "changed_parts": [] if found is None else list(found.changed_parts),
        "changed_columns": [] if found is None else _or_none(found.changed_columns),
        "downstream": list(view.downstream),
        "logical_plan": None if found is None else tree_rows(found.logical_tree),
        "physical_plan": None
        if found is None or found.physical_tree is None
        else tree_rows(found.physical_tree),
        "problem": None if view.problem is None else _problem(view.problem),
    }


def _or_none(names: Sequence[str] | None) -> list[str] | None:
    return None if names is None else list(names)


def _problem(problem: DfplanError) -> dict[str, str]:
    return {"where": problem.where, "cause": problem.cause, "next_step": problem.next_step}
