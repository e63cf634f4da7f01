"""``dfplan show``: everything that is known of one plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dfplan_assets.cli.completion import complete_view
from dfplan_assets.cli.options import current_options, project_options
from dfplan_assets.cli.output import print_json, print_text
from dfplan_assets.cli.stored import bundles_of, choose, stored

if TYPE_CHECKING:
    from dfplan_assets.store import RunRecord, Store


@click.command()
@click.argument("view", shell_complete=complete_view)
@click.argument("key", required=False)
@project_options
def show(view: str, key: str | None) -> None:
    """One plan of VIEW: what it is, how it was planned, what it cost.

    KEY is the key of a plan, or a beginning of it that no other plan of VIEW has; `dfplan history
    VIEW` lists them. Without it, the plan that was made last.
    """
    options = current_options()
    with stored(options) as (project, store):
        bundles = bundles_of(view, project, store)
        record = bundles[0] if key is None else choose(key, bundles)
        bundle = store.bundle(record.key)
        run = _latest_run(store, view, record.key)
    from dfplan_assets.cli.bundle_view import document, sections

    if options.format == "json":
        print_json(document(record, bundle, run))
    else:
        print_text(*sections(record, bundle, run, project.root))


def _latest_run(store: Store, view: str, key: str) -> tuple[str, RunRecord] | None:
    """The key and record of the last run of a plan: of the last that has a profile, if any has."""
    runs = store.runs(view)
    of_plan = runs[runs["bundle_key"] == key]
    profiled = of_plan[of_plan["wall_seconds"].notna()]
    chosen = profiled if len(profiled) else of_plan
    if not len(chosen):
        return None
    run_key = str(chosen["key"].iloc[-1])
    return run_key, store.run(run_key)
