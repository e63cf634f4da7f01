"""What a view's rows must be: the checks of its front matter, as values."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

CheckSeverity = Literal["error", "warn"]
CheckedValue = bool | int | float | str | Decimal | datetime.date | datetime.datetime


@dataclass(frozen=True)
class NotNull:
    """No row has a null in any of these columns."""

    columns: tuple[str, ...]


@dataclass(frozen=True)
class Unique:
    """No two rows have the same values in these columns; rows with a null among them do not count."""

    columns: tuple[str, ...]


@dataclass(frozen=True)
class AcceptedValues:
    """Every value of the column is one of these, or null."""

    column: str
    values: tuple[CheckedValue, ...]


@dataclass(frozen=True)
class Relationship:
    """Every value of the column stands in the column ``field`` of the table ``to``, or is null.

    ``to`` is a view or source of the project.
    """

    column: str
    to: str
    field: str


@dataclass(frozen=True)
class RowCount:
    """The result has at least ``minimum`` and at most ``maximum`` rows; None is no bound."""

    minimum: int | None
    maximum: int | None


@dataclass(frozen=True)
class Expression:
    """The SQL predicate holds for every row; a row for which it is null passes, as with CHECK in SQL."""

    predicate: str


Rule = NotNull | Unique | AcceptedValues | Relationship | RowCount | Expression


@dataclass(frozen=True)
class DataCheck:
    """A rule under a name that is unique within its view, and what happens where it does not hold.

    A ``blocking`` one stops what lies downstream; ``severity`` is how a failure is shown.
    ``where`` is its place in the file, as error messages name it.
    """

    name: str
    rule: Rule
    blocking: bool
    severity: CheckSeverity
    where: str
