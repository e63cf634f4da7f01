"""What is known of a function that a query calls: its signatures, its steadiness, its source."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from datafusion import SessionConfig, SessionContext

from dfplan_assets.planning.user_functions import UserFunction


@dataclass(frozen=True)
class FunctionFacts:
    """A function as the engine knows it.

    ``signatures`` is the SHA-256 of all its parameter and result types. ``deterministic`` is False
    where two calls with the same arguments can differ: ``now()``, ``random()``. ``source`` is the
    SHA-256 of the body of a function in Python; None for the engine's own.
    """

    signatures: str
    deterministic: bool
    source: str | None


@functools.lru_cache(maxsize=1)
def engine_functions() -> Mapping[str, FunctionFacts]:
    """The functions that DataFusion brings, by name."""
    ctx = SessionContext(SessionConfig().with_information_schema(True))
    # A table function of the name of a scalar one says nothing of its own; alone, nothing is known of it.
    routines = ctx.sql(
        "SELECT routine_name, bool_and(is_deterministic OR function_type = 'TABLE') "
        "AND NOT bool_and(function_type = 'TABLE') FROM information_schema.routines GROUP BY routine_name"
    ).to_arrow_table()
    parameters = ctx.sql(
        "SELECT specific_name, parameter_mode, ordinal_position, data_type, is_variadic, rid "
        "FROM information_schema.parameters"
    ).to_arrow_table()
    signatures: dict[str, list[list[object]]] = {}
    for name, *rest in zip(*(column.to_pylist() for column in parameters.columns), strict=True):
        signatures.setdefault(name, []).append(rest)
    deterministic = dict(zip(*(column.to_pylist() for column in routines.columns), strict=True))
    return {
        name: FunctionFacts(
            signatures=_sha256(json.dumps(sorted(map(json.dumps, signatures.get(name, []))))),
            deterministic=steady,
            source=None,
        )
        for name, steady in deterministic.items()
    }


def facts_of(function: UserFunction) -> FunctionFacts:
    """A function that a project adds, as identities have it."""
    return FunctionFacts(
        signatures=_sha256(json.dumps([function.kind, function.parameters, function.returns])),
        deterministic=function.volatility != "stable or volatile",
        source=function.body_sha256,
    )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
