"""Shell completion: ``dfplan completion``, and the names of views.

A shell asks at every press of the tab key, so that names are read from the files as they lie there: nothing
is checked, nothing is planned, and a project that cannot be read completes to nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import click
from click.shell_completion import CompletionItem, get_completion_class

from dfplan_assets.cli.options import project_folder

_SHELLS = ("bash", "zsh", "fish")
_HEAD_BYTES = 4_000
_NAME = re.compile(rb"""^name:\s*["']?([\w.-]+)""", re.MULTILINE)
_VIEWS = re.compile(r"""^views:\s*["']?([^"'#\n]+?)["']?\s*(?:#.*)?$""", re.MULTILINE)
_BEFORE_NAME = re.compile(r"(?:.*[\s(+])?", re.DOTALL)


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that teaches SHELL to complete commands, options and the names of views.

    \b
    bash:  eval "$(dfplan completion bash)"    in ~/.bashrc
    zsh:   eval "$(dfplan completion zsh)"     in ~/.zshrc
    fish:  dfplan completion fish | source     in ~/.config/fish/config.fish
    """
    made = get_completion_class(shell)
    assert made is not None  # click has one for each of these
    click.echo(made(ctx.find_root().command, {}, "dfplan", "_DFPLAN_COMPLETE").source())


def complete_view(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The views whose names begin as written."""
    return [CompletionItem(name) for name in _view_names(project_folder(ctx)) if name.startswith(incomplete)]


def complete_selection(
    ctx: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """As ``complete_view``, of the last name in a selection: what stands before it stays."""
    before = _BEFORE_NAME.match(incomplete)
    assert before is not None  # it matches an empty text
    return [
        CompletionItem(before.group() + name)
        for name in _view_names(project_folder(ctx))
        if name.startswith(incomplete[before.end() :])
    ]


def _view_names(project: Path) -> list[str]:
    """The names of a project's views, sorted: by their files, unless a front matter says otherwise."""
    try:
        said = _VIEWS.search((project / "dfplan.yaml").read_text(encoding="utf-8"))
        folder = project / ("views" if said is None else said.group(1))
        return sorted({_name(file) for file in _sql_files(folder)})
    except (OSError, ValueError):
        return []  # there is nobody to tell: what a completion prints becomes a part of the command


def _sql_files(folder: Path) -> Iterator[Path]:
    for current, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if name.lower().endswith(".sql") and not name.startswith("."):
                yield Path(current, name)


def _name(file: Path) -> str:
    with file.open("rb") as text:
        head = text.read(_HEAD_BYTES)
    start = re.match(rb"\s*/\*\s*---", head)
    said = None if start is None else _NAME.search(head.partition(b"*/")[0])
    return file.stem if said is None else said.group(1).decode()
