"""Functions that a project adds to SQL: what each is called and means, and how sessions get them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from dfplan_assets.planning.sql_text import tokens

if TYPE_CHECKING:  # commands that only read must not import the engine
    from datafusion import AggregateUDF, ScalarUDF, SessionContext, TableFunction, WindowUDF

    Handle = ScalarUDF | AggregateUDF | WindowUDF | TableFunction

FunctionKind = Literal["scalar", "aggregate", "window", "table"]
Volatility = Literal["immutable", "stable or volatile", "not declared"]

FUNCTIONS = "functions"
"""The name of the environment's part that holds the functions a project adds."""


@dataclass(frozen=True)
class UserFunction:
    """A function of a module under ``extends:``.

    ``name`` is what SQL calls it. ``parameters`` and ``returns`` are types as DataFusion writes them; a table
    function has none of its own. DataFusion tells ``immutable`` functions from all others; a table function
    declares nothing, and what its body reads is not known. ``body_sha256`` is the hash of what it does,
    over all it calls. ``module`` and ``line`` say where it stands; the line is None where it is made in a way
    that no single place shows. ``notices`` say in words what of it the hash cannot cover.
    """

    name: str
    kind: FunctionKind
    parameters: tuple[str, ...]
    returns: str
    volatility: Volatility
    body_sha256: str
    module: str
    line: int | None
    notices: tuple[str, ...]
    handle: Handle | None = field(default=None, compare=False, repr=False)

    @property
    def signature(self) -> str:
        """Name and types as people write them: ``vat(Float64) -> Float64``."""
        if self.kind == "table":
            return f"{self.name}(…) -> table"
        return f"{self.name}({', '.join(self.parameters)}) -> {self.returns}"

    @property
    def place(self) -> str:
        """Where it stands: ``shop_functions:12``."""
        return self.module if self.line is None else f"{self.module}:{self.line}"

    @property
    def file(self) -> str:
        """How the path of the file ends in which its module stands."""
        return f"{self.module.replace('.', '/')}.py"

    @property
    def meaning(self) -> list[object]:
        """All of it that decides results, for hashing."""
        return [self.name, self.kind, self.parameters, self.returns, self.volatility, self.body_sha256]

    @property
    def sha256(self) -> str:
        """The hash of all of it that decides results."""
        return hashlib.sha256(json.dumps(self.meaning).encode()).hexdigest()


@dataclass(frozen=True)
class UserFunctions:
    """The functions that a project adds, in the order of their names."""

    functions: tuple[UserFunction, ...] = ()

    def __iter__(self) -> Iterator[UserFunction]:
        return iter(self.functions)

    def __len__(self) -> int:
        return len(self.functions)

    @cached_property
    def by_name(self) -> Mapping[str, UserFunction]:
        """The functions by name."""
        return {each.name: each for each in self.functions}

    def called(self, names: Collection[str]) -> tuple[UserFunction, ...]:
        """Those among the functions that a query calls."""
        return tuple(each for each in self.functions if each.name in names)

    def tables_called(self, sql: str) -> tuple[UserFunction, ...]:
        """The table functions among them that a SQL text names; whether it calls them, a planner knows."""
        words = {token.value for token in tokens(sql) if token.kind in ("word", "quoted name")}
        named = words | {word.lower() for word in words}
        return tuple(each for each in self.functions if each.kind == "table" and each.name in named)

    def register(self, ctx: SessionContext) -> None:
        """Makes the functions known to a session."""
        for each in self.functions:
            assert each.handle is not None
            if each.kind == "scalar":
                ctx.register_udf(each.handle)  # type: ignore[arg-type]  # as its kind says
            elif each.kind == "aggregate":
                ctx.register_udaf(each.handle)  # type: ignore[arg-type]
            elif each.kind == "window":
                ctx.register_udwf(each.handle)  # type: ignore[arg-type]
            else:
                ctx.register_udtf(each.handle)  # type: ignore[arg-type]


NO_FUNCTIONS = UserFunctions()


def recorded_functions(environment: Collection[tuple[str, str]]) -> dict[str, UserFunction]:
    """The functions that an environment recorded, by name; ``environment`` has parts as name and content."""
    content = next((content for name, content in environment if name == FUNCTIONS), "[]")
    return {each.name: each for each in functions_of_rows(json.loads(content))}


def functions_to_rows(functions: Collection[UserFunction]) -> list[list[object]]:
    """Functions as rows of the environment's part ``functions``."""
    return [
        [
            each.name,
            each.kind,
            list(each.parameters),
            each.returns,
            each.volatility,
            each.body_sha256,
            each.module,
            each.line,
            list(each.notices),
        ]
        for each in functions
    ]


def functions_of_rows(rows: Collection[list[object]]) -> tuple[UserFunction, ...]:
    """What ``functions_to_rows`` wrote, without the functions themselves."""
    found = []
    for name, kind, parameters, returns, volatility, body, module, line, notices in rows:
        found.append(
            UserFunction(
                name=name,  # type: ignore[arg-type]  # as it was written
                kind=kind,  # type: ignore[arg-type]
                parameters=tuple(parameters),  # type: ignore[arg-type]
                returns=returns,  # type: ignore[arg-type]
                volatility=volatility,  # type: ignore[arg-type]
                body_sha256=body,  # type: ignore[arg-type]
                module=module,  # type: ignore[arg-type]
                line=line,  # type: ignore[arg-type]
                notices=tuple(notices),  # type: ignore[arg-type]
            )
        )
    return tuple(found)
