"""Random graphs of views with partitions, random histories: what ran, what is there, why something is stale.

Two oracles: a model that knows nothing of plans or manifests, and making everything again elsewhere.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets_tests.staleness.clock import at
from dfplan_assets_tests.staleness.partition_histories import SOURCES, Draw, change, first_keys, models
from dfplan_assets_tests.staleness.partition_model import (
    FailsError,
    Key,
    LacksError,
    Model,
    Outcome,
    Part,
    Row,
)
from dfplan_assets_tests.staleness.partition_world import (
    backfill,
    by_steps,
    contents,
    executed,
    own_reasons,
    versions,
    write,
)

MOST_CALLS = 10
"""Where something fails, calls that find more to do: each view behind it may take one."""


def tell(
    model: Model, folder: Path, draw: Draw, changes: int, run_stale: Callable[[ProjectPlan], object]
) -> None:
    """A history: the first results, then changes, and after most of them what is stale is run."""
    note("\n".join(f"{name}: {view}" for name, view in model.views.items()))
    plan = write(model, folder)
    with at(model.now):
        for view in model.stored_views():
            _backfill(model, plan, view, first_keys(model, view, draw))
    for _ in range(changes):
        asked = change(model, draw)
        plan = write(model, folder)
        with at(model.now):
            if asked is not None:
                _backfill(model, plan, *asked)
            if draw(st.integers(0, 3)) > 0:
                check_run(model, plan, run_stale)
    with at(model.now):
        outcome = check_run(model, plan, run_stale)
        check_rebuilt(model, outcome, contents(plan))


def check_run(model: Model, plan: ProjectPlan, run_stale: Callable[[ProjectPlan], object]) -> Outcome:
    """Runs what is stale, until nothing more comes of it; all that ran had to, and all is there that must."""
    check_reasons(model, plan)
    first = before = versions(plan)
    outcome = model.run_stale()
    note(f"expected: {outcome}")
    ran: set[Part] = set()
    for call in range(MOST_CALLS):
        run_stale(plan)
        after = versions(plan)
        more = executed(before, after)
        assert not more & ran, "made twice"
        assert call == 0 or not more or outcome.failing, "the second call ran something"
        ran |= more
        if not more and (call > 0 or first == after):
            break
        before = after
    assert ran == outcome.ran
    assert contents(plan) == {
        (view, key): Counter(made.rows)
        for view in model.stored_views()
        for key, made in model.results(view).items()
    }
    check_reasons(model, plan)
    assert own_reasons(plan).keys() <= outcome.troubled
    return outcome


def check_reasons(model: Model, plan: ProjectPlan) -> None:
    """What is stale by itself has all reasons that are true, and no other."""
    parts = [(view, key) for view in model.stored_views() for key in model.due(view)]
    expected = {part: reasons for part in parts if (reasons := model.own_reasons(part))}
    assert {part: set(map(_in_short, reasons)) for part, reasons in own_reasons(plan).items()} == expected


def _in_short(reason: str) -> str:
    """A reason as the model has it."""
    words = reason.replace(":", "").replace(",", "").split()
    if reason.startswith("its meaning"):
        return "meaning"
    if reason.startswith("inlined view "):
        return f"inlined {words[2]}"
    if "inlined into it" in reason:
        return f"inlined {words[1]}"
    if reason.startswith("it reads "):
        return f"reads {words[2]}"
    if reason.endswith(" has a newer result"):
        return f"upstream {words[1]}"
    return f"source {words[0]}" if words[0] in SOURCES else reason


def check_rebuilt(model: Model, outcome: Outcome, found: Mapping[Part, Counter[Row]]) -> None:
    """What there is of results is what a project without any gives, but for what is behind a failure."""
    troubled = set(outcome.troubled)
    with tempfile.TemporaryDirectory() as folder:
        plan = write(model, Path(folder))
        for view in model.stored_views():
            read = {key: set(model.views_read((view, key))) for key in model.results(view)}
            troubled |= {(view, key) for key, parts in read.items() if parts & troubled}
            keys = [key for key in read if (view, key) not in troubled]
            assert backfill(plan, view, keys) == {(view, key) for key in keys}
        assert contents(plan) == {part: rows for part, rows in found.items() if part not in troubled}


def _backfill(model: Model, plan: ProjectPlan, view: str, keys: Sequence[Key]) -> None:
    expected = set()
    for key in keys:
        try:
            model.make((view, key))
        except (FailsError, LacksError):
            continue
        expected.add((view, key))
    note(f"backfill of {view}, {keys}: made {expected}")
    assert backfill(plan, view, keys) == expected


@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_partitions_that_run_are_those_that_have_to_and_their_rows_are_those_of_a_rebuild(
    data: st.DataObject,
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        tell(data.draw(models()), Path(folder), data.draw, 3, by_steps)
