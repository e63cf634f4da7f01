"""What a run has given up on publishes nothing."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from dfplan_assets.errors import ExecutionError
from dfplan_assets.execution.abandonment import Attempt, abandon, attempting, publishing
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets_tests.execution.projects import plan_project, run, staged

WAIT_SECONDS = 30.0


def test_a_view_whose_attempt_was_abandoned_keeps_its_last_result(tmp_path: Path) -> None:
    plan = plan_project(tmp_path, {"v": "select 1 as x"})
    first = run(plan).publication
    attempt = Attempt()
    abandon([attempt])
    with attempting(attempt), pytest.raises(ExecutionError, match=r"\(view v\): the run ended before"):
        run(plan)
    assert Warehouse.of(plan.project).current("v") == first
    assert staged(tmp_path / "warehouse") == []


def test_a_view_is_published_in_an_attempt_that_goes_on(tmp_path: Path) -> None:
    plan = plan_project(tmp_path, {"v": "select 1 as x"})
    with attempting(Attempt()):
        assert run(plan).publication == Warehouse.of(plan.project).current("v")


def test_abandoning_waits_for_a_result_that_is_just_being_published() -> None:
    attempt = Attempt()
    in_the_middle, is_abandoned = threading.Event(), threading.Event()

    def give_up() -> None:
        in_the_middle.wait(WAIT_SECONDS)
        abandon([attempt])
        is_abandoned.set()

    thread = threading.Thread(target=give_up)
    thread.start()
    with attempting(attempt), publishing("a view"):
        in_the_middle.set()
        while not attempt.is_abandoned:
            pass
        assert not is_abandoned.is_set()
    thread.join(WAIT_SECONDS)
    assert is_abandoned.is_set()


def test_what_is_published_without_an_attempt_is_published() -> None:
    with publishing("a view"):
        pass


def test_an_attempt_ends_with_its_block() -> None:
    attempt = Attempt()
    with attempting(attempt):
        abandon([attempt])
    with publishing("a view"):
        pass
