"""What is overridden in Dagster's state machine changes none of its answers."""

from __future__ import annotations

from random import Random

import dagster as dg
import pytest
from dagster._core.execution.api import create_execution_plan
from dagster._core.execution.plan.active import ActiveExecution
from dagster._core.execution.plan.outputs import StepOutputHandle
from dagster._core.execution.retries import RetryMode
from dagster._core.execution.step_dependency_config import StepDependencyConfig

from dfplan_assets.orchestration.active_steps import ActiveSteps


@dg.op(ins={"before": dg.In(list)}, out=dg.Out(int, is_required=False))
def step(before: list[int]) -> int:
    return 1


@dg.op(out=dg.Out(int, is_required=False))
def first() -> int:
    return 1


def _random_job(random: Random) -> dg.JobDefinition:
    @dg.job
    def steps() -> None:
        made = [first.alias("s0")()]
        for number in range(1, 40):
            before = random.sample(made, random.randint(0, min(3, len(made))))
            op = step if before else first
            made.append(op.alias(f"s{number}")(*([before] if before else [])))

    return steps


def _history(machine: ActiveExecution, fates: list[str], random: Random) -> list[object]:
    """What a machine says in a run whose steps end in these ways, chosen at random."""
    history: list[object] = []
    running: list[str] = []
    with machine:
        while not machine.is_complete:
            running += [started.key for started in machine.get_steps_to_execute(limit=3 - len(running))]
            history.append(tuple(running))
            if running:
                key = running.pop(random.randrange(len(running)))
                fate = random.choice(fates)
                history.append((key, fate))
                if fate == "fails":
                    machine.mark_failed(key)
                elif fate == "again":
                    machine.mark_up_for_retry(key)
                else:
                    if fate == "succeeds":
                        machine.mark_step_produced_output(StepOutputHandle(key))
                    machine.mark_success(key)
            for skipped in machine.get_steps_to_skip():
                history.append(("skipped", skipped.key))
                machine.mark_skipped(skipped.key)
            for abandoned in machine.get_steps_to_abandon():
                history.append(("abandoned", abandoned.key))
                machine.mark_abandoned(abandoned.key)
            known = machine.get_known_state()
            history.append((dict(known.previous_retry_attempts), set(known.ready_outputs)))
    return history


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("wait_for_success", [True, False])
def test_a_run_goes_as_with_dagsters_own_state_machine(seed: int, wait_for_success: bool) -> None:
    plan = create_execution_plan(_random_job(Random(seed)))
    fates = ["fails", "again", "succeeds", "succeeds", "succeeds"]
    if wait_for_success:
        # Without it, Dagster waits for ever for a list of which one element is missing.
        fates.append("yields nothing")
    histories = [
        _history(
            machine(
                plan,
                RetryMode.ENABLED,
                step_dependency_config=StepDependencyConfig(require_upstream_step_success=wait_for_success),
            ),
            fates,
            Random(seed),
        )
        for machine in (ActiveExecution, ActiveSteps)
    ]
    assert len(histories[0]) > 60
    assert histories[1] == histories[0]
