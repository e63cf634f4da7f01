"""The plan artifact store: every bundle and every run, for good.

    with open_store("sqlite:///.dfplan/plans.db") as store:
        key = store.put_bundle(bundle, at=planned_at)
        store.put_run(RunRecord(view=bundle.view, status="succeeded", started_at=…, bundle_key=key))
        store.history(bundle.view)

A ``Recorder`` does the same during a materialisation, which no failure of the store may disturb.
"""

from __future__ import annotations

from dfplan_assets.execution.profile import InputSize
from dfplan_assets.store.bundle_format import TopologyFigures, topology_figures
from dfplan_assets.store.database import upgrade_store
from dfplan_assets.store.queue import Drained, Queue
from dfplan_assets.store.record import (
    AcceptanceRecord,
    BundleRecord,
    Collected,
    PredictionRecord,
    RunRecord,
    RunSummary,
    ScheduleRecord,
    Status,
    StoreInfo,
    Upgraded,
)
from dfplan_assets.store.recorder import Recorded, Recorder
from dfplan_assets.store.store import Store, find_store, open_store

__all__ = [
    "AcceptanceRecord",
    "BundleRecord",
    "Collected",
    "Drained",
    "InputSize",
    "PredictionRecord",
    "Queue",
    "Recorded",
    "Recorder",
    "RunRecord",
    "RunSummary",
    "ScheduleRecord",
    "Status",
    "Store",
    "StoreInfo",
    "TopologyFigures",
    "Upgraded",
    "find_store",
    "open_store",
    "topology_figures",
    "upgrade_store",
]
