"""The command ``dfplan``: one module for each command.

Standard output holds nothing but the answer. Exit codes: 0 all is well, 1 the answer is no
(a view failed, a plan made it slower), 2 the input is wrong.
"""

from __future__ import annotations

import click

from dfplan_assets.cli.check import check
from dfplan_assets.cli.completion import completion
from dfplan_assets.cli.diff import diff
from dfplan_assets.cli.golden import golden
from dfplan_assets.cli.history import history
from dfplan_assets.cli.import_dbt import import_dbt
from dfplan_assets.cli.init import init
from dfplan_assets.cli.lineage import lineage
from dfplan_assets.cli.options import project_options
from dfplan_assets.cli.path import path
from dfplan_assets.cli.plan import plan
from dfplan_assets.cli.profile import profile
from dfplan_assets.cli.regressions import regressions
from dfplan_assets.cli.report import report
from dfplan_assets.cli.run import run
from dfplan_assets.cli.schedule import schedule
from dfplan_assets.cli.show import show
from dfplan_assets.cli.store import store
from dfplan_assets.errors import DfplanError, InputError


class _ErrorsAsMessages(click.Group):
    """Ends each error of this package as its message on standard error, with its exit code."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except DfplanError as error:
            click.echo(f"Error: {error}", err=True)
            ctx.exit(2 if isinstance(error, InputError) else 1)


@click.group(cls=_ErrorsAsMessages, context_settings={"help_option_names": ["-h", "--help"]})
@project_options
def main() -> None:
    """A folder of SQL views as a Dagster project, from its query plans."""


for _command in (
    lineage,
    plan,
    run,
    check,
    path,
    show,
    profile,
    diff,
    history,
    schedule,
    golden,
    regressions,
    report,
    store,
    completion,
    import_dbt,
    init,
):
    main.add_command(_command)
