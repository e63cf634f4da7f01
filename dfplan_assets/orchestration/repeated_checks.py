"""Results of checks that stand again, since neither the result nor the check is another one.

A run that takes a view's last result materialises it anew to Dagster, and a check without a result for the
last materialisation counts as never made: one that blocks would block nothing. So the last result of a
check is given again, which costs a look at Dagster's event log and no scan.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from dfplan_assets.execution.publication import Publication
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.check_queries import CheckQuery, PlannedChecks
from dfplan_assets.planning.functions import engine_functions
from dfplan_assets.planning.sql_text import tokens

EVALUATED = "dfplan/evaluated"
"""The key in a check's metadata under which stands what it was made of."""

_TOLD = (AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED)
_LOOKED_AT = 5  # results that this run and ones that were cut short have planned stand before the last one


def evaluated_of(plan: ProjectPlan, planned: PlannedChecks, publication: Publication) -> Mapping[str, str]:
    """A hash for each check of all that decides its result.

    None of those that read another table, and of those whose expression calls a function that gives another
    value at another time.
    """
    found = {}
    for query in planned.queries:
        names = {token.value.lower() for token in tokens(query.failing or "") if token.kind == "word"}
        known = engine_functions()
        if query.table is None and all(known[name].deterministic for name in names & known.keys()):
            functions = [each.sha256 for each in plan.functions if each.name.lower() in names]
            found[query.check.name] = _hash(query, planned, publication, functions)
    return found


def repeated(
    instance: dg.DagsterInstance, key: dg.AssetKey, evaluated: Mapping[str, str]
) -> list[dg.AssetCheckResult]:
    """The last results of those checks that were made of the very same."""
    found = []
    for name, made_of in evaluated.items():
        records = instance.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(key, name), limit=_LOOKED_AT
        )
        last = next((record.evaluation for record in records if record.status in _TOLD), None)
        if isinstance(last, dg.AssetCheckEvaluation):
            told = last.metadata.get(EVALUATED)
            if told is not None and told.value == made_of:
                found.append(
                    dg.AssetCheckResult(
                        passed=last.passed,
                        asset_key=key,
                        check_name=name,
                        severity=last.severity,
                        description=last.description,
                        metadata=last.metadata,
                    )
                )
    return found


def _hash(
    query: CheckQuery, planned: PlannedChecks, publication: Publication, functions: Sequence[str]
) -> str:
    check = query.check
    content = [
        publication.version,
        publication.files,
        publication.partition_key,
        repr(check.rule),
        check.blocking,
        check.severity,
        query.failing,
        functions,
        sorted((name, repr(value)) for name, value in planned.params.items()),
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
