"""What is known of a function that a query calls: its signatures, its steadiness, its source."""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import json
import textwrap
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from datafusion import SessionConfig, SessionContext

from dfplan_assets.planning.user_functions import UserFunction

_CONSTANTS = (bool, int, float, complex, str, bytes, type(None))


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
    return session_functions(SessionContext(SessionConfig().with_information_schema(True)), {})


def session_functions(
    ctx: SessionContext, bodies: Mapping[str, Callable[..., object]]
) -> Mapping[str, FunctionFacts]:
    """The functions of a session that has an ``information_schema``, by name.

    ``bodies`` are the functions and accumulator classes behind those that are written in Python.
    """
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
            source=source_sha256(bodies[name]) if name in bodies else None,
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


def source_sha256(body: Callable[..., object]) -> str:
    """The SHA-256 of what a Python function or class does.

    Comments, layout and docstrings don't count. Functions of the same package that it calls, the
    constants it reads, its defaults and what it closes over do. A body without source counts as its
    compiled code; one that is not written in Python as its name.
    """
    return _sha256(json.dumps(_content(body, set())))


def _content(body: object, seen: set[int]) -> list[object]:
    if id(body) in seen:
        return ["seen"]
    seen.add(id(body))
    if isinstance(body, functools.partial):
        return ["partial", _content(body.func, seen), repr(body.args), repr(sorted(body.keywords.items()))]
    if inspect.ismethod(body):
        return ["method", _content(body.__func__, seen)]
    if inspect.isclass(body):
        members = [member for _, member in sorted(vars(body).items()) if inspect.isfunction(member)]
        return ["class", _source(body), [_used(member, seen) for member in members]]
    if inspect.isfunction(body):
        return ["function", _source(body), _used(body, seen)]
    call = vars(type(body)).get("__call__")
    if inspect.isfunction(call):
        return ["object", _content(type(body), seen), repr(sorted(vars(body).items()))]
    return ["foreign", getattr(body, "__module__", None), getattr(body, "__qualname__", repr(type(body)))]


def _source(body: type | types.FunctionType) -> str:
    """The syntax tree of a body without docstrings; of a body without source, its compiled code."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(body)))
    except (OSError, TypeError, SyntaxError):  # SyntaxError: a lambda cut out of its statement
        if isinstance(body, types.FunctionType):
            return _compiled(body.__code__)
        return body.__qualname__
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


def _compiled(code: types.CodeType) -> str:
    constants = [
        _compiled(constant) if isinstance(constant, types.CodeType) else repr(constant)
        for constant in code.co_consts
    ]
    return json.dumps([code.co_code.hex(), constants, code.co_names])


def _used(function: types.FunctionType, seen: set[int]) -> list[object]:
    """What a function takes from around it: defaults, closure, and names of its own package."""
    package = function.__module__.split(".")[0]
    found: list[object] = [repr(function.__defaults__), repr(function.__kwdefaults__)]
    for cell in function.__closure__ or ():
        found.append(_value(cell.cell_contents, package, seen))
    for name in sorted(_names(function.__code__)):
        if name in function.__globals__:
            found.append([name, _value(function.__globals__[name], package, seen)])
    return found


def _value(value: object, package: str, seen: set[int]) -> object:
    if isinstance(value, _CONSTANTS):
        return repr(value)
    if isinstance(value, (list, tuple, set, frozenset, dict)):
        return repr(sorted(map(repr, value.items() if isinstance(value, dict) else value)))
    module = getattr(value, "__module__", None) or ""
    if callable(value) and module.split(".")[0] == package:
        return _content(value, seen)
    return [module, getattr(value, "__qualname__", type(value).__qualname__)]


def _names(code: types.CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names(constant)
    return names


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
