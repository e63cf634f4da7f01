"""What a run has given up on publishes nothing."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from dfplan_assets.errors import ExecutionError
from dfplan_assets.execution.permit import Permit, publishing, withdraw, working_with
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets_tests.execution.projects import plan_project, run, staged

WAIT_SECONDS = 300.0


def test_a_view_whose_permit_was_withdrawn_keeps_its_last_result(tmp_path: Path) -> None:
    plan = plan_project(tmp_path, {"v": "select 1 as x"})
    first = run(plan).publication
    permit = Permit()
    withdraw([permit])
    with working_with(permit), pytest.raises(ExecutionError, match=r"\(view v\): the run ended before"):
        run(plan)
    assert Warehouse.of(plan.project).current("v") == first
    assert staged(tmp_path / "warehouse") == []


def test_a_view_is_published_with_its_permit(tmp_path: Path) -> None:
    plan = plan_project(tmp_path, {"v": "select 1 as x"})
    with working_with(Permit()):
        assert run(plan).publication == Warehouse.of(plan.project).current("v")


def test_withdrawing_waits_for_a_result_that_is_just_being_published() -> None:
    permit = Permit()
    in_the_middle, is_over = threading.Event(), threading.Event()

    def give_up() -> None:
        in_the_middle.wait(WAIT_SECONDS)
        withdraw([permit])
        is_over.set()

    thread = threading.Thread(target=give_up)
    thread.start()
    with working_with(permit), publishing("a view"):
        in_the_middle.set()
        while not permit.is_withdrawn:
            pass
        assert not is_over.is_set()
    thread.join(WAIT_SECONDS)
    assert is_over.is_set()


def test_what_is_published_without_a_permit_is_published() -> None:
    with publishing("a view"):
        pass


def test_a_permit_is_needed_in_its_block_alone() -> None:
    permit = Permit()
    with working_with(permit):
        withdraw([permit])
    with publishing("a view"):
        pass
