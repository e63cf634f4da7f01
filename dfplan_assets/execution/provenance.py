"""What a result is made of: the data versions of its inputs, and its own."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence

from dfplan_assets.execution.content_version import content_version
from dfplan_assets.execution.publication import Provenance, Publication
from dfplan_assets.execution.source_versions import SourceVersion
from dfplan_assets.planning.bundle import RESULT_PARTS, ProjectPlan
from dfplan_assets.planning.sql_text import parameter_names

_SHORT_CHARACTERS = 12
_INLINED = "inlined"
_FUNCTION = "function"


def provenance_of(
    plan: ProjectPlan,
    view: str,
    results: Mapping[str, Publication],
    sources: Mapping[str, SourceVersion],
    files: Sequence[str],
) -> Provenance:
    """The provenance of a view's new result in ``files``, made of these results and sources."""
    identity = plan.views[view].identity
    inputs = {
        **{table: result.data_version for table, result in results.items()},
        **{table: source.version for table, source in sources.items()},
    }
    inputs = dict(sorted(inputs.items()))
    if plan.project.data_version_of(plan.project.views[view]) == "content":
        version = content_version(files)
    elif identity.volatile_functions or None in inputs.values():
        version = uuid.uuid4().hex  # nobody can say that it is the same result
    else:
        version = _sha256([identity.fingerprint, list(inputs.items())])
    return Provenance(
        fingerprint=identity.fingerprint,
        data_version=version,
        inputs=inputs,
        identity=identity_parts(plan, view),
        sources={table: source.parts for table, source in sorted(sources.items())},
    )


def identity_parts(plan: ProjectPlan, view: str) -> dict[str, str]:
    """Short hashes of the parts that decide a view's results, of each function of the project that it calls,
    and of each view that is inlined into it.

    Left out are the parameters of a view that binds a secret one, and such views that are inlined.
    """
    parts = plan.views[view].identity.parts
    # A short hash of a short secret is as good as the secret to whoever tries them all.
    kept_out = {_INLINED, *(["parameters"] if _has_secrets(plan, view) else [])}
    found = {
        name: parts[name][:_SHORT_CHARACTERS]
        for name in RESULT_PARTS
        if name in parts and name not in kept_out
    }
    inlined = {
        f"{_INLINED} {name}": plan.views[name].identity.fingerprint[:_SHORT_CHARACTERS]
        for name in plan.inlined_views(view)
        if not _has_secrets(plan, name)
    }
    functions = {
        f"{_FUNCTION} {each.name}": each.sha256[:_SHORT_CHARACTERS]
        for each in plan.functions.called(plan.views[view].lineage.functions)
    }
    return {**found, **functions, **inlined}


def _has_secrets(plan: ProjectPlan, view: str) -> bool:
    return not plan.project.secret_params.isdisjoint(parameter_names(plan.views[view].view.sql))


def _sha256(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
