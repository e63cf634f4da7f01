"""Partitions at the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dfplan_assets_tests.cli.conftest import Dfplan
from dfplan_assets_tests.partitioned import DAILY, DAYS, WHOLE, write_daily


def test_a_run_for_a_partition_is_a_document(tmp_path: Path, dfplan_json: Callable[..., Any]) -> None:
    root = write_daily(tmp_path, {"whole": WHOLE})
    document = dfplan_json("--project", root, "run", "--partition", "2024-03-01")
    assert set(document) == {"run_id", "partition", "success", "views"}
    assert document["partition"] == "2024-03-01"
    assert {name: view["rows"] for name, view in document["views"].items()} == {"daily": 2, "whole": 1}


def test_a_range_is_a_document_of_its_runs(tmp_path: Path, dfplan_json: Callable[..., Any]) -> None:
    root = write_daily(tmp_path, {"whole": WHOLE})
    document = dfplan_json("--project", root, "run", "--partition-range", f"{DAYS[1]}..{DAYS[2]}")
    assert document["success"] is True
    assert [(run.get("partition"), list(run["views"])) for run in document["runs"]] == [
        ("2024-02-28", ["daily"]),
        ("2024-02-29", ["daily"]),
        (None, ["whole"]),
    ]


def test_a_range_is_a_table_and_a_failure_exit_code_1(tmp_path: Path, dfplan: Dfplan) -> None:
    query = DAILY.replace("select order_date, amount", "select order_date, 100 / (amount - 10) as amount")
    root = write_daily(tmp_path, {"all_orders": "select amount from orders"}, daily=query)
    result = dfplan("--project", root, "run", "--partition-range", f"{DAYS[0]}..{DAYS[1]}")
    assert result.exit_code == 1
    rows = [line.split() for line in result.stdout.splitlines()]
    assert rows[0][:2] == ["view", "partition"]
    assert rows[1][:2] == ["all_orders", "5"]
    assert rows[2][:3] == ["daily", "2024-02-27", "2"]
    assert rows[3] == ["daily", "2024-02-28", "failed"]
    assert "Error: " in result.stderr
    assert "Divide by zero" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "it has partitions (every day), and none is asked for\n  Add --partition KEY"),
        (
            ("--partition", "2030-01-01"),
            "there is no such partition (every day)\n  Choose another one: the first",
        ),
        (("--partition-range", "2024-02-27"), "a range is two keys with .. between them"),
        (("--partition-range", ".."), "a range is two keys with .. between them"),
        (("--partition", "a", "--partition-range", "a..b"), "only one of them can be asked for"),
        (("--stale", "--partition", "2024-02-27"), "--stale: it takes no partition"),
    ],
)
def test_partitions_that_cannot_be_run(
    tmp_path: Path, dfplan: Dfplan, arguments: tuple[str, ...], message: str
) -> None:
    result = dfplan("--project", write_daily(tmp_path), "run", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_views_without_partitions_run_as_ever(tmp_path: Path, dfplan: Dfplan) -> None:
    root = write_daily(tmp_path, {"plain": "select amount from orders"})
    assert dfplan("--project", root, "run", "plain").exit_code == 0


def test_the_files_of_a_view_are_those_of_all_its_published_partitions(
    tmp_path: Path, dfplan: Dfplan, dfplan_json: Callable[..., Any]
) -> None:
    root = write_daily(tmp_path)
    missing = dfplan("--project", root, "path", "daily")
    assert missing.exit_code == 1
    assert "dfplan run '+daily' --partition KEY" in missing.stderr
    dfplan("--project", root, "run", "--partition-range", f"{DAYS[0]}..{DAYS[1]}")
    document = dfplan_json("--project", root, "path", "daily")
    assert (len(document["files"]), document["rows"]) == (2, 3)
    one = dfplan_json("--project", root, "path", "daily", "--partition", DAYS[1])
    assert one["files"] == document["files"][1:]
    assert (one["rows"], one["partition"]) == (1, DAYS[1])
    unpublished = dfplan("--project", root, "path", "daily", "--partition", DAYS[2])
    assert unpublished.exit_code == 1
    assert f"its partition {DAYS[2]} is not published" in unpublished.stderr
    assert dfplan("--project", root, "path", "daily", "--partition", "no").exit_code == 2


def test_a_partition_is_measured_and_kept_as_such(tmp_path: Path, dfplan_json: Callable[..., Any]) -> None:
    root = write_daily(tmp_path)
    document = dfplan_json("--project", root, "profile", "daily", "--partition", DAYS[0])
    assert document["partition_key"] == DAYS[0]


def test_a_view_with_partitions_is_not_measured_as_a_whole(tmp_path: Path, dfplan: Dfplan) -> None:
    result = dfplan("--project", write_daily(tmp_path), "profile", "daily")
    assert result.exit_code == 2
    assert "it has partitions (every day), and none is asked for" in result.stderr


def test_a_golden_plan_serves_all_partitions(tmp_path: Path, dfplan: Dfplan) -> None:
    root = write_daily(tmp_path, {"whole": WHOLE})
    assert dfplan("--project", root, "golden", "update").exit_code == 0
    dfplan("--project", root, "run", "--partition-range", f"{DAYS[0]}..{DAYS[1]}")
    assert dfplan("--project", root, "golden", "check").exit_code == 0


def test_what_is_stale_runs_partition_by_partition_once_there_is_one(
    tmp_path: Path, dfplan: Dfplan, dfplan_json: Callable[..., Any]
) -> None:
    root = write_daily(tmp_path, {"whole": WHOLE})
    first = dfplan("--project", root, "run", "--stale")
    assert (first.exit_code, first.stdout.split(".")[0]) == (
        0,
        "Nothing to do: nothing is stale but what waits for a backfill",
    )
    assert first.stderr == "Not run: daily: never ran: start with a backfill of some of its 4 partitions\n"
    dfplan("--project", root, "run", "--partition", DAYS[1])
    views = dfplan_json("--project", root, "plan")["views"]
    assert views["daily"]["stale_because"] == [f"2 of 4 partitions are stale: {DAYS[2]}..{DAYS[3]} never ran"]
    assert views["daily"]["stale_partitions"] == {DAYS[2]: ["never ran"], DAYS[3]: ["never ran"]}
    assert views["whole"]["stale_because"] == ["upstream daily is stale"]
    assert "stale_partitions" not in views["whole"]
    runs = dfplan_json("--project", root, "run", "--stale")["runs"]
    assert [(run.get("partition"), list(run["views"])) for run in runs] == [
        (DAYS[2], ["daily"]),
        (DAYS[3], ["daily"]),
        (None, ["whole"]),
    ]
    assert not any(view["stale"] for view in dfplan_json("--project", root, "plan")["views"].values())


def test_what_reads_a_partition_that_failed_is_skipped(tmp_path: Path, dfplan: Dfplan) -> None:
    root = write_daily(tmp_path, {"whole": WHOLE})
    dfplan("--project", root, "run", "--partition", DAYS[0])
    text = DAILY.replace("select order_date, amount", "select order_date, 100 / (amount - 10) as amount")
    (root / "views/daily.sql").write_text(text)
    result = dfplan("--project", root, "run", "--stale", "--format", "json")
    assert result.exit_code == 1
    runs = json.loads(result.stdout)["runs"]
    outcomes = [(run.get("partition"), *each) for run in runs for each in run["views"].items()]
    states = [(partition, view, outcome["state"]) for partition, view, outcome in outcomes]
    assert states == [
        (DAYS[0], "daily", "materialised"),
        (DAYS[1], "daily", "failed"),
        (DAYS[2], "daily", "materialised"),
        (DAYS[3], "daily", "materialised"),
        (None, "whole", "skipped"),
    ]
    assert runs[-1]["views"]["whole"]["error"] == f"waits for daily {DAYS[1]}"
