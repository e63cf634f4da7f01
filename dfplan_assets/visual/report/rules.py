"""The data checks of a view in words."""

from __future__ import annotations

from dfplan_assets.project.data_checks import (
    AcceptedValues,
    Expression,
    NotNull,
    Relationship,
    RowCount,
    Rule,
    Unique,
)


def rule_in_words(rule: Rule) -> str:
    """What a rule asks for.

    >>> rule_in_words(NotNull(("id", "customer")))
    'id, customer: never null'
    >>> rule_in_words(RowCount(1, None))
    'at least 1 row'
    """
    match rule:
        case NotNull(columns):
            return f"{', '.join(columns)}: never null"
        case Unique(columns):
            return f"{', '.join(columns)}: no two rows alike"
        case AcceptedValues(column, values):
            return f"{column}: one of {', '.join(map(str, values))}"
        case Relationship(column, to, field):
            return f"{column}: stands in {to}.{field}"
        case RowCount(minimum, maximum):
            return " and ".join(_bounds(minimum, maximum))
        case Expression(predicate):
            return f"every row: {predicate}"


def _bounds(minimum: int | None, maximum: int | None) -> list[str]:
    bounds = (("at least", minimum), ("at most", maximum))
    return [f"{words} {_rows(bound)}" for words, bound in bounds if bound is not None]


def _rows(count: int) -> str:
    return f"{count:,} row" + ("" if count == 1 else "s")
