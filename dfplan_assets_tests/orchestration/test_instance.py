from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import pytest
import yaml

from dfplan_assets.errors import ExecutionError, ProjectError
from dfplan_assets.orchestration.instance import open_instance


def test_a_project_gets_an_instance_of_its_own_that_reports_nothing(tmp_path: Path) -> None:
    with open_instance(tmp_path):
        pass
    home = tmp_path / ".dfplan" / "dagster"
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert not instance.telemetry_enabled
    assert yaml.safe_load((home / "dagster.yaml").read_text(encoding="utf-8"))["telemetry"] == {
        "enabled": False
    }


def test_settings_that_the_user_changed_stay(tmp_path: Path) -> None:
    with open_instance(tmp_path):
        pass
    config = tmp_path / ".dfplan" / "dagster" / "dagster.yaml"
    config.write_text("telemetry: {enabled: true}\n", encoding="utf-8")
    with open_instance(tmp_path) as instance:
        assert instance.telemetry_enabled
    assert config.read_text(encoding="utf-8") == "telemetry: {enabled: true}\n"


@pytest.mark.parametrize("home", ["relative", "/nowhere/at/all"])
def test_a_dagster_home_that_is_no_folder_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", home)
    with pytest.raises(ProjectError, match=f"DAGSTER_HOME={home}"), open_instance(tmp_path):
        pass


def test_a_dagster_yaml_that_dagster_refuses_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dagster.yaml").write_text("no_such_setting: 1\n", encoding="utf-8")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with pytest.raises(ProjectError, match="no_such_setting"), open_instance(tmp_path):
        pass


def test_a_project_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".dfplan").write_text("in the way", encoding="utf-8")
    with pytest.raises(ExecutionError, match="cannot be written"), open_instance(tmp_path):
        pass


def test_a_database_that_is_none_is_an_error_that_names_the_folder(tmp_path: Path) -> None:
    runs = tmp_path / ".dfplan" / "dagster" / "history" / "runs.db"
    runs.parent.mkdir(parents=True)
    runs.write_bytes(b"no database at all, " * 100)
    with (
        pytest.raises(ExecutionError, match="database there cannot be used: file is not a database"),
        open_instance(tmp_path) as instance,
    ):
        instance.get_runs()


def test_runs_that_begin_at_the_same_time_in_a_new_project_all_find_a_whole_database(tmp_path: Path) -> None:
    def count_runs() -> int:
        with open_instance(tmp_path) as instance:
            return len(instance.get_runs())

    with ThreadPoolExecutor(4) as threads:
        assert [each.result() for each in [threads.submit(count_runs) for _ in range(4)]] == [0] * 4
