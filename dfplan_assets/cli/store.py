"""``dfplan store``: what the plan store holds, its schema, and giving back what nobody needs."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table
from rich.text import Text

from dfplan_assets.cli.options import current_options, project_options
from dfplan_assets.cli.output import print_json, print_line, print_text
from dfplan_assets.cli.stored import stored
from dfplan_assets.errors import StoreError

if TYPE_CHECKING:
    from dfplan_assets.store import StoreInfo


@click.group()
@project_options
def store() -> None:
    """The plan store: every plan and every run, for good."""


@store.command()
@project_options
def info() -> None:
    """What the store holds, how large it is, and how many records wait to be stored."""
    options = current_options()
    from dfplan_assets.project import load_project
    from dfplan_assets.store.queue import queue_of

    queue = queue_of(load_project(options.project))
    waiting = len(queue)
    try:
        with stored(options) as (_, opened):
            found = opened.info()
    except StoreError as error:
        # A store that cannot be read is just when one wants to know what waits for it.
        raise StoreError(
            error.where, error.cause, f"{error.next_step} In {queue.folder} {waiting:,} records wait for it."
        ) from error
    if options.format == "json":
        print_json(_info_document(found, waiting))
    else:
        print_text(_info_table(found, waiting))


@store.command()
@project_options
def upgrade() -> None:
    """Bring the store to the schema of this dfplan, in place, keeping every row."""
    options = current_options()
    from dfplan_assets.project import load_project
    from dfplan_assets.store import upgrade_store

    upgraded = upgrade_store(load_project(options.project).store)
    if options.format == "json":
        print_json(asdict(upgraded))
    elif upgraded.before == upgraded.after:
        print_line(f"The store has schema {upgraded.after}, the latest that this dfplan knows.")
    else:
        print_line(f"The store was upgraded from schema {upgraded.before} to {upgraded.after}.")


@store.command()
@click.option(
    "--keep-bundles", metavar="N", type=click.IntRange(min=1), help="Keep the N latest plans of each view."
)
@click.option(
    "--keep-runs", metavar="N", type=click.IntRange(min=1), help="Keep the N latest runs of each view."
)
@project_options
def gc(keep_bundles: int | None, keep_runs: int | None) -> None:
    """Remove old plans and runs, and whatever no kept one refers to.

    Without --keep-bundles all plans are kept, without --keep-runs all runs. The plan of a view's
    latest successful run always stays.
    """
    options = current_options()
    with stored(options) as (_, opened):
        removed = opened.gc(keep_bundles=keep_bundles, keep_runs=keep_runs)
    if options.format == "json":
        print_json({"removed": asdict(removed)})
    else:
        print_line(
            f"Removed {removed.bundles:,} plans, {removed.runs:,} runs, {removed.schedules:,} schedules"
            f", {removed.environments:,} environments, {removed.topologies:,} topologies "
            f"and {removed.contents:,} texts ({removed.stored_bytes:,} bytes)."
        )


def _info_document(info: StoreInfo, waiting: int) -> dict[str, Any]:
    values = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in asdict(info).items()
    }
    return {**values, "queued_records": waiting}


def _info_table(info: StoreInfo, waiting: int) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, text in (
        ("store", info.location),
        ("schema", str(info.version)),
        ("views", f"{info.views:,}"),
        ("plans", f"{info.bundles:,}"),
        ("runs", f"{info.runs:,}, with the metrics of {info.operators:,} operators"),
        ("texts", f"{info.contents:,}: {info.content_bytes:,} bytes, {info.stored_bytes:,} compressed"),
        ("size", f"{info.size_bytes:,} bytes"),
        ("first plan", _moment(info.first_planned_at)),
        ("last plan", _moment(info.last_planned_at)),
        ("last run", _moment(info.last_run_at)),
        ("queued", f"{waiting:,} records wait for the next run to store them"),
    ):
        grid.add_row(label, Text(text))
    return grid


def _moment(moment: datetime | None) -> str:
    return "none yet" if moment is None else moment.isoformat(sep=" ", timespec="seconds")
