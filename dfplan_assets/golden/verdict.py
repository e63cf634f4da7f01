"""What a check of golden plans found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from dfplan_assets.errors import DfplanError
from dfplan_assets.planning.diff import Kind, PlanDifference
from dfplan_assets.project.model import Level

GoldenKind = Kind | Literal["engine"]
State = Literal["same", "drift", "problem"]

# Kinds that are no drift at a level, whatever else is said of them.
HARMLESS: Mapping[Level, frozenset[GoldenKind]] = {
    "meaning": frozenset({"identical", "cosmetic", "physical only"}),
    "plan": frozenset({"identical", "cosmetic"}),
}


@dataclass(frozen=True)
class ViewCheck:
    """What became of one view's golden plan.

    ``kind`` is that of the difference, ``engine`` where nothing but DataFusion's release made it; that is
    drift where the release changed the view's plan.
    ``downstream`` are the views that the change reaches. ``problem`` says why there was nothing to
    compare; ``difference`` is None then, and where there is none.
    """

    view: str
    state: State
    kind: GoldenKind | None
    causes: tuple[str, ...]
    downstream: tuple[str, ...]
    difference: PlanDifference | None
    problem: DfplanError | None

    @property
    def cause(self) -> str:
        """The causes in one line."""
        if self.problem is not None:
            return self.problem.cause
        return self.difference.cause if self.difference is not None else "; ".join(self.causes)


@dataclass(frozen=True)
class Check:
    """What a check found: of views in the order they run, of settings, and what else is wrong.

    ``settings`` are lines on settings that are others than in the project's golden file, drift at the
    level ``plan``. ``problems`` are those of no single view of the project. ``notes`` are nothing to act on.
    """

    level: Level
    views: tuple[ViewCheck, ...]
    settings: tuple[str, ...]
    problems: tuple[DfplanError, ...]
    notes: tuple[str, ...]

    @property
    def drifted(self) -> tuple[ViewCheck, ...]:
        """The views whose plans are not those of their golden files."""
        return tuple(view for view in self.views if view.state == "drift")

    @property
    def all_problems(self) -> tuple[DfplanError, ...]:
        """All that kept a comparison from being made."""
        return (*self.problems, *(view.problem for view in self.views if view.problem is not None))

    @property
    def settings_drifted(self) -> bool:
        """Whether settings alone are drift."""
        return self.level == "plan" and bool(self.settings)

    @property
    def exit_code(self) -> int:
        """0 all is as the golden plans have it, 1 something drifted, 2 golden files cannot be used."""
        if self.all_problems:
            return 2
        return 1 if self.drifted or self.settings_drifted else 0

    @property
    def verdict(self) -> str:
        """The result in one line."""
        parts = []
        if self.drifted:
            kinds = Counter(str(view.kind) for view in self.drifted)
            counts = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common())
            parts.append(f"{len(self.drifted)} of {_views(len(self.views))} drifted: {counts}")
        if self.settings_drifted:
            parts.append("settings drifted")
        if self.all_problems:
            number = len(self.all_problems)
            parts.append(f"{number} problem{'' if number == 1 else 's'} with golden files")
        if not parts:
            parts.append(f"no drift in {_views(len(self.views))}")
        return f"{'; '.join(parts)} (level {self.level})"


def _views(number: int) -> str:
    return f"{number} view{'' if number == 1 else 's'}"
