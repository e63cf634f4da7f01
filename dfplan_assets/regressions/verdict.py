"""What is to be said of a view's speed: whether it got worse, and whether its plan is why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from dfplan_assets.regressions.figures import (
    LEAST_BYTES,
    InputGrowth,
    Movement,
    PlanFigures,
    figures_of,
    in_bytes,
    in_seconds,
    input_growth,
    known,
    median,
    movements,
    spilled_bytes,
)
from dfplan_assets.regressions.history import PlannedRun, ViewHistory, acceptance_of
from dfplan_assets.regressions.statistics import (
    EARLIER_RUNS,
    FEWEST_RUNS,
    LATER_RUNS,
    LEAST_RATIO,
    LEAST_RUNS,
    Comparison,
    compare,
)
from dfplan_assets.store import AcceptanceRecord

VerdictKind = Literal[
    "regression", "slower without a plan change", "drift", "improved", "steady", "too few runs"
]

LEAST_SECONDS = 0.02
"""Differences of less wall time than this are of no interest."""

FALSE_ALARMS_OF_TIME = 0.015
FALSE_ALARMS_OF_SPILLING = 0.005  # the two together: at most 2 % of the views whose runs do not differ

_RUNS_WITHOUT_CHANGE = 2 * LEAST_RUNS
_EXPLAINING_GROWTH = 1.05


@dataclass(frozen=True)
class Verdict:
    """What is to be said of a view, and the figures that it is said from.

    - ``regression``: the plan changed, and time or spilled bytes are worse beyond the noise, by more than
      larger inputs explain (as the view's own runs show, ``elasticity``);
    - ``slower without a plan change``: the latest runs are slower than those before with the same plan;
    - ``drift``: the plan changed, and the view did not get slower, or only as its inputs grew;
    - ``improved``: it got faster, by its plan or without;
    - ``steady``: nothing of all that;
    - ``too few runs``: nothing can be told before there are ``more_runs``.

    ``reason`` says it in a sentence. ``current`` are the later runs that were looked at, ``before`` the
    earlier: of the plan before, or of the same plan where ``plan_changed`` is false. ``moved`` are figures
    that may be the cause. ``accepted`` is the newest acceptance of the current plan; ``settled`` says that
    it came when there were runs of the plan to be seen.
    """

    view: str
    kind: VerdictKind
    reason: str
    plan_changed: bool
    current: PlanFigures | None = None
    before: PlanFigures | None = None
    time: Comparison | None = None
    spilling: Comparison | None = None
    moved: tuple[Movement, ...] = ()
    more_runs: int = 0
    accepted: AcceptanceRecord | None = None
    settled: bool = False

    @property
    def is_open_regression(self) -> bool:
        """Whether this is a regression that nobody has accepted."""
        return self.kind == "regression" and not self.settled


def judge(history: ViewHistory) -> Verdict:
    """The verdict on a view.

    The current plan is that of the latest run. Its first ``LATER_RUNS`` runs are compared with the last
    ``EARLIER_RUNS`` of the plan before, so that what came long after the change is not put down to it; a
    view that is as fast again by now is no regression. The plan before is the latest one that ran at least
    ``FEWEST_RUNS`` times. Runs of one plan are compared with those before them in the same way.
    """
    if not history.runs:
        return Verdict(history.view, "too few runs", _no_runs(history), False, more_runs=LEAST_RUNS)
    plan = history.runs[-1].plan
    own = history.of_plan(plan)
    before = _plan_before(history.runs[: history.runs.index(own[0])])
    accepted = acceptance_of(history.acceptances, plan, own[-1].fingerprint)
    change = _judge_change(history, before, own, accepted) if before is not None else None
    if change is not None and change.kind == "regression":
        return change
    within = _judge_within(history, own, accepted)
    if change is None or within.kind == "slower without a plan change":
        return within
    return change


def _judge_change(
    history: ViewHistory,
    earlier: Sequence[PlannedRun],
    own: Sequence[PlannedRun],
    accepted: AcceptanceRecord | None,
) -> Verdict | None:
    """The verdict on the change from one plan to the next; None where the plan before ran too few times."""
    before, after, latest = earlier[-EARLIER_RUNS:], own[:LATER_RUNS], own[-LATER_RUNS:]
    too_few_before = len(before) < FEWEST_RUNS
    if too_few_before and len(own) >= _RUNS_WITHOUT_CHANGE:
        return None
    time, spilling = _time(before, after), _spilling(before, after)
    when = f"{own[0].run.started_at:%Y-%m-%d %H:%M}"
    changed = f"its plan changed on {when} UTC"

    def verdict(kind: VerdictKind, reason: str, more_runs: int = 0) -> Verdict:
        return Verdict(
            history.view,
            kind,
            reason,
            True,
            current=figures_of(after),
            before=figures_of(before),
            time=time,
            spilling=spilling,
            moved=movements(before, after) if kind in ("regression", "drift") else (),
            more_runs=more_runs,
            accepted=accepted,
            settled=accepted is not None
            and len(own) >= FEWEST_RUNS
            and accepted.accepted_at >= own[FEWEST_RUNS - 1].run.started_at,
        )

    growth = input_growth(before, after)
    worse = _worse(before, after, latest, None)
    if worse:
        grew = growth.median > _EXPLAINING_GROWTH
        size = f"its inputs are ×{growth.median:.2f} as large"
        unexplained = _worse(before, after, latest, growth) if grew else worse
        if unexplained:
            more = f"; {size}, which does not explain it{_explained(growth)}" if grew else ""
            return verdict("regression", f"{changed}, and {', and '.join(unexplained)}{more}")
        return verdict("drift", f"{changed}, and {', and '.join(worse)}; {size}, which explains it")
    if len(own) < LEAST_RUNS or too_few_before:
        missing = (_RUNS_WITHOUT_CHANGE if too_few_before else LEAST_RUNS) - len(own)
        return verdict("too few runs", f"{changed}; {_needs(own, before, missing)}", missing)
    if _is_faster(before, after, growth):
        return verdict("improved", f"{changed}, and it is faster: {_medians(time)}")
    caution = (
        f"; the plan before ran only {len(before)} times, so a small slowdown could have been missed"
        if len(before) < LEAST_RUNS
        else ""
    )
    return verdict("drift", f"{changed}, and it did not get slower: {_medians(time)}{caution}")


def _judge_within(
    history: ViewHistory, own: Sequence[PlannedRun], accepted: AcceptanceRecord | None
) -> Verdict:
    """The verdict on the latest runs of a plan against those before them."""
    later = min(LATER_RUNS, len(own) // 2)
    before, after = own[: len(own) - later][-EARLIER_RUNS:], own[len(own) - later :]
    if later < FEWEST_RUNS:
        return _too_few(history, own, accepted)
    time = _time(before, after)

    def verdict(kind: VerdictKind, reason: str, moved: tuple[Movement, ...] = ()) -> Verdict:
        return Verdict(
            history.view,
            kind,
            reason,
            False,
            current=figures_of(after),
            before=figures_of(before),
            time=time,
            spilling=_spilling(before, after),
            moved=moved,
            accepted=accepted,
        )

    if time.worse:
        moved = movements(before, after)
        causes = "; ".join(each.sentence for each in moved) or "nothing that is measured moved with it"
        return verdict(
            "slower without a plan change", f"{_slower(time)}, with the same plan; {causes}", moved
        )
    if len(own) < _RUNS_WITHOUT_CHANGE:
        return _too_few(history, own, accepted)
    if _is_faster(before, after, input_growth(before, after)):
        return verdict("improved", f"it is faster with the same plan: {_medians(time)}")
    return verdict("steady", f"the same plan, and no slower: {_medians(time)}")


def _too_few(history: ViewHistory, own: Sequence[PlannedRun], accepted: AcceptanceRecord | None) -> Verdict:
    more = _RUNS_WITHOUT_CHANGE - len(own)
    runs = f"{len(own)} {'run' if len(own) == 1 else 'runs'} with its plan{_left_out(history)}"
    reason = f"{runs}; {more} more are needed to tell whether it gets slower"
    current = figures_of(own)
    return Verdict(
        history.view, "too few runs", reason, False, current=current, more_runs=more, accepted=accepted
    )


def _plan_before(earlier: Sequence[PlannedRun]) -> Sequence[PlannedRun] | None:
    """The runs of the latest plan that ran often enough, else of the latest; None where there is none."""
    plans = list(dict.fromkeys(each.plan for each in reversed(earlier)))
    runs = [[each for each in earlier if each.plan == plan] for plan in plans]
    return next((each for each in runs if len(each) >= FEWEST_RUNS), runs[0] if runs else None)


def _time(
    before: Sequence[PlannedRun], after: Sequence[PlannedRun], growth: InputGrowth | None = None
) -> Comparison:
    return compare(
        _grown([each.wall_seconds for each in before], None if growth is None else growth.of_time_by_run),
        [each.wall_seconds for each in after],
        floor=LEAST_SECONDS,
        false_alarms=FALSE_ALARMS_OF_TIME,
    )


def _spilling(
    before: Sequence[PlannedRun], after: Sequence[PlannedRun], growth: InputGrowth | None = None
) -> Comparison | None:
    was, now = known(before, spilled_bytes), known(after, spilled_bytes)
    if was is None or now is None:
        return None
    grown = _grown(was, None if growth is None else growth.by_run)
    return compare(grown, now, floor=LEAST_BYTES, false_alarms=FALSE_ALARMS_OF_SPILLING)


def _grown(values: Sequence[float], factors: Sequence[float] | None) -> list[float]:
    """What each run would have come to with the inputs that there are now."""
    if factors is None:
        return list(values)
    return [value * factor for value, factor in zip(values, factors, strict=True)]


def _worse(
    before: Sequence[PlannedRun],
    after: Sequence[PlannedRun],
    latest: Sequence[PlannedRun],
    growth: InputGrowth | None,
) -> list[str]:
    """What got worse, by more than the inputs grew, and still is; in words."""
    found = []
    time, spilling = _time(before, after, growth), _spilling(before, after, growth)
    now = figures_of(latest)
    if time.worse and now.wall_seconds >= LEAST_RATIO * time.before:
        found.append(_slower(_time(before, after)))
    if spilling is not None and spilling.worse and (now.spilled_bytes or 0) >= LEAST_RATIO * spilling.before:
        was, is_now = median(before, spilled_bytes), median(after, spilled_bytes)
        assert was is not None  # or there were no comparison
        assert is_now is not None
        found.append(f"it spills {in_bytes(is_now)} instead of {in_bytes(was)}")
    return found


def _is_faster(before: Sequence[PlannedRun], after: Sequence[PlannedRun], growth: InputGrowth) -> bool:
    """Whether the later runs are faster by more than smaller inputs explain."""
    shrank = growth.of_time_by_run if growth.median < 1 else None
    was = _grown([each.wall_seconds for each in before], shrank)
    return compare(
        [each.wall_seconds for each in after],
        was,
        floor=LEAST_SECONDS,
        false_alarms=FALSE_ALARMS_OF_TIME,
    ).worse


def _explained(growth: InputGrowth) -> str:
    """What larger inputs explain of a slowdown, where the view's own runs say that it is less than all."""
    if growth.elasticity == 1:
        return ""
    return f": by its own runs, they make it take at most ×{growth.explains:.2f} as long"


def _slower(time: Comparison) -> str:
    return f"it takes ×{time.ratio:.2f} as long: {_medians(time)}"


def _medians(time: Comparison) -> str:
    return f"{in_seconds(time.before)} → {in_seconds(time.after)}"


def _needs(own: Sequence[PlannedRun], before: Sequence[PlannedRun], more: int) -> str:
    runs = f"{len(own)} {'run' if len(own) == 1 else 'runs'} since then"
    if len(before) < FEWEST_RUNS:
        return (
            f"the plan before ran only {len(before)} times, too few to compare with; {runs},"
            f" {more} more are needed to tell whether it gets slower"
        )
    return f"{runs}, none of it shows a slowdown yet; {more} more are needed to rule one out"


def _no_runs(history: ViewHistory) -> str:
    return f"no run of it can be compared{_left_out(history)}; {LEAST_RUNS} are needed"


def _left_out(history: ViewHistory) -> str:
    parts = []
    if history.elsewhere:
        parts.append(f"{history.elsewhere} on other cores or for other partitions do not count")
    if history.unknown_plan:
        parts.append(f"{history.unknown_plan} of plans that the store has no more do not count")
    return f" ({'; '.join(parts)})" if parts else ""
