"""``dfplan path``: where a view's last published result is."""

from __future__ import annotations

import click

from dfplan_assets.cli.options import current_options, project_options
from dfplan_assets.cli.output import print_json
from dfplan_assets.errors import ExecutionError
from dfplan_assets.lookup import check_view


@click.command()
@click.argument("view")
@project_options
def path(view: str) -> None:
    """The files of the last published result of VIEW, for DuckDB, Polars, pandas.

    Every file is whole, and stays readable while newer results are published.
    """
    options = current_options()
    from dfplan_assets.execution.warehouse import Warehouse
    from dfplan_assets.project import load_project

    project = load_project(options.project)
    check_view(view, project.views, str(project.root))
    if project.views[view].is_virtual:
        raise ExecutionError(
            project.views[view].where,
            "it has no files: it is not stored (materialized: view), but inlined into the views that read it",
            "Ask for the files of a view that reads it, or take materialized: view out and run it.",
        )
    result = Warehouse.of(project).current(view)
    if result is None:
        raise ExecutionError(
            project.views[view].where,
            "it has no published result",
            f"Materialise it: dfplan run '+{view}'",
        )
    if options.format == "json":
        print_json(
            {
                "view": view,
                "files": list(result.files),
                "rows": result.rows,
                "published_at": result.published_at.isoformat(),
            }
        )
    else:
        for file in result.files:
            click.echo(file)
