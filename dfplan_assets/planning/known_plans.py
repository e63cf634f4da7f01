"""Plans from before: what was planned once is not planned again while nothing that decides it changed.

Planning itself keeps nothing: whoever plans a project may bring a ``KnownPlans`` and keep it.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

import pyarrow as pa

import dfplan_assets
from dfplan_assets.planning.bundle import Identity
from dfplan_assets.planning.lineage.model import Lineage
from dfplan_assets.planning.user_functions import UserFunction
from dfplan_assets.project.model import Engine, Project, View


@dataclass(frozen=True)
class KnownPlan:
    """A view's plan, with the hashes of all that decided it.

    ``names_key`` covers what decides which names its text resolves (``names``), ``plan_key`` what
    decides all the rest, which is what a ``ViewPlan`` holds beside the view itself.
    """

    names_key: str
    names: frozenset[str]
    plan_key: str
    lineage: Lineage
    schema: pa.Schema
    logical_plan: str
    identity: Identity


class KnownPlans(Protocol):
    """The plan that each view had when it was planned last."""

    def get(self, view: str) -> KnownPlan | None:
        """The last plan of a view; None where none is known."""

    def put(self, view: str, plan: KnownPlan) -> None:
        """A view has been planned anew."""


class NoKnownPlans:
    """Nothing is known, and nothing is kept."""

    def get(self, view: str) -> KnownPlan | None:
        """None."""
        return None

    def put(self, view: str, plan: KnownPlan) -> None:
        """Forgets it."""


def names_key(engine: Engine, view: View) -> str:
    """The hash of all that decides which table names a view's text resolves."""
    return _sha256([_code(), _engine(engine), view.sql])


def plan_key(
    project: Project,
    view: View,
    schemas: Mapping[str, pa.Schema],
    inlined: Mapping[str, Identity],
    functions: Collection[UserFunction] = (),
) -> str:
    """The hash of all that decides a view's plan against stand-in tables.

    ``schemas`` are those of all tables that its text names, ``inlined`` the identities of those
    among them that are not stored, ``functions`` those of the project that it calls.
    """
    params = project.params_of(view)
    return _sha256(
        [
            names_key(project.engine, view),
            view.is_virtual,
            repr(view.partitions),
            [
                [name, type(value).__name__, str(value), name in project.secret_params]
                for name, value in sorted(params.items())
            ],
            [[table, _schema_sha256(schema)] for table, schema in sorted(schemas.items())],
            [[table, identity.complete] for table, identity in sorted(inlined.items())],
            sorted(function.sha256 for function in functions),
        ]
    )


@functools.lru_cache(maxsize=4096)
def _schema_sha256(schema: pa.Schema) -> str:
    return hashlib.sha256(schema.serialize()).hexdigest()


def _engine(engine: Engine) -> list[object]:
    return [engine.target_partitions, sorted(engine.settings.items())]


@functools.lru_cache(maxsize=1)
def _code() -> str:
    """The hash of what plans: the engine's release and this package's own code, which may be edited."""
    root = Path(dfplan_assets.__file__).parent
    own = [
        [str(file.relative_to(root)), stat.st_size, stat.st_mtime_ns]
        for folder in ("planning", "project")
        for file in sorted((root / folder).rglob("*.py"))
        for stat in (file.stat(),)
    ]
    return _sha256([dfplan_assets.__version__, version("datafusion"), version("pyarrow"), own])


def _sha256(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
