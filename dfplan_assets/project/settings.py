"""What ``dfplan.yaml`` says beside sources and parameters: folders, store, engine, planning."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from dfplan_assets.errors import ProjectError
from dfplan_assets.project.document import Node
from dfplan_assets.project.model import (
    DataVersionPolicy,
    Engine,
    Golden,
    PlanChecks,
    Planning,
    Scheduling,
)

DEFAULT_VIEWS = "views"
DEFAULT_OUTPUT = "warehouse"
DEFAULT_STORE = "sqlite:///.dfplan/plans.db"
DEFAULT_KEEP_RESULTS = 3
DEFAULT_GOLDENS = "goldens"

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_SQLITE = re.compile(r"(sqlite(?:\+\w+)?:///)(?!/)([^?]+)(\?.*)?")
_MODULE = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_BYTES = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)")
_UNIT_BYTES = {
    "b": 1,
    "kb": 1000,
    "mb": 1000**2,
    "gb": 1000**3,
    "tb": 1000**4,
    "kib": 1024,
    "mib": 1024**2,
    "gib": 1024**3,
    "tib": 1024**4,
}
_SUBSTRAIT: tuple[Literal["required", "preferred"], ...] = ("required", "preferred")
_VALIDATE: tuple[Literal["off", "decode", "execute"], ...] = ("off", "decode", "execute")
_ORDER: tuple[Literal["measured", "static", "off"], ...] = ("measured", "static", "off")
_MODE: tuple[Literal["shared", "multiprocess"], ...] = ("shared", "multiprocess")
_LEVEL: tuple[Literal["meaning", "plan"], ...] = ("meaning", "plan")
_CHECK: tuple[Literal["off", "warn", "block"], ...] = ("off", "warn", "block")
_DATA_VERSION: tuple[DataVersionPolicy, ...] = ("inputs", "content")
_Word = TypeVar("_Word", bound=str)
_TARGET_PARTITIONS = "datafusion.execution.target_partitions"


@dataclass(frozen=True)
class Folders:
    """Absolute folders of a project: where its views are, where results go."""

    views: Path
    output: str


def read_folders(root: Path, entries: Mapping[str, Node]) -> Folders:
    """Reads ``views`` and ``output``.

    Raises ProjectError where they would overlap: publishing replaces folders below the output.
    """
    views = Path(os.path.abspath(root / (entries["views"].text() if "views" in entries else DEFAULT_VIEWS)))
    node = entries.get("output")
    written = DEFAULT_OUTPUT if node is None else node.text()
    if node is not None and _URL.match(written):
        raise node.wrong(
            f"output is a URL ({_URL.match(written).group()}…), but results are published into folders only",  # type: ignore[union-attr]
            "Name a folder, as in output: warehouse.",
        )
    output = Path(os.path.abspath(root / written))
    if node is not None and (root.is_relative_to(output) or _overlap(output, views)):
        raise node.wrong(
            f"output is {output}, which holds the project's own files",
            "Name a folder of its own for results, as in output: warehouse.",
        )
    return Folders(views, str(output))


def read_store(root: Path, node: Node | None) -> str:
    """Reads ``store``, a SQLAlchemy URL; a relative SQLite path is one in the project's folder.

    Never shows the URL, which may hold a password.
    """
    written = DEFAULT_STORE if node is None else node.text()
    if node is not None and not _URL.match(written):
        raise node.wrong(
            "store is no SQLAlchemy URL",
            f"Write it as {DEFAULT_STORE}, or as postgresql+psycopg://user:password@host/database.",
        )
    sqlite = _SQLITE.fullmatch(written)
    if sqlite is None or sqlite.group(2) == ":memory:" or sqlite.group(2).startswith("file:"):
        return written
    scheme, path, query = sqlite.groups(default="")
    return f"{scheme}{os.path.abspath(root / path)}{query}"


def read_keep_results(node: Node | None) -> int:
    """Reads ``keep_results``: how many last results of each view are kept, at least 1."""
    return DEFAULT_KEEP_RESULTS if node is None else node.whole_number(minimum=1)


def read_engine(node: Node | None) -> Engine:
    """Reads ``engine``; whether DataFusion knows a setting is found out when it is set."""
    entries = {} if node is None else node.entries(known=("target_partitions", "memory_limit", "settings"))
    partitions = entries.get("target_partitions")
    limit = entries.get("memory_limit")
    settings = {
        name: _setting(name, entry)
        for name, entry in (entries["settings"].entries() if "settings" in entries else {}).items()
    }
    if partitions is not None and _TARGET_PARTITIONS in settings:
        raise partitions.wrong(
            f"engine.target_partitions and engine.settings.{_TARGET_PARTITIONS} say the same thing",
            "Remove one of them.",
        )
    return Engine(
        target_partitions=None if partitions is None else partitions.whole_number(minimum=1),
        memory_limit_bytes=None if limit is None else _memory_limit(limit),
        settings=settings,
    )


def read_planning(node: Node | None) -> Planning:
    """Reads ``planning``: Substrait is required and decoded again, unless it says otherwise."""
    entries = {} if node is None else node.entries(known=("substrait", "validate", "verbose"))
    return Planning(
        substrait=_choice(entries, "substrait", _SUBSTRAIT, "required"),
        validate=_choice(entries, "validate", _VALIDATE, "decode"),
        verbose=entries["verbose"].boolean() if "verbose" in entries else False,
    )


def read_scheduling(node: Node | None) -> Scheduling:
    """Reads ``scheduling``: how runs are ordered and how many views run at once."""
    known = ("order", "mode", "max_concurrent", "history_runs", "group_below_seconds")
    entries = {} if node is None else node.entries(known=known)
    default = Scheduling()
    return Scheduling(
        order=_choice(entries, "order", _ORDER, default.order),
        mode=_choice(entries, "mode", _MODE, default.mode),
        max_concurrent=entries["max_concurrent"].whole_number(minimum=1)
        if "max_concurrent" in entries
        else None,
        history_runs=entries["history_runs"].whole_number(minimum=1)
        if "history_runs" in entries
        else default.history_runs,
        group_below_seconds=_seconds(entries["group_below_seconds"])
        if "group_below_seconds" in entries
        else default.group_below_seconds,
    )


def read_golden(root: Path, node: Node | None) -> Golden:
    """Reads ``golden``: the folder of golden plans, below the project's, and what counts as drift."""
    entries = {} if node is None else node.entries(known=("folder", "level"))
    written = entries["folder"].text() if "folder" in entries else DEFAULT_GOLDENS
    folder = Path(os.path.abspath(root / written))
    if folder == root or root.is_relative_to(folder):
        raise entries["folder"].wrong(
            f"golden.folder is {folder}, which holds the project's own files",
            "Name a folder of its own, as in golden: {folder: goldens}.",
        )
    return Golden(folder, _choice(entries, "level", _LEVEL, "plan"))


def read_plan_checks(node: Node | None) -> PlanChecks:
    """Reads ``checks``: which asset checks every view gets."""
    names = ("plan_drift", "plan_regression", "result_schema")
    entries = {} if node is None else node.entries(known=names)
    drift, regression, schema = (_choice(entries, name, _CHECK, "off") for name in names)
    return PlanChecks(plan_drift=drift, plan_regression=regression, result_schema=schema)


def read_data_version(node: Node) -> DataVersionPolicy:
    """Reads ``data_version`` of a view or a project: what makes a result count as another one."""
    return _choice({"data_version": node}, "data_version", _DATA_VERSION, "inputs")


def read_extends(node: Node | None) -> tuple[str, ...]:
    """Reads ``extends``: dotted names of Python modules, imported by those who need them."""
    modules: list[str] = []
    for item in () if node is None else node.items():
        module = item.text()
        if "/" in module or module.endswith(".py"):
            name = module.removesuffix(".py").strip("./").replace("/", ".")
            raise item.wrong(
                f"{module!r} is a path and cannot be the name of a Python module",
                f"Write it as an import does: {name}."
                if _MODULE.fullmatch(name)
                else "Write it as an import does.",
            )
        if not _MODULE.fullmatch(module):
            raise item.wrong(
                f"{module!r} cannot be the name of a Python module",
                "Write it as an import does: shop.functions.",
            )
        if module in modules:
            raise item.wrong(f"the module {module} stands twice in extends", "Remove one of them.")
        modules.append(module)
    return tuple(modules)


def read_translator(node: Node | None) -> str | None:
    """Reads ``translator``: ``module:name``, imported by what makes Dagster's definitions."""
    if node is None:
        return None
    written = node.text()
    module, colon, name = written.partition(":")
    if not colon or not _MODULE.fullmatch(module) or not name.isidentifier():
        raise node.wrong(
            f"{written!r} names no translator", "Write module:name, as in shop_translator:ShopTranslator."
        )
    return written


def read_name(root: Path, node: Node | None) -> str:
    """Reads ``name``; the folder's name where there is none."""
    return (root.name or "project") if node is None else node.text().strip()


def no_project(root: Path) -> ProjectError:
    """The error for a folder that holds no ``dfplan.yaml``."""
    if root.is_file():
        return ProjectError(
            str(root), "this is a file, not a project's folder", f"Name {root.parent} instead."
        )
    if not root.is_dir():
        return ProjectError(str(root), "there is no such folder", "Name the folder that holds dfplan.yaml.")
    for other in ("dfplan.yml", "dfplan.YAML", "Dfplan.yaml"):
        if (root / other).is_file():
            return ProjectError(str(root), f"it holds {other}, but no dfplan.yaml", f"Rename {other}.")
    return ProjectError(
        str(root),
        "it holds no dfplan.yaml, so it is no project",
        "Name the folder that holds dfplan.yaml, or write one: name: and sources: are enough to begin.",
    )


def _choice(entries: Mapping[str, Node], key: str, choices: tuple[_Word, ...], default: _Word) -> _Word:
    if key not in entries:
        return default
    chosen = entries[key].choice(choices)
    return next(word for word in choices if word == chosen)


def _seconds(node: Node) -> float:
    value = node.scalar()
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise node.expected("a number of seconds, 0 or more", "Write it as in group_below_seconds: 0.05.")
    return float(value)


def _overlap(a: Path, b: Path) -> bool:
    return a.is_relative_to(b) or b.is_relative_to(a)


def _setting(name: str, node: Node) -> str:
    if not name.startswith("datafusion."):
        raise node.wrong(
            f"{name} is no setting of DataFusion",
            "Their names begin with datafusion., as in datafusion.execution.batch_size.",
        )
    value = node.scalar()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | str):
        return str(value)
    raise node.expected("text, a number, true or false", "Put it in quotes.")


def _memory_limit(node: Node) -> int:
    """Bytes; units of 1000 (kB, MB, GB, TB) and of 1024 (KiB, MiB, GiB, TiB)."""
    if isinstance(node.value, int) and not isinstance(node.value, bool):
        return node.whole_number(minimum=1)
    match = _BYTES.fullmatch(node.value.strip()) if isinstance(node.value, str) else None
    unit = None if match is None else _UNIT_BYTES.get((match.group(2) or "b").lower())
    if match is None or unit is None:
        raise node.wrong(
            f"{node.key} is no amount of memory", "Write a number of bytes, or one with a unit: 512MB, 4GiB."
        )
    limit = round(float(match.group(1)) * unit)
    if limit < 1:
        raise node.wrong(f"{node.key} must be at least one byte", "Choose a larger amount, as in 4GiB.")
    return limit
