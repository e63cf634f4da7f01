"""What an executor asks before a run and tells after it: the order of the steps, and how it went."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import dagster as dg


@dataclass(frozen=True)
class RunOrder:
    """The order of one run, by step keys.

    ``priorities`` are small integers, higher first, in which the priorities are weighed that the authors
    of steps gave them (``dagster/priority``). ``chains`` names, for the first step of a chain, the steps
    that run right behind it on its worker. ``max_concurrent`` is None where nothing is known that limits
    it. ``title`` and ``metadata`` are what the run's page shows.
    """

    priorities: Mapping[str, int]
    title: str
    metadata: Mapping[str, dg.MetadataValue]
    chains: Mapping[str, Sequence[str]] = field(default_factory=dict)
    max_concurrent: int | None = None


@dataclass(frozen=True)
class StepTiming:
    """When a step ran, in seconds after the start of the run; ``attempt`` counts from 1."""

    step_key: str
    start_seconds: float
    end_seconds: float
    succeeded: bool
    attempt: int


@dataclass(frozen=True)
class RunComparison:
    """Predicted and actual side by side, as the run's page shows it when the run has ended."""

    title: str
    metadata: Mapping[str, dg.MetadataValue]


class Orderer(Protocol):
    """Orders runs. The executor catches what its methods raise and shows it: a run never fails by it."""

    def order(
        self,
        instance: dg.DagsterInstance,
        run: dg.DagsterRun,
        job: dg.JobDefinition,
        step_keys: Sequence[str],
        max_concurrent: int | None,
    ) -> RunOrder:
        """The order of the steps of a run that is about to begin; reads costs now, not at import."""

    def compare(
        self, instance: dg.DagsterInstance, run: dg.DagsterRun, timings: Sequence[StepTiming]
    ) -> RunComparison | None:
        """Predicted against actual for a run that has ended, which it also stores; None without an order."""


OrderKind = Literal["measured", "static"]
"""By the cost of past runs, or by the graph alone."""

OrdererOf = Callable[[dg.JobDefinition, OrderKind], Orderer | None]
"""Makes the orderer of a job's runs, None where nothing is known that could order them."""
