"""The complete golden file of a view: written from a bundle, read back as a side of a comparison."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from dfplan_assets.errors import GoldenError
from dfplan_assets.golden.columns import columns_of_json, columns_to_json
from dfplan_assets.golden.sealed import restoring, sealed, text_sha256, unsealed
from dfplan_assets.planning.bundle import BoundParameter, EnvironmentPart, Identity, PlanBundle
from dfplan_assets.planning.diff import PlanFacts
from dfplan_assets.planning.identity import default_settings, engine_version
from dfplan_assets.planning.inlining import INLINED
from dfplan_assets.planning.user_functions import FUNCTIONS, functions_of_rows, functions_to_rows
from dfplan_assets.store.bundle_format import lineage_of_json, lineage_to_json


@dataclass(frozen=True)
class GoldenPlan:
    """A golden plan as read.

    ``physical_inputs`` is the hash of all that decided its physical plan, ``review_sha256`` that of
    the short file beside it.
    """

    facts: PlanFacts
    physical_inputs: str
    review_sha256: str


def golden_text(bundle: PlanBundle, physical_inputs: str, review: str) -> str:
    """The complete file of a view whose plan is ``bundle`` and whose short file is ``review``."""
    identity, substrait = bundle.identity, bundle.substrait
    rows = environment_rows(bundle.environment)
    tables = bundle.lineage.required_columns
    functions = {*bundle.lineage.functions}
    inlined = {name for each in rows.get(INLINED, []) for name in each["lineage"]["functions"]}
    own = [_without_line(row) for row in rows.get(FUNCTIONS, []) if row[0] in functions | inlined]
    message = None if substrait.message is None else sha256(substrait.message).hexdigest()
    return sealed(
        {
            "view": bundle.view,
            "fingerprint": identity.fingerprint,
            "complete": identity.complete,
            "parts": dict(identity.parts),
            "volatile_functions": list(identity.volatile_functions),
            "engine": dict(rows["versions"])["datafusion"],
            "settings": {
                name: value for name, value in rows["df_settings"] if default_settings().get(name) != value
            },
            "physical_inputs": physical_inputs,
            "review": text_sha256(review),
            "substrait": {
                "sha256": message,
                "refusal": substrait.refusal,
                "extension_nodes": list(substrait.extension_nodes),
            },
            "parameters": [[each.name, each.type, each.value] for each in bundle.parameters],
            "output": columns_to_json(bundle.schema),
            "lineage": lineage_to_json(bundle.lineage),
            "input_columns": [row for row in rows["columns"] if row[2] in tables.get(_table(row), ())],
            "inlined": rows.get(INLINED, []),
            "functions": [row for row in rows["routines"] if row[0] in functions],
            "function_parameters": [row for row in rows["parameters"] if row[0] in functions],
            **({"user_functions": own} if own else {}),
            "sql": _lines(bundle.sql),
            "logical_plan": _lines(bundle.logical_plan),
            "optimized_plan": _lines(bundle.optimized_plan),
            "physical_plan": _lines(bundle.physical_plan),
            "tree": _lines(bundle.tree_refusal or bundle.tree),
            "rules": [[rule.phase, rule.rule] for rule in bundle.rules or ()],
        }
    )


def environment_rows(environment: Sequence[EnvironmentPart]) -> dict[str, list[Any]]:
    """The rows of each part of an environment, by its name."""
    return {part.name: _parsed(part.content) for part in environment}


@lru_cache(maxsize=8)
def _parsed(content: str) -> list[Any]:
    # All views of a project share one environment, which is large.
    return list(json.loads(content))


def read_golden(text: str, file: Path, view: str) -> GoldenPlan:
    """The golden plan that a text is. Raises GoldenError where it is none, or that of another view."""
    document = unsealed(text, file, view)
    try:
        found = GoldenPlan(_facts(document), document["physical_inputs"], document["review"])
    except (KeyError, TypeError, ValueError) as error:
        raise GoldenError(
            str(file),
            f"it lacks what a golden plan has, or has it in another form: {type(error).__name__}: {error}",
            restoring(view),
        ) from error
    if found.facts.view != view:
        raise GoldenError(
            str(file),
            f"it is the golden plan of the view {found.facts.view}, not of {view}",
            restoring(view),
        )
    return found


def _facts(document: Mapping[str, Any]) -> PlanFacts:
    sql = "\n".join(document["sql"])
    settings = document["settings"]
    if document["engine"] == engine_version():
        # Those of the engine's own that were left out; of another release they are not known.
        settings = {**default_settings(), **settings}
    return PlanFacts(
        view=document["view"],
        sql=sql,
        logical_plan="\n".join(document["logical_plan"]),
        schema=columns_of_json(document["output"]),
        lineage=lineage_of_json(document["lineage"]),
        identity=Identity(
            dict(document["parts"]),
            document["fingerprint"],
            document["complete"],
            tuple(document["volatile_functions"]),
        ),
        parameters=tuple(BoundParameter(*each) for each in document["parameters"]),
        environment=(
            _part("versions", [["datafusion", document["engine"]]]),
            _part("df_settings", sorted(settings.items())),
            _part("columns", document["input_columns"]),
            _part("routines", document["functions"]),
            _part("parameters", document["function_parameters"]),
            *([_part(FUNCTIONS, document["user_functions"])] if "user_functions" in document else []),
            *([_part(INLINED, document["inlined"])] if document["inlined"] else []),
        ),
        physical_plan="\n".join(document["physical_plan"]),
    )


def _part(name: str, rows: Sequence[Any]) -> EnvironmentPart:
    content = json.dumps(rows)
    return EnvironmentPart(name, content, text_sha256(content))


def _without_line(row: Sequence[Any]) -> list[Any]:
    """A function that the project adds, without the line that it stands in, which any edit above it moves."""
    return functions_to_rows([replace(each, line=None) for each in functions_of_rows([list(row)])])[0]


def _table(row: Sequence[str]) -> str:
    schema, table = row[0], row[1]
    return table if schema == "public" else f"{schema}.{table}"


def _lines(text: str) -> list[str]:
    return text.split("\n")
