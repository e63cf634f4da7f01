"""What a person sees: the demo in Dagster's own UI, in a browser, from the first run to a failed view."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc as ipc
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, Locator, expect

from dfplan_assets.cli import main
from dfplan_assets_tests.browser.chromium import browser, open_window
from dfplan_assets_tests.browser.pages import (
    Dagster,
    Report,
    close_dialog,
    cut_off,
    inked_pixels,
    open_picture,
    picture_size,
)
from dfplan_assets_tests.browser.server import Server, copy_demo, dagster_dev


def orders_since_1993(project: Path) -> int:
    days = pq.read_table(project / "data/orders.parquet", columns=["o_orderdate"])["o_orderdate"]
    return int(pc.sum(pc.greater_equal(days, datetime.date(1993, 1, 1))).as_py())


def edit(file: Path, before: str, after: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(before) == 1
    file.write_text(text.replace(before, after), encoding="utf-8")


def double_targets(file: Path) -> None:
    targets = ipc.open_file(file).read_all()
    place = targets.schema.get_field_index("target_revenue")
    doubled = pc.multiply(targets[place], pa.scalar(2)).cast(targets.schema.field(place).type)
    with ipc.new_file(file, targets.schema) as writer:
        writer.write_table(targets.set_column(place, "target_revenue", doubled))


def assert_drawn(image: Locator) -> None:
    width, height = picture_size(image)
    assert width > 300
    assert height > 100


def write_report(project: Path) -> Path:
    file = project / "report.html"
    done = CliRunner().invoke(main, ["--project", str(project), "report", "--output", str(file)])
    assert done.exit_code == 0, done.output
    return file


WRONG = "cast(markets.nation_name as bigint) as nation_name"


@pytest.mark.slow
def test_a_person_sees_the_demo_run_change_and_fail(tmp_path: Path, screenshots: Path) -> None:
    with browser() as chromium:
        project = copy_demo(tmp_path / "shop")
        with dagster_dev(project, tmp_path / "home") as server:
            tell(chromium, server, project, screenshots)


def tell(chromium: Browser, server: Server, project: Path, screenshots: Path) -> None:
    window = open_window(chromium, screenshots)
    ui = Dagster(window.page, server.url)

    # Everything is materialised from the graph, but for the view of which Dagster would ask: which days?
    ui.materialize("not key:daily_revenue", 46)
    window.shoot("graph")
    first = server.run_ended(1)
    assert (first.status, len(first.views)) == ("SUCCESS", 46)
    run = ui.run(first.id)
    expect(run.says("Succeeded (46)")).to_be_visible()
    window.shoot("run")
    assert_drawn(open_picture(window.page, "dfplan/timeline"))
    window.shoot("run-gantt")
    close_dialog(window.page)

    # An asset says how many rows it has, and where its columns come from.
    asset = ui.asset("order_totals")
    expect(asset.row_count()).to_have_text(f"{orders_since_1993(project):,}")
    expect(asset.column("net_amount")).to_contain_text("from staging.order_lines.net_amount (direct)")
    expect(asset.unsynced).to_have_count(0)
    window.shoot("asset")
    assert_drawn(open_picture(window.page, "dfplan/plan_picture"))
    window.shoot("asset-plan")
    close_dialog(window.page)

    # A second run makes lines of its numbers.
    asset.materialize()
    second = server.run_ended(2)
    assert second.views == {"order_totals"}
    asset = ui.asset("order_totals")
    asset.show_plots()
    for key in ("dagster/row_count", "dfplan/wall_seconds"):
        assert inked_pixels(asset.plot(key)) > 0
    window.shoot("asset-plots")

    # A changed query makes its view stale, a changed comment does not.
    monthly_sales = project / "views/marts/sales/monthly_sales.sql"
    export_markets = project / "views/marts/supply/export_markets.sql"
    edit(monthly_sales, "rows between 2 preceding", "rows between 3 preceding")
    edit(export_markets, "are no export markets.", "are left out.")
    loaded_at = server.loaded_at()
    ui.reload_code()
    server.until("the reload", lambda: True if server.loaded_at() > loaded_at else None)
    asset = ui.asset("monthly_sales")
    expect(asset.unsynced).to_be_visible()
    window.shoot("asset-unsynced")
    asset = ui.asset("export_markets")
    assert server.stale_status("export_markets") == "FRESH"
    asset.settle()
    expect(asset.unsynced).to_have_count(0)

    # A view that fails says which view, why, and what to do.
    edit(export_markets, "markets.nation_name,\n", f"{WRONG},\n")
    asset.materialize()
    third = server.run_ended(3)
    assert (third.status, third.views) == ("FAILURE", frozenset())
    run = ui.run(third.id)
    window.shoot("run-failed")
    expect(run.says("Errored (1)")).to_be_visible()
    said = re.compile(r"export_markets\.sql \(view export_markets\): Cannot cast string")
    expect(run.says(said).last).to_be_visible()
    asset = ui.asset("export_markets")
    expect(asset.says_failed()).to_be_visible()
    window.shoot("asset-failed")
    edit(export_markets, f"{WRONG},\n", "markets.nation_name,\n")

    # The sensor, once turned on, runs what is stale and no more.
    double_targets(project / "data/targets.arrow")
    sensor = ui.sensor("dfplan_drift")
    sensor.turn_on()
    fourth = server.run_ended(4)
    assert fourth.status == "SUCCESS"
    assert fourth.views == {
        "monthly_sales",
        "reconciliation",
        "staging/targets",
        "target_attainment",
        "reporting/executive_summary",
    }
    sensor = ui.sensor("dfplan_drift")
    expect(sensor.latest_tick).to_contain_text("1 run requested")
    expect(sensor.run(fourth.id)).to_be_visible()
    window.shoot("sensor")

    # The report opens from the disk and finds a view by what it is about, or by one of its columns.
    report = Report.open(window.page, write_report(project))
    window.shoot("report")
    expect(report.search("quarter attainment").first).to_contain_text("target_attainment")
    window.shoot("report-search")
    window.page.keyboard.press("Enter")
    expect(report.heading).to_have_text("target_attainment")
    window.shoot("report-view")

    assert window.asked_elsewhere == []
    show_again(chromium, server, first.id, project / "report.html", screenshots)


def show_again(chromium: Browser, server: Server, run_id: str, report: Path, screenshots: Path) -> None:
    """The pictures in dark colours, and the pages on a narrow window, for people to look at."""
    window = open_window(chromium, screenshots, "dark")
    ui = Dagster(window.page, server.url)
    ui.asset("order_totals")
    window.shoot("dark-asset")
    assert_drawn(open_picture(window.page, "dfplan/plan_picture"))
    window.shoot("dark-asset-plan")
    close_dialog(window.page)
    assert_drawn(open_picture(window.page, "dfplan/operator_timeline"))
    window.shoot("dark-asset-operators")
    ui.run(run_id)
    assert_drawn(open_picture(window.page, "dfplan/timeline"))
    window.shoot("dark-run-gantt")
    Report.open(window.page, report)
    window.shoot("dark-report")

    narrow = open_window(chromium, screenshots, width=800, height=900)  # Dagster's own pages need that much
    ui = Dagster(narrow.page, server.url)
    ui.asset("order_totals")
    narrow.shoot("narrow-asset")
    plan = open_picture(narrow.page, "dfplan/plan_picture")
    assert_drawn(plan)
    assert cut_off(plan) == 0
    narrow.shoot("narrow-asset-plan")
    close_dialog(narrow.page)
    ui.run(run_id)
    gantt = open_picture(narrow.page, "dfplan/timeline")
    assert_drawn(gantt)
    assert cut_off(gantt) == 0
    narrow.shoot("narrow-run-gantt")
    narrow.page.set_viewport_size({"width": 400, "height": 800})
    Report.open(narrow.page, report)
    narrow.shoot("narrow-report", whole=True)
    assert window.asked_elsewhere + narrow.asked_elsewhere == []
