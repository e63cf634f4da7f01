from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from dfplan_assets.store import PredictionRecord, ScheduleRecord, open_store
from dfplan_assets_tests.cli.conftest import Dfplan
from dfplan_assets_tests.run_history import LONG_AHEAD, put_history
from dfplan_assets_tests.small_projects import plan_of, write_shop


@pytest.fixture(autouse=True)
def _four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dfplan_assets.forecast.prediction.usable_cores", lambda: 4)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A shop whose views took 2 s (revenue, then best 1 s) and 2.5 s (mart.cheap)."""
    folder = write_shop(tmp_path)
    put_history(plan_of(folder), {"revenue": [2.0] * 3, "best": [1.0] * 3, "mart.cheap": [2.5] * 3})
    return folder


def test_the_document_says_what_each_view_costs_and_when_it_runs(
    shop: Path, dfplan_json: Callable[..., Any]
) -> None:
    document = dfplan_json("--project", shop, "schedule", "--workers", "2")
    assert set(document) == {
        "workers",
        "predicted_seconds",
        "lower_bound_seconds",
        "critical_path",
        "notes",
        "views",
    }
    assert (document["workers"], document["critical_path"]) == (2, ["revenue", "best"])
    assert document["predicted_seconds"] == pytest.approx(3.0)
    assert document["lower_bound_seconds"] == pytest.approx(3.0)
    views = document["views"]
    assert list(views) == ["revenue", "mart.cheap", "best"]
    best = views["best"]
    assert best["low_seconds"] <= 1.0 <= best["high_seconds"]
    assert "on the critical path" in best["reason"]
    assert best | {"reason": "", "figures": {}} == {
        "priority": 1,
        "seconds": pytest.approx(1.0),
        "low_seconds": best["low_seconds"],
        "high_seconds": best["high_seconds"],
        "kind": "history",
        "source": "history n=3",
        "figures": {},
        "bottom_level_seconds": pytest.approx(1.0),
        "slack_seconds": pytest.approx(0.0),
        "critical": True,
        "chain": [],
        "reason": "",
        "saves_seconds": pytest.approx(0.5),  # 2.5 s of mart.cheap remain
        "worker": views["revenue"]["worker"],
        "start_seconds": pytest.approx(2.0),
        "end_seconds": pytest.approx(3.0),
    }
    assert views["mart.cheap"]["slack_seconds"] == pytest.approx(0.5)


def test_checks_in_a_step_of_their_own_are_no_view_and_not_in_it(tmp_path: Path, dfplan: Dfplan) -> None:
    checks = "checks:\n  - relationships: {column: key, to: zlast, field: id}"
    checked = f"/* ---\n{checks}\n--- */\nselect key from nation"
    shop = write_shop(tmp_path, checked=checked, zlast="select 1 as id")
    result = dfplan("--project", shop, "schedule")
    assert "checked: a run makes checks that wait for other views, in a step of their own" in result.stdout
    rows = [line.split()[0] for line in result.stdout.partition("\n\n")[2].splitlines()]
    assert sorted(rows[1:]) == ["best", "checked", "mart.cheap", "revenue", "zlast"]


def test_one_worker_takes_the_sum(shop: Path, dfplan_json: Callable[..., Any]) -> None:
    document = dfplan_json("--project", shop, "schedule", "--workers", "1")
    assert document["predicted_seconds"] == pytest.approx(5.5)


def test_the_text_says_it_in_a_summary_and_a_row_for_each_view(shop: Path, dfplan: Dfplan) -> None:
    result = dfplan("--project", shop, "schedule", "--workers", "2")
    assert result.exit_code == 0
    summary, _, table = result.stdout.partition("\n\n")
    lines = {line.split("  ")[0]: line.partition("  ")[2].strip() for line in summary.splitlines()}
    assert lines["predicted"] == "3.0 s on 2 at once"
    assert lines["critical path"] == "revenue → best, 3.0 s"
    assert lines["history"] == "3 of 3 views have been measured"
    assert [line.split()[0] for line in table.splitlines()] == ["view", "revenue", "mart.cheap", "best"]


def test_without_history_it_says_so_and_predicts_nothing(tmp_path: Path, dfplan: Dfplan) -> None:
    result = dfplan("--project", write_shop(tmp_path), "schedule")
    assert result.exit_code == 0
    assert "no history: topology" in result.stdout
    assert "There is no plan store yet." in result.stdout
    assert not [line for line in result.stdout.splitlines() if line.startswith("predicted")]
    assert not (tmp_path / ".dfplan" / "plans.db").exists()


def test_a_selection_is_that_of_a_run(shop: Path, dfplan_json: Callable[..., Any]) -> None:
    document = dfplan_json("--project", shop, "schedule", "+best")
    assert set(document["views"]) == {"revenue", "best"}


def test_a_selection_that_means_nothing_is_refused(shop: Path, dfplan: Dfplan) -> None:
    result = dfplan("--project", shop, "schedule", "revenu")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Did you mean revenue?" in result.stderr


def test_a_store_that_cannot_be_read_is_a_note(shop: Path, dfplan_json: Callable[..., Any]) -> None:
    (shop / ".dfplan" / "plans.db").write_bytes(b"this is no database, and long enough for one" * 100)
    document = dfplan_json("--project", shop, "schedule")
    assert document["notes"][0].startswith("The plan store cannot be read (")
    assert all(view["kind"] == "topology" for view in document["views"].values())


def test_an_order_that_runs_do_not_take_is_said(tmp_path: Path, dfplan_json: Callable[..., Any]) -> None:
    write_shop(tmp_path)
    file = tmp_path / "dfplan.yaml"
    file.write_text(json.dumps({**json.loads(file.read_text()), "scheduling": {"order": "off"}}))
    notes = dfplan_json("--project", tmp_path, "schedule")["notes"]
    assert any("runs are not ordered by these costs" in note for note in notes)


def test_the_chart_is_an_svg_of_all_views(shop: Path, tmp_path: Path, dfplan: Dfplan) -> None:
    file = tmp_path / "chart.svg"
    assert dfplan("--project", shop, "schedule", "--svg", file).exit_code == 0
    titles = [str(title.text) for title in ElementTree.parse(file).iter("{http://www.w3.org/2000/svg}title")]
    assert {title.partition(":")[0] for title in titles} == {"revenue", "best", "mart.cheap"}


def test_a_chart_that_cannot_be_written_is_an_error(shop: Path, dfplan: Dfplan) -> None:
    result = dfplan("--project", shop, "schedule", "--svg", shop / "nowhere" / "chart.svg")
    assert result.exit_code == 1
    assert "the chart cannot be written" in result.stderr


def test_without_a_selection_dagster_is_not_imported(shop: Path) -> None:
    code = (
        "import sys\n"
        "from dfplan_assets.cli import main\n"
        f"main(['--project', {str(shop)!r}, 'schedule', '--format', 'json'], standalone_mode=False)\n"
        "assert 'dagster' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def past_run(project_store: str) -> None:
    def prediction(position: int, view: str, seconds: float, actual: float | None) -> PredictionRecord:
        return PredictionRecord(
            view=view,
            position=position,
            priority=3 - position,
            estimated_seconds=seconds,
            low_seconds=seconds / 2,
            high_seconds=seconds * 2,
            source="history n=3",
            bottom_level_seconds=seconds,
            slack_seconds=float(position),
            predicted_start_seconds=0.0,
            predicted_end_seconds=seconds,
            actual_start_seconds=None if actual is None else 0.0,
            actual_end_seconds=actual,
            attempt=None if actual is None else 1,
        )

    with open_store(project_store) as store:
        store.put_schedule(
            ScheduleRecord(
                dagster_run_id="run-1",
                started_at=LONG_AHEAD,
                mode="measured",
                workers=2,
                views=2,
                predicted_makespan_seconds=4.0,
                lower_bound_seconds=4.0,
                actual_makespan_seconds=6.0,
                note="a note",
                predictions=(prediction(0, "revenue", 4.0, 6.0), prediction(1, "gone", 2.0, None)),
            )
        )


@pytest.mark.parametrize("run_id", ["latest", "run-1"])
def test_a_past_run_is_predicted_against_actual(
    shop: Path, dfplan_json: Callable[..., Any], run_id: str
) -> None:
    past_run(plan_of(shop).project.store)
    document = dfplan_json("--project", shop, "schedule", "--run", run_id)
    assert {key: value for key, value in document.items() if key != "views"} == {
        "run_id": "run-1",
        "started_at": "2200-01-01T00:00:00+00:00",
        "order": "measured",
        "workers": 2,
        "predicted_seconds": 4.0,
        "actual_seconds": 6.0,
        "lower_bound_seconds": 4.0,
        "median_error": 1.5,
        "note": "a note",
    }
    revenue, gone = document["views"]["revenue"], document["views"]["gone"]
    assert (revenue["predicted_seconds"], revenue["actual_seconds"], revenue["ratio"]) == (4.0, 6.0, 1.5)
    assert (gone["predicted_seconds"], gone["actual_seconds"], gone["ratio"]) == (2.0, None, None)


def test_a_past_run_in_words_and_as_a_chart(shop: Path, tmp_path: Path, dfplan: Dfplan) -> None:
    past_run(plan_of(shop).project.store)
    file = tmp_path / "past.svg"
    result = dfplan("--project", shop, "schedule", "--run", "latest", "--svg", file)
    assert result.exit_code == 0
    assert "predicted 4.0 s, took 6.0 s" in result.stdout
    rows = {line.split()[0]: line.split()[1:4] for line in result.stdout.partition("\n\n")[2].splitlines()}
    assert rows["revenue"] == ["4.000", "6.000", "×1.50"]
    assert rows["gone"] == ["2.000", "did", "not"]
    assert "Predicted 4.0 s on 2 workers, took 6.0 s" in file.read_text(encoding="utf-8")


def test_a_run_that_left_no_order_is_refused(shop: Path, dfplan: Dfplan) -> None:
    for run_id in ("latest", "run-2"):
        result = dfplan("--project", shop, "schedule", "--run", run_id)
        assert (result.exit_code, result.stdout) == (2, "")


def test_a_past_run_takes_no_selection(shop: Path, dfplan: Dfplan) -> None:
    result = dfplan("--project", shop, "schedule", "best", "--run", "latest")
    assert result.exit_code == 2
    assert "Leave out SELECTION" in result.stderr
