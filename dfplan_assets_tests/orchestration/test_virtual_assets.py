"""Views that are not stored, in Dagster: shown, never run, and transparent for order and age."""

from __future__ import annotations

import warnings
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

from dfplan_assets.errors import InputError
from dfplan_assets.orchestration.definitions import project_definitions
from dfplan_assets.orchestration.run_report import RunReport, ViewOutcome
from dfplan_assets.orchestration.runs import run_views
from dfplan_assets.orchestration.selection import select_views
from dfplan_assets.orchestration.translator import DfplanTranslator
from dfplan_assets_tests.small_projects import plan_of, write_project, write_shop

VIRTUAL = "/* ---\nmaterialized: view\n--- */\n"


class _Silent:
    def on_selected(self, views: tuple[str, ...]) -> None:
        pass

    def on_order(self, line: str) -> None:
        pass

    def on_start(self, view: str) -> None:
        pass

    def on_outcome(self, outcome: ViewOutcome) -> None:
        pass


def run(shop: Path, selection: str | None = None) -> RunReport:
    return run_views(plan_of(shop), selection, _Silent())


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The shop with a chain: base is stored, mid and top are not, out is stored and reads top."""
    return write_shop(
        tmp_path,
        base="select id, price from orders where price > 15",
        mid=f"{VIRTUAL}select id, price * 2 as price from base",
        top=f"{VIRTUAL}select price from mid where id < 10",
        out="select sum(price) as total from top",
    )


def test_they_are_virtual_assets_with_their_dependencies_and_no_step(shop: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        definitions = project_definitions(plan_of(shop))
    graph = definitions.resolve_asset_graph()
    top = graph.get(dg.AssetKey("top"))
    assert (top.is_virtual, top.is_executable) == (True, False)
    assert top.parent_keys == {dg.AssetKey("mid")}
    assert top.kinds == {"sql", "datafusion", "view"}
    assert top.metadata["dfplan/inlined_into"] == dg.MetadataValue.text("out")
    assert "dagster/uri" not in top.metadata
    assert not graph.get(dg.AssetKey("out")).is_virtual
    steps = definitions.resolve_implicit_global_asset_job_def().graph.node_dict
    assert sorted(steps) == ["base", "best", "mart__cheap", "observe_sources", "out", "revenue"]


def test_a_run_of_all_runs_what_is_stored_in_the_order_of_what_is_read_through(shop: Path) -> None:
    report = run(shop)
    assert report.success
    assert set(report.views) == {"base", "best", "mart.cheap", "out", "revenue"}
    assert list(report.views).index("base") < list(report.views).index("out")


@pytest.mark.parametrize(
    ("selection", "views"),
    [
        ("+out", {"base", "out"}),
        ("base+", {"base", "out"}),
        ("mid+", {"out"}),
        ("+top", {"base"}),
        ("top or best", {"best"}),
    ],
)
def test_selections_go_through_them(shop: Path, selection: str, views: set[str]) -> None:
    plan = plan_of(shop)
    found = select_views(selection, plan, project_definitions(plan), DfplanTranslator().get_asset_key)
    assert found == views


def test_selecting_nothing_else_is_an_error_that_says_what_to_run(shop: Path) -> None:
    with pytest.raises(InputError, match=r"never runs \(materialized: view\): top\n.*dfplan run 'top\+'"):
        run(shop, "top")


def test_a_project_that_stores_nothing_has_nothing_to_run(tmp_path: Path) -> None:
    folder = write_project(tmp_path, {"one.sql": f"{VIRTUAL}select 1 as x"})
    with pytest.raises(InputError, match="none of its views is stored"):
        run(folder)


def test_a_failure_keeps_those_from_running_that_read_it_through_them(shop: Path) -> None:
    (shop / "views/base.sql").write_text(
        "select id, price / (id - id) as price from orders where id / (id - id) > 0"
    )
    report = run(shop, "+out")
    assert report.views["base"].state == "failed"
    assert (report.views["out"].state, report.views["out"].error) == ("skipped", "waits for base")


def status(shop: Path, instance: dg.DagsterInstance, view: str) -> StaleStatus:
    graph = project_definitions(plan_of(shop)).resolve_asset_graph()
    resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
    return resolver.get_status(dg.AssetKey(view))


def test_a_reader_is_stale_when_what_is_inlined_changed_or_what_that_reads_ran(shop: Path) -> None:
    instance = dg.DagsterInstance.ephemeral()

    def materialise(*views: str) -> None:
        job = project_definitions(plan_of(shop)).resolve_implicit_global_asset_job_def()
        assert job.execute_in_process(
            instance=instance, asset_selection=[dg.AssetKey(view) for view in views]
        ).success

    materialise("base", "out")
    assert status(shop, instance, "out") is StaleStatus.FRESH
    mid = shop / "views/mid.sql"
    mid.write_text(f"{VIRTUAL}-- twice\nselect id, price * 2 as price from base")
    assert status(shop, instance, "out") is StaleStatus.FRESH
    mid.write_text(f"{VIRTUAL}select id, price * 3 as price from base")
    assert status(shop, instance, "out") is StaleStatus.STALE
    assert status(shop, instance, "base") is StaleStatus.FRESH
    materialise("out")
    assert status(shop, instance, "out") is StaleStatus.FRESH
    materialise("base")
    assert status(shop, instance, "out") is StaleStatus.STALE


def test_over_a_damaged_source_they_are_shown_with_the_cause_and_their_readers_fail(tmp_path: Path) -> None:
    shop = write_shop(
        tmp_path,
        damaged=f"{VIRTUAL}select id from orders",
        reader="select id from damaged",
        fine="select 1 as x",
    )
    (shop / "data/orders.parquet").write_bytes(b"PAR1 no longer a Parquet file")
    plan = plan_of(shop)
    node = project_definitions(plan).resolve_asset_graph().get(dg.AssetKey("damaged"))
    assert node.is_virtual
    assert "cannot be planned" in (node.description or "")
    report = run(shop)
    assert report.views["reader"].state == "failed"
    assert "orders.parquet" in (report.views["reader"].error or "")
    assert report.views["fine"].state == "materialised"
    assert "damaged" not in report.views
