"""Finding the functions in the modules under ``extends:``."""

from __future__ import annotations

import logging
import re
import types
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING

from datafusion import AggregateUDF, ScalarUDF, SessionConfig, SessionContext, WindowUDF
from datafusion import TableFunction as TableUDF

from dfplan_assets.errors import ProjectError
from dfplan_assets.planning.extensions import load_extensions, shown_name
from dfplan_assets.planning.function_bodies import body_of
from dfplan_assets.planning.user_functions import (
    NO_FUNCTIONS,
    FunctionKind,
    UserFunction,
    UserFunctions,
    Volatility,
)
from dfplan_assets.project.model import Project

if TYPE_CHECKING:
    from dfplan_assets.planning.user_functions import Handle

_KINDS: Mapping[type, FunctionKind] = {
    ScalarUDF: "scalar",
    AggregateUDF: "aggregate",
    WindowUDF: "window",
    TableUDF: "table",
}
_NAME = re.compile(r"[a-z_][a-z_0-9]*")
_PLANNER_WORDS = frozenset({"outer_ref"})
_log = logging.getLogger(__name__)


def user_functions(project: Project) -> UserFunctions:
    """The functions that a project's modules add to SQL, none where ``extends:`` names none.

    A function is what DataFusion's ``udf``, ``udaf``, ``udwf`` and ``udtf`` make, as functions or as
    decorators, wherever a module has it under a name. Raises ProjectError as ``load_extensions`` does, for a
    name that two functions have, one that DataFusion's own has, one that SQL cannot say, and a table function
    of a table's name.
    """
    where = f"{project.root / 'dfplan.yaml'}: extends"
    found = functions_of_modules(where, load_extensions(project))
    for function in found:
        if function.kind == "table" and function.name in {*project.views, *project.sources}:
            what = "view" if function.name in project.views else "source"
            raise ProjectError(
                where,
                f"the table function {function.name} ({function.place}) has the name of a {what}",
                "Rename one of them: the planner does not say which of the two a query names.",
            )
    return found


@lru_cache(maxsize=16)
def functions_of_modules(where: str, modules: tuple[ModuleType, ...]) -> UserFunctions:
    """The functions of some modules; ``where`` is what errors name. Raises as ``user_functions`` does."""
    found: dict[str, tuple[Handle, ModuleType, str]] = {}
    for module in modules:
        for attribute, handle in _handles(module):
            name = _name(handle)
            known = found.setdefault(name, (handle, module, attribute))
            if not _same(known[0], handle):
                raise _twice(where, name, known[1:], (module, attribute))
    if not found:
        return NO_FUNCTIONS
    ctx = SessionContext(SessionConfig().with_information_schema(True))
    taken = _engine_names(ctx)
    for name, (_, module, attribute) in found.items():
        _check_name(where, name, f"{shown_name(module)}.{attribute}", taken)
    bare = {name: (_kind(handle), handle) for name, (handle, _, _) in found.items()}
    signatures = _signatures(ctx, bare)
    functions = []
    for name, (handle, module, attribute) in sorted(found.items()):
        kind = _kind(handle)
        body = body_of(module, attribute)
        parameters, returns, volatility = signatures[name]
        functions.append(
            UserFunction(
                name=name,
                kind=kind,
                parameters=parameters,
                returns=returns,
                volatility=volatility,
                body_sha256=body.sha256,
                module=body.module,
                line=body.line,
                notices=body.notices,
                handle=handle,
            )
        )
        for notice in body.notices:
            _log.warning("function %s: %s", name, notice)
    return UserFunctions(tuple(functions))


def _handles(module: ModuleType) -> Iterator[tuple[str, Handle]]:
    """The functions of a module by the names that it has them under."""
    for attribute, value in list(vars(module).items()):
        if (
            isinstance(value, types.FunctionType)
            and value.__globals__.get("__name__") == "datafusion.user_defined"
        ):
            # A decorator of DataFusion's leaves a plain function that holds the real one.
            for cell in value.__closure__ or ():
                if type(cell.cell_contents) in _KINDS:
                    yield attribute, cell.cell_contents
        elif type(value) in _KINDS:
            yield attribute, value


def _kind(handle: Handle) -> FunctionKind:
    return _KINDS[type(handle)]


def _name(handle: Handle) -> str:
    if isinstance(handle, TableUDF):  # it shows its name in no other way
        return repr(handle).removeprefix("TableUDF(").removesuffix(")")
    return handle.name


def _inner(handle: Handle) -> object:
    (inner,) = vars(handle).values()
    return inner


def _same(one: Handle, other: Handle) -> bool:
    return _inner(one) is _inner(other)


def _signatures(
    ctx: SessionContext,
    functions: Mapping[str, tuple[FunctionKind, Handle]],
) -> dict[str, tuple[tuple[str, ...], str, Volatility]]:
    """Of each function the types of its parameters, that of its result, and its volatility."""
    UserFunctions(
        tuple(
            UserFunction(name, kind, (), "", "immutable", "", "", None, (), handle)
            for name, (kind, handle) in functions.items()
        )
    ).register(ctx)
    names = ", ".join(f"'{name}'" for name in functions)
    parameters: dict[str, list[str]] = {}
    results: dict[str, str] = {}
    for row in ctx.sql(
        "SELECT specific_name, parameter_mode, data_type FROM information_schema.parameters "
        f"WHERE specific_name IN ({names}) ORDER BY rid, ordinal_position"
    ).to_pylist():
        name, kind = row["specific_name"], row["data_type"]
        if row["parameter_mode"] == "IN":
            parameters.setdefault(name, []).append(kind)
        else:
            results[name] = kind
    volatility: dict[str, Volatility] = {
        row["routine_name"]: "immutable" if row["is_deterministic"] else "stable or volatile"
        for row in ctx.sql(
            "SELECT routine_name, is_deterministic FROM information_schema.routines "
            f"WHERE routine_name IN ({names})"
        ).to_pylist()
    }
    return {
        name: (
            tuple(parameters.get(name, ())),
            results.get(name, "table"),
            "not declared" if kind == "table" else volatility[name],
        )
        for name, (kind, _) in functions.items()
    }


def _engine_names(ctx: SessionContext) -> frozenset[str]:
    """The names of the functions that a session has, in lower case."""
    tables = ctx.sql(
        "SELECT routine_name FROM information_schema.routines WHERE function_type = 'TABLE'"
    ).to_pylist()
    names = [*ctx.udfs(), *ctx.udafs(), *ctx.udwfs(), *(row["routine_name"] for row in tables)]
    return frozenset(name.lower() for name in names)


def _check_name(where: str, name: str, place: str, taken: Collection[str]) -> None:
    if name.lower() in taken:
        raise ProjectError(
            where,
            f"the function {place} has the name of one of DataFusion's own: {name}",
            "Give it another name; a view that means the engine's function would get this one.",
        )
    if not _NAME.fullmatch(name) or name in _PLANNER_WORDS:
        raise ProjectError(
            where,
            f"the function {place} has the name {name!r}, by which SQL cannot call it as it stands",
            "Give it a name of small letters, digits and underscores: SQL reads Total(x) as total(x).",
        )


def _twice(where: str, name: str, one: tuple[ModuleType, str], other: tuple[ModuleType, str]) -> ProjectError:
    places = " and ".join(f"{shown_name(module)}.{attribute}" for module, attribute in (one, other))
    return ProjectError(where, f"two functions have the name {name}: {places}", "Rename one of them.")
