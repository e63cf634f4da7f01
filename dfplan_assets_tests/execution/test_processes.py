"""Several processes on one output folder, some of which die."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from pathlib import Path

from dfplan_assets.execution.staging import staging_place
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets_tests.execution.processes import check_number, hear, start, tell, write_number
from dfplan_assets_tests.execution.projects import plan_project, run, staged


def publish(warehouse: Warehouse, number: int) -> str:
    with warehouse.stage("v") as stage:
        return warehouse.publish(stage, write_number(stage, number)).version


def wait_for_copy(output: Path, process: subprocess.Popen[str]) -> None:
    """Until the process has written a part of a result into its place."""
    waiting = threading.Event()
    while not any(file.stat().st_size for place in staged(output) for file in place.glob("content/*")):
        assert process.poll() is None, process.communicate()[1]
        waiting.wait(0.01)


def test_a_run_killed_in_the_middle_of_its_copy_leaves_the_last_result(tmp_path: Path) -> None:
    good = run(plan_project(tmp_path, {"v": "select 'good' as state"})).publication
    output = tmp_path / "warehouse"
    process = start("copy-for-ever", tmp_path)
    assert hear(process) == "starting"
    wait_for_copy(output, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert len(staged(output)) == 1
    warehouse = Warehouse(output, keep_results=2)
    assert warehouse.kept("v") == (good,)

    after = run(plan_project(tmp_path, {"v": "select 'better' as state"})).publication
    assert warehouse.kept("v") == (after, good)
    assert staged(output) == []


def test_a_run_ended_by_an_interrupt_cleans_up_itself(tmp_path: Path) -> None:
    output = tmp_path / "warehouse"
    process = start("copy-for-ever", tmp_path)
    assert hear(process) == "starting"
    wait_for_copy(output, process)
    process.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in process.communicate()[1]
    assert staged(output) == []
    assert Warehouse(output, keep_results=2).current("v") is None


def test_what_a_living_writer_stages_is_not_swept(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path, keep_results=2)
    process = start("hold", tmp_path, "v", "1")
    assert hear(process) == "staged"
    [place] = staged(tmp_path)
    warehouse.sweep(["v"])
    mine = publish(warehouse, 2)
    assert staged(tmp_path) == [place]
    tell(process)
    theirs = hear(process)
    process.communicate()
    assert [publication.version for publication in warehouse.kept("v")] == [theirs, mine]
    assert [check_number(publication) for publication in warehouse.kept("v")] == [1, 2]
    assert staged(tmp_path) == []


def test_only_the_dead_one_of_two_writers_is_swept(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path, keep_results=2)
    living, dying = start("hold", tmp_path, "v", "1"), start("hold", tmp_path, "v", "2")
    assert hear(living) == hear(dying) == "staged"
    dying.send_signal(signal.SIGKILL)
    dying.communicate()
    assert len(staged(tmp_path)) == 2
    warehouse.sweep([])
    assert len(staged(tmp_path)) == 1
    tell(living)
    assert hear(living) == warehouse.kept("v")[0].version
    living.communicate()


def test_a_stopped_writer_is_a_living_one(tmp_path: Path) -> None:
    process = start("hold", tmp_path, "v", "1")
    assert hear(process) == "staged"
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
    Warehouse(tmp_path, keep_results=2).sweep([])
    assert len(staged(tmp_path)) == 1
    process.send_signal(signal.SIGCONT)
    tell(process)
    hear(process)
    process.communicate()


def test_two_processes_that_publish_one_view_come_one_after_the_other(tmp_path: Path) -> None:
    writers = [start("publish-many", tmp_path, "v", first, "25") for first in ("0", "1000")]
    for writer in writers:
        assert hear(writer) == "ready"
    for writer in writers:
        tell(writer)
    made = [json.loads(hear(writer)) for writer in writers]
    for writer in writers:
        writer.communicate()
    kept = Warehouse(tmp_path, keep_results=1000).kept("v")
    assert {publication.version for publication in kept} == {*made[0], *made[1]}
    numbers = [check_number(publication) for publication in reversed(kept)]
    assert [number for number in numbers if number < 1000] == list(range(25))
    assert [number for number in numbers if number >= 1000] == list(range(1000, 1025))
    assert staged(tmp_path) == []


def test_a_reader_never_sees_a_part_or_a_mix(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path, keep_results=1)
    publish(warehouse, 0)
    reader = start("read-until", tmp_path, "v", "50")
    assert hear(reader) == "ready"
    for number in range(1, 51):
        publish(warehouse, number)
    numbers = json.loads(hear(reader))
    reader.communicate()
    assert reader.returncode == 0
    assert numbers == sorted(numbers)
    assert numbers[-1] == 50


def test_threads_of_one_process_do_not_sweep_each_other(tmp_path: Path) -> None:
    with staging_place(tmp_path) as first, staging_place(tmp_path) as second:
        Warehouse(tmp_path, keep_results=1).sweep([])
        assert first.is_dir()
        assert second.is_dir()


def test_a_child_that_was_forked_removes_nothing(tmp_path: Path) -> None:
    with staging_place(tmp_path) as place:
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        Warehouse(tmp_path, keep_results=1).sweep([])
        assert place.is_dir()
    assert staged(tmp_path) == []
