"""Views: the ``.sql`` files of a project, found, read and checked one by one."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from dfplan_assets.errors import ProjectError, ViewError
from dfplan_assets.project.automation import read_automation, read_freshness
from dfplan_assets.project.check_settings import read_checks
from dfplan_assets.project.document import Document, Node, decode, read_document
from dfplan_assets.project.front_matter import is_blank_sql, split_front_matter
from dfplan_assets.project.model import Backfill, Materialized, View
from dfplan_assets.project.names import canonical_name
from dfplan_assets.project.parameters import read_view_parameters
from dfplan_assets.project.partition_settings import read_partitions
from dfplan_assets.project.settings import read_data_version

_KEYS = (
    "name",
    "description",
    "owners",
    "tags",
    "params",
    "priority",
    "materialized",
    "data_version",
    "partitions",
    "backfill",
    "automation",
    "freshness",
    "checks",
)
_OF_STORED_VIEWS = {"automation", "freshness", "checks"}
_MATERIALIZED: tuple[Materialized, ...] = ("table", "view")
_BACKFILL: tuple[Backfill, ...] = ("multi_run", "single_run")

# Dagster's pools rank by priority too and want it small.
_MAX_PRIORITY = 1000

# What Dagster accepts, so that a project that loads here does not fail there.
_NOT_IN_GROUP = re.compile(r"[^A-Za-z0-9_]")
_EMAIL = re.compile(r"\b[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}")
_TEAM = re.compile(r"team:.+")
_TAG_KEY = re.compile(r"(?:[A-Za-z0-9_.-]{1,63}/)?[A-Za-z0-9_.-]{1,63}")
_TAG_VALUE = re.compile(r"[A-Za-z0-9_.-]{0,63}")


def read_views(folder: Path, sources: Collection[str], where: str) -> dict[str, View]:
    """Reads all views below a folder, sorted by name.

    ``sources`` are the names that are taken, ``where`` says which project this is. Raises
    ProjectError where the folder is missing or holds no view, ViewError for a view that cannot
    be used, or whose name is that of a source or of another view.
    """
    if not folder.is_dir():
        raise ProjectError(
            where, f"there is no folder {folder} for views", "Make it, or name another one with views:."
        )
    views: dict[str, View] = {}
    for path in sql_files(folder):
        view = read_view(path, folder)
        if view.name in views:
            raise ViewError(
                view.where,
                f"two views have the name {view.name}: this one and {views[view.name].path}",
                "Rename one of the files, or give it another name: in its front matter.",
            )
        if view.name in sources:
            raise ViewError(
                view.where,
                f"the source {view.name} in dfplan.yaml has the same name",
                "Rename the view or the source: one name stands for one table.",
            )
        views[view.name] = view
    if not views:
        raise ProjectError(
            where, f"the folder {folder} holds no .sql file", "Write a view, or name another folder."
        )
    return dict(sorted(views.items()))


def sql_files(folder: Path) -> Iterator[Path]:
    """The ``.sql`` files below a folder, in order of their paths.

    Hidden files and folders are left out. Links to folders are followed, each folder is entered
    once, so links in a circle end.
    """
    seen: set[str] = set()

    def walk(current: Path) -> Iterator[Path]:
        real = os.path.realpath(current)
        if real in seen:
            return
        seen.add(real)
        for entry in sorted(current.iterdir()):
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                yield from walk(entry)
            elif entry.suffix.lower() == ".sql":
                yield entry

    try:
        yield from walk(folder)
    except OSError as problem:
        raise ProjectError(
            str(problem.filename or folder),
            f"the folder cannot be read: {problem.strerror}",
            "Correct its rights.",
        ) from problem


def read_view(path: Path, folder: Path) -> View:
    """Reads one file below the folder of views. Raises ViewError where it cannot be used."""
    document = Document(path, ViewError, f"view {path.stem}")
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise ViewError(
            document.where(),
            f"the file cannot be read: {problem.strerror}",
            "Correct its rights, or the link.",
        ) from problem
    sql = decode(document, content)
    options, first_line = _options(document, sql)
    name = _name(document, options.get("name"), path)
    named = Document(path, ViewError, f"view {name}", first_line)
    if is_blank_sql(sql):
        raise ViewError(named.where(), "the file holds no query", "Write one SELECT, or remove the file.")
    _check_partitions(options)
    materialized = _materialized(options["materialized"]) if "materialized" in options else "table"
    if materialized == "view":
        for key in _OF_STORED_VIEWS & options.keys():
            raise options[key].wrong(
                f"{key} has no use in a view that is not stored: it never runs",
                f"Remove {key}, or materialized: view.",
            )
    description = options.get("description")
    return View(
        name=name,
        path=path,
        sql=sql,
        group=_group(path.parent.relative_to(folder)),
        description=None if description is None else description.text().strip(),
        owners=_owners(options["owners"]) if "owners" in options else (),
        tags=_tags(options["tags"]) if "tags" in options else {},
        params=read_view_parameters(options["params"]) if "params" in options else {},
        priority=_priority(options["priority"]) if "priority" in options else None,
        materialized=materialized,
        partitions=read_partitions(options["partitions"]) if "partitions" in options else None,
        backfill=_backfill(options["backfill"]) if "backfill" in options else "multi_run",
        data_version=read_data_version(options["data_version"]) if "data_version" in options else None,
        automation=read_automation(options["automation"]) if "automation" in options else None,
        freshness=read_freshness(options["freshness"]) if "freshness" in options else None,
        checks=read_checks(options["checks"]) if "checks" in options else (),
    )


def _options(document: Document, sql: str) -> tuple[Mapping[str, Node], int]:
    try:
        front_matter = split_front_matter(sql)
    except ValueError as problem:
        raise ViewError(
            document.where(1),
            str(problem),
            "End it with a line --- */, or begin an ordinary comment without ---.",
        ) from problem
    if front_matter is None:
        return {}, 1
    inside = Document(document.path, ViewError, document.subject, front_matter.first_line)
    return read_document(inside, front_matter.yaml).entries(known=_KEYS), front_matter.first_line


def _name(document: Document, node: Node | None, path: Path) -> str:
    written = path.stem if node is None else node.text()
    try:
        return canonical_name(written)
    except ValueError as problem:
        raise ViewError(
            document.where(None if node is None else node.line),
            f"{written!r} cannot be the name of a view: {problem}",
            "Rename the file." if node is None else "Correct name:, as in revenue or marts.revenue.",
        ) from problem


def _group(below: Path) -> str | None:
    """The folders between the views' folder and the file, as a group's name in Dagster."""
    return "_".join(_NOT_IN_GROUP.sub("_", part) for part in below.parts) or None


def _priority(node: Node) -> int:
    value = node.scalar()
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _MAX_PRIORITY:
        raise node.expected(
            f"a whole number from -{_MAX_PRIORITY} to {_MAX_PRIORITY}", "Higher runs first; 0 is the default."
        )
    return value


def _materialized(node: Node) -> Materialized:
    chosen = node.choice(_MATERIALIZED)
    return next(known for known in _MATERIALIZED if known == chosen)


def _backfill(node: Node) -> Backfill:
    chosen = node.choice(_BACKFILL)
    return next(known for known in _BACKFILL if known == chosen)


def _check_partitions(options: Mapping[str, Node]) -> None:
    if "partitions" not in options:
        if "backfill" in options:
            raise options["backfill"].wrong(
                "the view has backfill, but no partitions", "Declare partitions:, or take backfill: out."
            )
        return
    if "materialized" in options and _materialized(options["materialized"]) == "view":
        raise options["partitions"].wrong(
            "the view has partitions, but is not stored (materialized: view)",
            "Take one of the two out: what is inlined has no results of its own.",
        )


def _owners(node: Node) -> tuple[str, ...]:
    owners = []
    for item in node.items():
        owner = item.text()
        if not _EMAIL.fullmatch(owner) and not _TEAM.fullmatch(owner):
            raise item.wrong(
                f"{owner!r} is no owner", "Write an e-mail address, or a team as in team:finance."
            )
        owners.append(owner)
    return tuple(owners)


def _tags(node: Node) -> dict[str, str]:
    tags: dict[str, str] = {}
    for key, entry in node.entries().items():
        value = entry.scalar()
        if isinstance(value, bool):
            value = "true" if value else "false"
        text = "" if value is None else str(value)
        if not _TAG_KEY.fullmatch(key) or not _TAG_VALUE.fullmatch(text):
            raise entry.wrong(
                f"{key}: {text} is no tag",
                "Tags are of letters, digits, _ - and ., each at most 63; a key may have one / in it.",
            )
        tags[key] = text
    return tags
