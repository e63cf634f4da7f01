"""``dfplan path``: where a view's last published result is."""

from __future__ import annotations

import click

from dfplan_assets.cli.completion import complete_view
from dfplan_assets.cli.options import current_options, project_options
from dfplan_assets.cli.output import print_json, print_line
from dfplan_assets.errors import ExecutionError
from dfplan_assets.lookup import check_view


@click.command()
@click.argument("view", shell_complete=complete_view)
@click.option("--partition", metavar="KEY", help="Only this partition, of a view with partitions.")
@project_options
def path(view: str, partition: str | None) -> None:
    """The files of the last published result of VIEW, for DuckDB, Polars, pandas.

    Of a view with partitions, those of all that are published. Every file is whole, and stays readable while
    newer results are published.
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
    warehouse, declared = Warehouse.of(project), project.views[view]
    asked = None
    if partition is not None:
        from dfplan_assets.execution.partition_checks import partition_to_run

        asked = partition_to_run(declared, partition)
    result = warehouse.whole(view, declared.partitions) if asked is None else warehouse.current(view, asked)
    if result is None:
        run = f"dfplan run '+{view}'"
        if declared.partitions is not None:
            run += f" --partition {partition or 'KEY'}"
        raise ExecutionError(
            declared.where,
            "it has no published result" if asked is None else f"its partition {partition} is not published",
            f"Materialise it: {run}",
        )
    if options.format == "json":
        print_json(
            {
                "view": view,
                "files": list(result.files),
                "rows": result.rows,
                "published_at": result.published_at.isoformat(),
                **({} if partition is None else {"partition": partition}),
            }
        )
    else:
        for file in result.files:
            print_line(file)
