"""What is told of a run in this process: while it goes on, of each view, and in the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    from dfplan_assets.orchestration.partition_runs import PartitionRange

_Number = TypeVar("_Number", int, float)


@dataclass(frozen=True)
class ViewOutcome:
    """What became of one view in a run, or of an asset written in Python, by its key.

    ``rows``, ``bytes`` and ``wall_seconds`` are those of its new result, or of its new partitions together,
    None unless materialised; a view that is ``cached`` did not run, since its last result is what it would
    give, and has that one's rows and bytes; those of an asset written in Python are None where it is not
    published as a table;
    ``error`` is the cause of a failure, or for a skipped view what kept it from running; ``warning``
    is why the plan store does not have its records. ``failed_checks`` says of each asset check that did
    not pass, by name, why.
    """

    view: str
    state: Literal["materialised", "cached", "failed", "skipped"]
    rows: int | None = None
    bytes: int | None = None
    wall_seconds: float | None = None
    error: str | None = None
    warning: str | None = None
    failed_checks: Mapping[str, str] = field(default_factory=dict)

    def with_partition(self, outcome: ViewOutcome) -> ViewOutcome:
        """The outcome of a view that had this one, after that of one more of its partitions.

        What is new counts: a view of which some partitions stay has the figures of the others.
        """
        warning = self.warning or outcome.warning
        if self.state != outcome.state:
            new = self if self.state == "materialised" else outcome
            return replace(new, warning=warning)
        return replace(
            outcome,
            rows=_sum(self.rows, outcome.rows),
            bytes=_sum(self.bytes, outcome.bytes),
            wall_seconds=_sum(self.wall_seconds, outcome.wall_seconds),
            warning=warning,
        )


@dataclass(frozen=True)
class RunReport:
    """A finished run; ``views`` has an outcome for each selected view, upstream first.

    ``assets`` has one for each selected asset that is written in Python, by its key. ``notes`` say what else
    there is to know.
    ``run_id`` is empty for one that did not take place: an earlier one of the same range failed, or nothing
    was left to do.
    """

    run_id: str
    success: bool
    views: Mapping[str, ViewOutcome]
    partitions: PartitionRange | None = None
    assets: Mapping[str, ViewOutcome] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class RunListener(Protocol):
    """Is told what happens while a run goes on."""

    def on_selected(self, views: tuple[str, ...]) -> None:
        """These views will run, upstream first, and these assets written in Python."""

    def on_order(self, line: str) -> None:
        """Why the views run in the order they do, before they run; how well it was predicted, after it."""

    def on_start(self, view: str) -> None:
        """A view begins."""

    def on_outcome(self, outcome: ViewOutcome) -> None:
        """A view is materialised, was found to be unchanged, or has failed."""


def _sum(one: _Number | None, other: _Number | None) -> _Number | None:
    """None where neither is known."""
    return one if other is None else other if one is None else one + other
