"""The IO manager that view assets bring along, so that definitions with views in them need not name one."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from weakref import WeakValueDictionary

import dagster as dg

from dfplan_assets.execution.published_tables import IO_MANAGER_KEY
from dfplan_assets.orchestration.io_manager import DfplanIOManager
from dfplan_assets.orchestration.table_keys import tables_by_key
from dfplan_assets.orchestration.translator import DfplanTranslator
from dfplan_assets.planning.bundle import ProjectPlan


@dataclass(frozen=True)
class BundledIOManager:
    """An IO manager under a key that only the views of one project use.

    Dagster wants all assets of a job to have the very same object under one key, and refuses a resource for
    an asset that brings one along under its key. So two projects have two keys, and ``dfplan_io_manager``
    stays free for what definitions name themselves.
    """

    key: str
    resources: Mapping[str, dg.ResourceDefinition]

    def on(self, spec: dg.AssetSpec) -> dg.AssetSpec:
        """The asset, with its result handed out by this."""
        return spec.with_io_manager_key(self.key)


_known: WeakValueDictionary[str, dg.ResourceDefinition] = WeakValueDictionary()


def bundled_io_manager(plan: ProjectPlan, translator: DfplanTranslator) -> BundledIOManager:
    """The IO manager of a project's views under these keys: the same one as long as any asset has it.

    What it does follows from nothing but what its key is made of.
    """
    tables = tables_by_key(plan.project, translator.get_asset_key)
    project = plan.project
    content = [
        [
            str(project.root),
            project.output,
            project.keep_results,
            repr(project.engine),
            repr(project.sources),
        ],
        sorted([key.to_user_string(), table] for key, table in tables.items()),
        [[name, repr(view.partitions)] for name, view in project.views.items()],
    ]
    key = f"{IO_MANAGER_KEY}_{hashlib.sha256(json.dumps(content).encode()).hexdigest()[:8]}"
    resource = _known.get(key)
    if resource is None:
        resource = dg.IOManagerDefinition.hardcoded_io_manager(DfplanIOManager(plan, translator))
        _known[key] = resource
    return BundledIOManager(key, {key: resource})


@contextmanager
def bundling() -> Iterator[None]:
    """Without Dagster's notice, for each asset with resources of its own, that these may still change."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        yield
