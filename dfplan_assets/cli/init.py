"""``dfplan init``: a new project that runs at once."""

from __future__ import annotations

from pathlib import Path

import click

from dfplan_assets.cli.options import current_options, project_options
from dfplan_assets.cli.output import print_json, print_line
from dfplan_assets.errors import ProjectError


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@project_options
def init(directory: Path) -> None:
    """Make a new project in DIR: a little data, four views, their golden plans, files for Dagster and CI."""
    options = current_options()
    from dfplan_assets.golden.update import update
    from dfplan_assets.project import load_project
    from dfplan_assets.project.new_folder import write_new_folder
    from dfplan_assets.starter import starter_files

    name = directory.absolute().name
    try:
        files = starter_files(name)
    except ValueError as problem:
        raise ProjectError(
            str(directory), f"{name!r} cannot be the name of a project: {problem}", "Name another folder."
        ) from problem
    write_new_folder(directory, files)
    written = update(load_project(directory)).written
    if options.format == "json":
        print_json({"project": str(directory), "files": sorted(map(str, files)), "views": sorted(written)})
        return
    print_line(f"{directory}: {len(written)} views and their golden plans. Next:")
    print_line(f"\n  cd {directory}\n  dfplan run\n  DAGSTER_HOME=$PWD/.dfplan/dagster dagster dev")
