"""The options of every command, accepted before its name and after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Literal, TypeVar, cast

import click
from click.shell_completion import CompletionItem

from dfplan_assets.cli.output import stdout_to_stderr
from dfplan_assets.lookup import nearest_project

OutputFormat = Literal["text", "json", "junit", "markdown"]
_Command = TypeVar("_Command", bound=Callable[..., None])
_PROJECT = "dfplan_assets.project"
_FORMAT = "dfplan_assets.format"


@dataclass(frozen=True)
class Options:
    """The project's folder, and the form of the answer."""

    project: Path
    format: OutputFormat


def project_options(command: _Command) -> _Command:
    """Gives a command ``--project`` and ``--format``, which ``current_options`` tells.

    Standard output is that of the answer alone while the command runs: modules, functions and translators of
    the user's may print wherever they are imported or called.
    """
    return options_with_formats("text", "json")(command)


def options_with_formats(*formats: OutputFormat) -> Callable[[_Command], _Command]:
    """As ``project_options``, for a command that prints in these formats."""
    return lambda command: _with_options(command, formats)


def _with_options(command: _Command, formats: tuple[OutputFormat, ...]) -> _Command:
    project = click.option(
        "--project",
        metavar="DIR",
        expose_value=False,
        shell_complete=_folders,
        callback=_remember(_PROJECT),
        help="The folder with dfplan.yaml. Default: the current folder, then $DFPLAN_PROJECT, then the demo.",
    )
    output_format = click.option(
        "--format",
        type=click.Choice(formats),
        expose_value=False,
        callback=_remember(_FORMAT),
        help="How to print the answer. Default: text.",
    )

    @wraps(command)
    def run(*arguments: object, **options: object) -> None:
        with stdout_to_stderr():
            command(*arguments, **options)

    return project(output_format(cast(_Command, run)))


def current_options() -> Options:
    """The options of the command that runs: those after its name win over those before it."""
    given = click.get_current_context().meta
    return Options(
        project=project_folder(click.get_current_context()),
        format=given.get(_FORMAT, "text"),
    )


def project_folder(ctx: click.Context) -> Path:
    """The project's folder as far as a command line that is being written says it."""
    folder = ctx.meta.get(_PROJECT)
    return nearest_project() if folder is None else Path(folder)


def _folders(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(incomplete, type="dir")]


def _remember(key: str) -> Callable[[click.Context, click.Parameter, str | None], None]:
    def remember(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
        # ``meta`` is one for the command and the group before it, which is parsed first.
        if value is not None:
            ctx.meta[key] = value

    return remember
