"""``dfplan import-dbt``: a dbt project as a project of ours."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table
from rich.text import Text

from dfplan_assets.cli.options import current_options, project_options
from dfplan_assets.cli.output import print_json, print_text

if TYPE_CHECKING:
    from dfplan_assets.dbt.takeover import NotTaken, Takeover
    from dfplan_assets.errors import InputError
    from dfplan_assets.project.model import Project


@click.command("import-dbt")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The folder of the new project. Default: one with the dbt project's name, here.",
)
@project_options
def import_dbt(directory: Path, output: Path | None) -> None:
    """Make a project of the dbt project in DIR, whose SQL is compiled (`dbt compile`).

    Models become views, sources and seeds sources, tests checks; descriptions, tags and owners come along.
    What could not be taken over is listed, and so are views that DataFusion cannot plan as they are.
    """
    options = current_options()
    from dfplan_assets.dbt.manifest import read_manifest
    from dfplan_assets.dbt.takeover import take_over
    from dfplan_assets.project import load_project
    from dfplan_assets.project.new_folder import write_new_folder

    manifest = read_manifest(directory)
    folder = output if output is not None else Path(manifest.name)
    taken = take_over(manifest, folder.absolute())
    write_new_folder(folder, taken.files)
    unplanned = _unplanned(load_project(folder)) if taken.views else {}
    if options.format == "json":
        print_json(
            {
                "project": str(folder),
                "views": list(taken.views),
                "sources": list(taken.sources),
                "checks": taken.checks,
                "not_taken": [asdict(left) for left in taken.not_taken],
                "unplanned": {view: str(error) for view, error in unplanned.items()},
            }
        )
        return
    print_text(*_lines(folder, taken, unplanned))


def _unplanned(project: Project) -> dict[str, InputError]:
    """The views that cannot be planned, each with why; those that read one of them are among them."""
    from dfplan_assets.planning.project_plan import plan_project

    plan = plan_project(project, keep_going=True)
    return {name: unplanned.error for name, unplanned in sorted(plan.unplanned.items())}


def _lines(folder: Path, taken: Takeover, unplanned: dict[str, InputError]) -> list[Text | Table]:
    lines: list[Text | Table] = [
        Text(f"{folder}: {len(taken.views):,} views, {len(taken.sources):,} sources, {taken.checks:,} checks")
    ]
    if taken.not_taken:
        lines += [Text(), Text(f"Not taken over, or in need of a hand ({len(taken.not_taken):,}):")]
        lines.append(_not_taken(taken.not_taken))
    if unplanned:
        lines += [Text(), Text(f"{len(unplanned):,} of {len(taken.views):,} views cannot be planned yet:")]
        lines += [Text(str(error)) for error in unplanned.values()]
    lines += [Text(), Text(f"Next: dfplan --project {folder} plan")]
    return lines


def _not_taken(left: tuple[NotTaken, ...]) -> Table:
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("what", "name", "why", "what to do"):
        grid.add_column(heading, overflow="fold")
    for item in left:
        grid.add_row(item.kind, Text(item.name, style="bold"), Text(item.why), Text(item.next_step))
    return grid
