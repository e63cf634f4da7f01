"""Values that queries name as ``$name``: single values, dates and times as YAML writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dfplan_assets.project.document import Node
from dfplan_assets.project.model import ParameterValue
from dfplan_assets.project.partitions import PARTITION_PARAMETERS

_NAME = re.compile(r"[^\W\d]\w*")
_INT64 = range(-(2**63), 2**63)


@dataclass(frozen=True)
class Parameters:
    """Values by name, and the names of those that are secret."""

    values: Mapping[str, ParameterValue]
    secret: frozenset[str]


def read_parameters(node: Node) -> Parameters:
    """Reads ``params:`` of dfplan.yaml: ``name: value``, or ``name: {value: x, secret: true}``."""
    values: dict[str, ParameterValue] = {}
    secret: set[str] = set()
    for name, entry in node.entries().items():
        _check_name(name, entry)
        value = entry
        if isinstance(entry.value, Mapping):
            parts = entry.entries(known=("value", "secret"))
            if "value" not in parts:
                raise entry.wrong(f"{entry.key} has no value", "Write it as {value: 1994, secret: true}.")
            value = parts["value"]
            if "secret" in parts and parts["secret"].boolean():
                secret.add(name)
        values[name] = _value(value)
    return Parameters(values, frozenset(secret))


def read_view_parameters(node: Node) -> Mapping[str, ParameterValue]:
    """Reads ``params:`` of a front matter: ``name: value``, nothing secret."""
    values: dict[str, ParameterValue] = {}
    for name, entry in node.entries().items():
        _check_name(name, entry)
        if isinstance(entry.value, Mapping):
            raise entry.expected(
                "a single value",
                "Write name: value. A secret parameter is declared in dfplan.yaml, not in a view.",
            )
        values[name] = _value(entry)
    return values


def _check_name(name: str, entry: Node) -> None:
    if not _NAME.fullmatch(name):
        raise entry.wrong(
            f"{name!r} cannot be the name of a parameter",
            "Use letters, digits and underscores, with no digit first: queries name it as $name.",
        )
    _refuse_reserved(name, entry)


def _refuse_reserved(name: str, entry: Node) -> None:
    if name in PARTITION_PARAMETERS:
        raise entry.wrong(
            f"the parameter {name} is that of partitions",
            f"Rename it: ${name} has the value of the partition that a view with partitions: is run for.",
        )


def _value(node: Node) -> ParameterValue:
    if isinstance(node.value, tuple | Mapping):
        raise node.expected(
            "a single value", "A list has no place in a parameter: use one parameter for each value."
        )
    value = node.scalar()
    if isinstance(value, int) and value not in _INT64:
        raise node.wrong(
            f"{node.key} does not fit into 64 bits", "Write it as text, and cast it in the query."
        )
    return value
