"""What a check asks for, in words: wherever a person reads of one, it reads alike."""

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

_VALUES_SHOWN = 10


def rule_in_words(rule: Rule) -> str:
    """What a rule asks for, in a sentence.

    >>> rule_in_words(NotNull(("id", "customer")))
    'No row has a null in id or customer.'
    """
    if isinstance(rule, NotNull):
        return f"No row has a null in {' or '.join(rule.columns)}."
    if isinstance(rule, Unique):
        return f"No two rows have the same {' and '.join(rule.columns)}; nulls do not count."
    if isinstance(rule, AcceptedValues):
        shown = [
            repr(value) if isinstance(value, str) else str(value) for value in rule.values[:_VALUES_SHOWN]
        ]
        more = len(rule.values) - len(shown)
        listed = ", ".join(shown) + (f" and {more:,} more" if more else "")
        return f"Every {rule.column} is one of {listed}, or null."
    if isinstance(rule, Relationship):
        return f"Every {rule.column} is in {rule.to}.{rule.field}, or null."
    if isinstance(rule, RowCount):
        return f"There must be {row_count_in_words(rule)}."
    assert isinstance(rule, Expression)
    return f"For every row holds, or is null: {rule.predicate}"


def row_count_in_words(rule: RowCount) -> str:
    """How many rows there must be.

    >>> row_count_in_words(RowCount(1, None))
    'at least 1 row'
    """
    least, most = rule.minimum, rule.maximum
    if least == most:
        return f"exactly {least:,} rows" if least != 1 else "exactly 1 row"
    parts = [] if least is None else [f"at least {least:,}"]
    parts += [] if most is None else [f"at most {most:,}"]
    last = most if most is not None else least
    return f"{' and '.join(parts)} row{'' if last == 1 else 's'}"
