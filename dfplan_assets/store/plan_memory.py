"""The plans of a project's views as they were planned last, in a file beside the project.

A cache: it may be deleted at any time, and whatever is wrong with it costs only planning anew.

The file has a first line that names its format, then a line for each view: its name, a tab, and its
plan as JSON. It is replaced as a whole, so that readers see one that is complete.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import tempfile
from pathlib import Path

import pyarrow as pa

from dfplan_assets.planning.bundle import Identity, ProjectPlan
from dfplan_assets.planning.known_plans import KnownPlan
from dfplan_assets.planning.project_plan import plan_project
from dfplan_assets.project.model import Project
from dfplan_assets.store.bundle_format import lineage_of_json, lineage_to_json
from dfplan_assets.store.content import json_text

_FIRST_LINE = "dfplan planned 1"
_log = logging.getLogger(__name__)


class PlanMemory:
    """What is remembered of a project's plans; ``save`` keeps what is new."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lines = _read(file)
        self._decoded: dict[str, KnownPlan] = {}
        self._changed = False

    @classmethod
    def of(cls, project: Project) -> PlanMemory:
        """The memory of a project, empty where there is none or where it cannot be read."""
        return cls(project.root / ".dfplan" / "planned")

    def get(self, view: str) -> KnownPlan | None:
        """The last plan of a view; None where none is remembered."""
        if view not in self._decoded and view in self._lines:
            try:
                self._decoded[view] = _decode(self._lines[view])
            except (ValueError, TypeError, KeyError, pa.ArrowException) as error:
                _log.warning("%s: view %s is planned anew, its line is damaged: %s", self._file, view, error)
                del self._lines[view]
        return self._decoded.get(view)

    def put(self, view: str, plan: KnownPlan) -> None:
        """A view has been planned anew."""
        self._decoded[view] = plan
        self._lines[view] = _encode(plan)
        self._changed = True

    def save(self, project: Project) -> None:
        """Keep what was planned anew, forget views that are gone.

        A project that has never been run has no folder for this, and gets none: planning alone writes
        nothing. That the file cannot be written is logged, and no reason to stop.
        """
        if not self._file.parent.is_dir():
            return
        kept = {view: line for view, line in self._lines.items() if view in project.views}
        if not self._changed and len(kept) == len(self._lines):
            return
        text = "".join(f"{view}\t{line}\n" for view, line in kept.items())
        try:
            with tempfile.NamedTemporaryFile(
                "w", dir=self._file.parent, prefix="planned-", encoding="utf-8", delete=False
            ) as new:
                new.write(f"{_FIRST_LINE}\n{text}")
            os.replace(new.name, self._file)
            self._lines, self._changed = kept, False
        except OSError as error:
            _log.warning("%s: plans cannot be kept for the next time: %s", self._file, error)


def plan_remembered(project: Project, *, keep: bool, keep_going: bool = False) -> ProjectPlan:
    """``plan_project``, but for what is remembered; with ``keep``, what was planned anew is kept."""
    memory = PlanMemory.of(project)
    plan = plan_project(project, memory, keep_going=keep_going)
    if keep:
        memory.save(project)
    return plan


def _read(file: Path) -> dict[str, str]:
    try:
        first, *lines = file.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        _log.warning("%s: remembered plans cannot be read, all views are planned anew: %s", file, error)
        return {}
    if first != _FIRST_LINE:
        return {}
    return {view: line for view, tab, line in (line.partition("\t") for line in lines) if tab}


def _encode(plan: KnownPlan) -> str:
    identity = plan.identity
    return json_text(
        [
            plan.names_key,
            sorted(plan.names),
            plan.plan_key,
            lineage_to_json(plan.lineage),
            base64.b64encode(plan.schema.serialize()).decode(),
            plan.logical_plan,
            [dict(identity.parts), identity.fingerprint, identity.complete, identity.volatile_functions],
        ]
    )


def _decode(line: str) -> KnownPlan:
    names_key, names, plan_key, lineage, schema, logical_plan, identity = json.loads(line)
    parts, fingerprint, complete, volatile = identity
    return KnownPlan(
        names_key=names_key,
        names=frozenset(names),
        plan_key=plan_key,
        lineage=lineage_of_json(lineage),
        schema=pa.ipc.read_schema(pa.py_buffer(base64.b64decode(schema))),
        logical_plan=logical_plan,
        identity=Identity(parts, fingerprint, complete, tuple(volatile)),
    )
