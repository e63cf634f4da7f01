"""Reading ``checks:`` of a front matter: what a view's rows must be."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping

from dfplan_assets.project.data_checks import (
    AcceptedValues,
    CheckedValue,
    CheckSeverity,
    DataCheck,
    Expression,
    NotNull,
    Relationship,
    RowCount,
    Rule,
    Unique,
)
from dfplan_assets.project.document import Node
from dfplan_assets.project.names import canonical_name
from dfplan_assets.project.suggestions import did_you_mean

_OPTIONS = ("name", "blocking", "severity")
_SEVERITY: tuple[CheckSeverity, ...] = ("error", "warn")
_NAME = re.compile(r"[A-Za-z0-9_]+")
_NOT_IN_NAME = re.compile(r"[^A-Za-z0-9_]+")
_LONGEST_NAME = 100
_TAKEN = ("plan_drift", "plan_regression", "result_schema")
"""The checks that a project may ask for of all its views."""


def read_checks(node: Node) -> tuple[DataCheck, ...]:
    """The checks that a view declares, in the order of the file, each under a name of its own.

    Raises the document's error where one cannot be used.
    """
    items = node.items()
    read = [_read(item) for item in items]
    named: dict[str, int] = {}
    for item, (_, entries) in zip(items, read, strict=True):
        if "name" in entries:
            name = _name(entries["name"])
            if name in named:
                raise entries["name"].wrong(
                    f"two checks have the name {name}: in line {named[name]} and in line {item.line}",
                    "Give one of them another name.",
                )
            named[name] = item.line
    taken = {*named, *_TAKEN}
    checks = []
    for item, (rule, entries) in zip(items, read, strict=True):
        name = entries["name"].text() if "name" in entries else _unused(default_name(rule), taken)
        taken.add(name)
        checks.append(
            DataCheck(
                name=name,
                rule=rule,
                blocking=entries["blocking"].boolean() if "blocking" in entries else False,
                severity=_severity(entries),
                where=item.document.where(item.line),
            )
        )
    return tuple(checks)


def default_name(rule: Rule) -> str:
    """The name of a check that is given none.

    >>> default_name(NotNull(("id", "customer")))
    'not_null_id_customer'
    """
    parts: tuple[str, ...]
    if isinstance(rule, NotNull):
        parts = ("not_null", *rule.columns)
    elif isinstance(rule, Unique):
        parts = ("unique", *rule.columns)
    elif isinstance(rule, AcceptedValues):
        parts = ("accepted_values", rule.column)
    elif isinstance(rule, Relationship):
        parts = ("relationships", rule.column, rule.to)
    else:
        parts = ("row_count" if isinstance(rule, RowCount) else "expression",)
    return _NOT_IN_NAME.sub("_", "_".join(parts))[:_LONGEST_NAME]


def _unused(name: str, taken: set[str]) -> str:
    """The name, with the first number from 2 on that makes it another one than those that are taken."""
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name}_{number}"
    return found


def _read(item: Node) -> tuple[Rule, Mapping[str, Node]]:
    """The rule of one entry, and the entry."""
    entries = item.entries()
    for key, entry in entries.items():
        if key not in _RULES and key not in _OPTIONS:
            raise entry.wrong(f"unknown key {entry.key}", did_you_mean(key, (*_RULES, *_OPTIONS), "keys"))
    rules = [key for key in entries if key in _RULES]
    if not rules:
        raise item.wrong(
            f"{item.key} says no rule", f"Write one of {', '.join(_RULES)}, as in - not_null: [id]."
        )
    if len(rules) > 1:
        raise entries[rules[1]].wrong(
            f"{item.key} has several rules: {', '.join(rules)}",
            "Write a check for each, with a - of its own.",
        )
    return _RULES[rules[0]](entries[rules[0]]), entries


def _name(node: Node) -> str:
    name = node.text()
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise node.wrong(
            f"{name!r} cannot be the name of a check",
            f"Names are of letters, digits and _, at most {_LONGEST_NAME}.",
        )
    if name in _TAKEN:
        raise node.wrong(
            f"{name} is the name of a check that dfplan.yaml turns on for all views",
            "Choose another name.",
        )
    return name


def _severity(entries: Mapping[str, Node]) -> CheckSeverity:
    if "severity" not in entries:
        return "error"
    chosen = entries["severity"].choice(_SEVERITY)
    if chosen == "warn" and "blocking" in entries and entries["blocking"].boolean():
        raise entries["severity"].wrong(
            "a check that blocks has the severity warn, but what only warns stops nothing",
            "Take blocking: true or severity: warn out.",
        )
    return next(known for known in _SEVERITY if known == chosen)


def _columns(node: Node) -> tuple[str, ...]:
    if isinstance(node.value, str):
        return (node.text(),)
    columns: list[str] = []
    for item in node.items():
        column = item.text()
        if column in columns:
            raise item.wrong(f"the column {column} stands twice in {node.key}", "Remove one of them.")
        columns.append(column)
    if not columns:
        raise node.wrong(f"{node.key} names no column", "Name one, as in [id], or remove the check.")
    return tuple(columns)


def _parts(node: Node, keys: tuple[str, ...], example: str) -> Mapping[str, Node]:
    """A mapping that has all of these keys."""
    if not isinstance(node.value, Mapping):
        raise node.expected("a mapping", f"Write it as in {example}.")
    entries = node.entries(known=keys)
    for key in keys:
        if key not in entries:
            raise node.wrong(f"{node.key} has no {key}", f"Write it as in {example}.")
    return entries


def _accepted_values(node: Node) -> AcceptedValues:
    entries = _parts(node, ("column", "values"), "{column: status, values: [open, shipped]}")
    values: list[CheckedValue] = []
    for item in entries["values"].items():
        value = item.scalar()
        if value is None:
            raise item.wrong(
                f"{entries['values'].key} holds null, which is always accepted",
                "Remove it; with not_null on the column no null is.",
            )
        if isinstance(value, float) and not math.isfinite(value):
            raise item.wrong(
                f"{entries['values'].key} holds {value}, which is no value to compare with",
                "Write an expression, as in expression: not isnan(x).",
            )
        if any(type(known) is type(value) and known == value for known in values):
            raise item.wrong(f"{value!r} stands twice in {entries['values'].key}", "Remove one of them.")
        values.append(value)
    if not values:
        raise entries["values"].wrong(
            f"{entries['values'].key} is empty", "List the values, as in values: [open, shipped]."
        )
    return AcceptedValues(entries["column"].text(), tuple(values))


def _relationship(node: Node) -> Relationship:
    entries = _parts(node, ("column", "to", "field"), "{column: customer, to: customers, field: id}")
    written = entries["to"].text()
    try:
        to = canonical_name(written)
    except ValueError as problem:
        raise entries["to"].wrong(
            f"{written!r} cannot be a view or source: {problem}", "Name one, as in to: customers."
        ) from problem
    return Relationship(entries["column"].text(), to, entries["field"].text())


def _row_count(node: Node) -> RowCount:
    entries = node.entries(known=("min", "max"))
    bounds = {key: entry.whole_number(minimum=0) for key, entry in entries.items()}
    if not bounds:
        raise node.wrong(f"{node.key} has no bound", "Write min, max or both, as in {min: 1, max: 1000}.")
    least, most = bounds.get("min"), bounds.get("max")
    if least is not None and most is not None and least > most:
        raise node.wrong(
            f"{node.key} has a min of {least} and a max of {most}: no number is both", "Swap them."
        )
    return RowCount(least, most)


_RULES: Mapping[str, Callable[[Node], Rule]] = {
    "not_null": lambda node: NotNull(_columns(node)),
    "unique": lambda node: Unique(_columns(node)),
    "accepted_values": _accepted_values,
    "relationships": _relationship,
    "row_count": _row_count,
    "expression": lambda node: Expression(node.text().strip()),
}
