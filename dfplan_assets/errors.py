"""Every exception that dfplan_assets raises, as one tree.

    DfplanError
    ├── InputError              what the user wrote cannot be used (exit code 2)
    │   ├── ProjectError        dfplan.yaml
    │   ├── ViewError           the file of a view: name, encoding, front matter
    │   ├── SourceError         a source: missing, of other columns than declared
    │   │   └── UnreadableSourceError  a source whose files are there and are damaged
    │   │       └── UnpublishedSourceError  a published table without columns that nothing has published yet
    │   ├── GoldenError         a golden plan that is missing, damaged, or cannot be written
    │   └── PlanningError       a view's query
    │       ├── GuardError      not one query: DDL, DML, EXPLAIN, two statements, nothing at all
    │       ├── ParameterError  a $parameter without a value, or with one of a wrong type
    │       ├── UnknownNameError  a table, column or function that does not exist
    │       ├── CycleError      views that depend on each other in a circle
    │       ├── LineageError    lineage that cannot be determined exactly
    │       └── SubstraitError  a plan that has no Substrait form, or bytes that are none
    ├── ExecutionError          a view failed while it ran, or its result could not be published
    └── StoreError              the plan artifact store cannot be opened, read or written

Each error says where it happened (a file, a view), what the cause is, and what to do next.
"""

from __future__ import annotations


class DfplanError(Exception):
    """Base of all errors of this package.

    ``where`` names the file and view ("views/revenue.sql (view revenue)"), ``cause`` says in one
    sentence what is wrong, ``next_step`` what the reader can do about it.
    """

    def __init__(self, where: str, cause: str, next_step: str) -> None:
        self.where = where
        self.cause = cause
        self.next_step = next_step
        super().__init__(f"{where}: {cause}\n  {next_step}")

    def __reduce__(self) -> tuple[type[DfplanError], tuple[str, str, str]]:
        # Errors cross process borders in Dagster; the default would call __init__ with one text.
        return type(self), (self.where, self.cause, self.next_step)


class InputError(DfplanError):
    """What the user wrote cannot be used; commands exit with 2."""


class ProjectError(InputError):
    """``dfplan.yaml`` is missing, is no YAML, or says something unknown or contradictory."""


class ViewError(InputError):
    """The file of a view cannot be used: its name, encoding or front matter."""


class SourceError(InputError):
    """A source is missing, cannot be read, or has other columns than declared."""


class UnreadableSourceError(SourceError):
    """The files of a source are there, but cannot be read as what they should be."""


class UnpublishedSourceError(UnreadableSourceError):
    """A table that a Python asset is to make has neither declared columns nor a published result."""


class GoldenError(InputError):
    """A golden plan is missing, damaged or of a newer format, or cannot be written."""


class PlanningError(InputError):
    """A view's query cannot be planned."""


class GuardError(PlanningError):
    """A view's text is not exactly one query."""


class ParameterError(PlanningError):
    """A parameter has no value, or one that does not fit."""


class UnknownNameError(PlanningError):
    """A table, column or function does not exist; the nearest names are listed."""


class CycleError(PlanningError):
    """Views depend on each other in a circle."""


class LineageError(PlanningError):
    """The lineage of a view cannot be determined exactly; nothing is guessed."""


class SubstraitError(PlanningError):
    """A plan has no Substrait form, or bytes do not decode as Substrait."""


class ExecutionError(DfplanError):
    """A view failed while it ran, or its result could not be published; the last result stays."""


class StoreError(DfplanError):
    """The plan artifact store cannot be opened, read or written."""
