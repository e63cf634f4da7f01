"""What a plan is, in parts, so that a change can be told apart by its cause.

Each part hashes only what can affect the view at hand: a new column upstream that it does not read,
another view's function, a setting for speed leave it as it is.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Mapping, Set
from dataclasses import replace
from importlib.metadata import version

import pyarrow as pa
from datafusion import DataFrame, SessionConfig, SessionContext

from dfplan_assets.planning import meaning as meanings
from dfplan_assets.planning.bundle import RESULT_PARTS, Identity
from dfplan_assets.planning.functions import FunctionFacts
from dfplan_assets.planning.lineage.model import Lineage
from dfplan_assets.planning.physical_text import normalised_physical_plan
from dfplan_assets.planning.sql_text import parameter_names
from dfplan_assets.project.model import ParameterValue
from dfplan_assets.project.partitions import PARTITION_PARAMETERS, Partitions

# Settings of these kinds change how fast rows come out, how plans are shown, or how text is parsed
# and files get their columns: the last two show in the parts meaning and inputs.
_SETTINGS_ELSEWHERE = (
    "datafusion.catalog.",
    "datafusion.execution.",
    "datafusion.explain.",
    "datafusion.format.",
    "datafusion.optimizer.",
    "datafusion.runtime.",
    "datafusion.sql_parser.",
)
# Those among them that change which rows come out, or their types, and show nowhere else.
_SETTINGS_FOR_RESULTS = frozenset(
    {
        "datafusion.execution.enable_ansi_mode",
        "datafusion.execution.listing_table_factory_infer_partitions",
        "datafusion.execution.listing_table_ignore_subdirectory",
        "datafusion.execution.time_zone",
        "datafusion.optimizer.expand_views_at_output",
    }
)


def identify(
    template: DataFrame,
    sql: str,
    *,
    params: Mapping[str, ParameterValue],
    lineage: Lineage,
    schemas: Mapping[str, pa.Schema],
    functions: Mapping[str, FunctionFacts],
    settings: Mapping[str, str],
    inlined: Mapping[str, Identity] | None = None,
    partitions: Partitions | None = None,
    physical_plan: str | None = None,
) -> Identity:
    """The identity of a view.

    ``template`` is the view's query ``sql`` as planned, its parameters still placeholders.
    ``params`` may hold more than the query names, ``schemas`` (of its direct inputs)
    and ``functions`` (of the session) more than it uses. ``settings`` are those of the project that
    differ from DataFusion's own. ``inlined`` are the identities of those direct inputs that are not stored
    but inlined: the part ``inlined`` is there when there are any, so that what they mean decides too.
    The part ``partitions`` is there for a partitioned view: what its keys mean. The values of one partition
    are in no part. The part ``physical`` is there when a physical plan is given, as ``display_indent`` text.
    """
    inlined = inlined or {}
    volatile = {name for name in lineage.functions if name in functions and not functions[name].deterministic}
    volatile.update(name for identity in inlined.values() for name in identity.volatile_functions)
    parts = {
        "meaning": meanings.meaning(template, sql),
        "parameters": _parameters_part(params, sql, frozenset()),
        "inputs": _sha256(
            [
                [table, [[column, str(schemas[table].field(column).type)] for column in sorted(columns)]]
                for table, columns in sorted(lineage.required_columns.items())
            ]
        ),
        "functions": _sha256([[name, _facts(functions.get(name))] for name in lineage.functions]),
        "settings": _sha256(sorted(settings_for_results(settings).items())),
        "engine": _sha256({"datafusion": engine_version(), "form": meanings.FORM}),
    }
    if inlined:
        parts["inlined"] = _inlined_part(inlined)
    if partitions is not None:
        parts["partitions"] = _sha256(list(partitions.meaning))
    identity = _identity(parts, volatile)
    return identity if physical_plan is None else with_physical(identity, physical_plan)


def without_secret_values(
    identity: Identity,
    sql: str,
    params: Mapping[str, ParameterValue],
    secret: Set[str],
    inlined: Mapping[str, Identity],
) -> Identity:
    """An identity that says nothing of the values of secret parameters, for where anyone may read it.

    ``inlined`` are the identities, without such values, of those direct inputs that are not stored. A
    hash of a short secret is as good as the secret to whoever tries them all.
    """
    parts = dict(identity.parts)
    if secret & set(parameter_names(sql)):
        parts["parameters"] = _parameters_part(params, sql, secret)
    if inlined:
        parts["inlined"] = _inlined_part(inlined)
    return _identity(parts, identity.volatile_functions)


def _identity(parts: Mapping[str, str], volatile: Iterable[str]) -> Identity:
    return Identity(
        parts=parts,
        fingerprint=_sha256([[name, parts[name]] for name in RESULT_PARTS if name in parts]),
        complete=_sha256(sorted(parts.items())),
        volatile_functions=tuple(sorted(volatile)),
    )


def _inlined_part(inlined: Mapping[str, Identity]) -> str:
    return _sha256([[table, inlined[table].fingerprint] for table in sorted(inlined)])


def _parameters_part(params: Mapping[str, ParameterValue], sql: str, secret: Set[str]) -> str:
    unsaid = {*secret, *PARTITION_PARAMETERS}
    return _sha256(
        [
            [name, type(params[name]).__name__, None if name in unsaid else str(params[name])]
            for name in sorted(parameter_names(sql))
        ]
    )


def with_physical(identity: Identity, physical_plan: str) -> Identity:
    """An identity with the part ``physical``, of a physical plan as ``display_indent`` text."""
    normalised = normalised_physical_plan(physical_plan, folded=bool(identity.volatile_functions))
    parts = {**identity.parts, "physical": _sha256(normalised)}
    return replace(identity, parts=parts, complete=_sha256(sorted(parts.items())))


def without_physical(identity: Identity) -> Identity:
    """An identity without the part ``physical``, as a view has it that is planned over stand-ins."""
    parts = {name: value for name, value in identity.parts.items() if name != "physical"}
    return _identity(parts, identity.volatile_functions)


def settings_for_results(settings: Mapping[str, str]) -> dict[str, str]:
    """The settings that can change results and differ from DataFusion's own values.

    A setting of an unknown kind counts as one.
    """
    defaults = default_settings()
    return {
        key: value
        for key, value in settings.items()
        if defaults.get(key) != value
        and (key in _SETTINGS_FOR_RESULTS or not key.startswith(_SETTINGS_ELSEWHERE))
    }


@functools.lru_cache(maxsize=1)
def engine_version() -> str:
    """The release of DataFusion that plans."""
    return version("datafusion")  # reads and parses a file


@functools.lru_cache(maxsize=1)
def default_settings() -> Mapping[str, str | None]:
    """DataFusion's own settings by name."""
    ctx = SessionContext(SessionConfig().with_information_schema(True))
    table = ctx.sql("SELECT name, value FROM information_schema.df_settings").to_arrow_table()
    return dict(zip(table.column("name").to_pylist(), table.column("value").to_pylist(), strict=True))


def _facts(facts: FunctionFacts | None) -> list[object] | None:
    return None if facts is None else [facts.signatures, facts.deterministic, facts.source]


def _sha256(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
