"""What writing golden files does, and to whose plans."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dfplan_assets.errors import GoldenError
from dfplan_assets.golden.accept import accept
from dfplan_assets.golden.check import check_project
from dfplan_assets.golden.update import update
from dfplan_assets.planning import capture
from dfplan_assets.planning.bundle import SubstraitPlan
from dfplan_assets.planning.substrait import NOT_VALIDATED
from dfplan_assets.project import load_project
from dfplan_assets.store import open_store
from dfplan_assets_tests.small_projects import write_project, write_shop


def complete(folder: Path, view: str) -> dict[str, Any]:
    text = (folder / "goldens" / view / "complete.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def recorded_sizes(folder: Path) -> dict[str, list[int | None] | None]:
    return dict(json.loads((folder / "goldens" / "project.environment.json").read_text())["sizes"])


def test_only_what_changed_is_written(shop: Path) -> None:
    view = shop / "views" / "staging" / "mart.cheap.sql"
    view.write_text(view.read_text().replace("25", "26"))
    updated = update(load_project(shop))
    assert updated.written == ("mart.cheap",)
    assert updated.unchanged == ("revenue", "best")


def test_updating_one_view_leaves_the_drift_of_others(shop: Path) -> None:
    for name in ("staging/mart.cheap.sql", "marts/revenue.sql"):
        view = shop / "views" / name
        view.write_text(view.read_text().replace("price", "price * 2", 1).replace("id, ", ""))
    update(load_project(shop), ["mart.cheap"])
    assert [view.view for view in check_project(load_project(shop)).drifted] == ["revenue"]


def test_updating_one_view_does_not_accept_settings(shop: Path) -> None:
    document = json.loads((shop / "dfplan.yaml").read_text())
    document["engine"] = {"settings": {"datafusion.execution.batch_size": 1024}}
    (shop / "dfplan.yaml").write_text(json.dumps(document))
    update(load_project(shop), ["best"])
    assert check_project(load_project(shop)).settings == (
        "setting datafusion.execution.batch_size: 8192 → 1024",
    )
    update(load_project(shop))
    assert check_project(load_project(shop)).exit_code == 0


def test_a_file_for_review_shows_operators_join_order_filters_and_partitions(tmp_path: Path) -> None:
    folder = write_shop(
        tmp_path,
        few="select n.name, o.price from orders o join nation n on o.nation_key = n.key where o.price > 5",
    )
    update(load_project(folder))
    assert (
        (folder / "goldens" / "few" / "plan.txt").read_text()
        == """\
view few
reads nation
reads orders
gives name: string_view
gives price: double
settings datafusion.execution.target_partitions = 4
join order (orders ⋈ nation)

HashJoin mode=CollectLeft, join_type=Inner, on=[(nation_key@1, key@0)]
  CoalescePartitions
    Filter price@0 > 5
      Repartition partitioning=RoundRobinBatch(4)
        DataSource orders in 1 part, file_type=parquet, predicate=price@1 > 5
  Repartition partitioning=RoundRobinBatch(4)
    DataSource nation in 1 part, file_type=csv, has_header=true
"""
    )


def test_a_complete_file_has_all_that_the_plan_was_made_of_and_with(shop: Path) -> None:
    found = complete(shop, "revenue")
    assert found["output"] == [["name", "string_view", True], ["total", "double", True]]
    assert found["sql"][-1] == ""
    assert found["optimized_plan"][0] == "Projection: n.name, sum(o.price) AS total"
    assert len(found["substrait"]["sha256"]) == 64
    assert found["tree"][0].startswith("┌")
    assert ["optimizer", "optimize_projections"] in found["rules"]
    assert ["public", "nation", "key", 0, "Int64", "YES"] in found["input_columns"]
    assert {row[0] for row in found["functions"]} == {"sum"}


def test_the_project_s_file_has_settings_and_information_schema(shop: Path) -> None:
    found = json.loads((shop / "goldens" / "project.environment.json").read_text())
    assert found["df_settings"]["datafusion.execution.target_partitions"] == "4"
    assert ["public", "revenue", "BASE TABLE"] in found["tables"]
    assert found["sources"]["orders"] == [
        ["id", "int64", True],
        ["price", "double", True],
        ["nation_key", "int64", True],
    ]
    assert found["sizes"]["orders"] == [1, (shop / "data" / "orders.parquet").stat().st_size, 3]
    assert found["sizes"]["nation"] == [1, (shop / "data" / "nation.csv").stat().st_size, None]
    assert found["sizes"]["revenue"] is None


def joined(tmp_path: Path) -> Path:
    """Two tables of which the first is the larger, their join, and a view beside it."""
    (tmp_path / "data").mkdir()
    for name, rows in (("first", 1000), ("second", 10)):
        pq.write_table(pa.table({"k": range(rows), name: range(rows)}), tmp_path / "data" / f"{name}.parquet")
    views = {
        "pairs.sql": "select a.first, b.second from first a join second b on a.k = b.k",
        "other.sql": "select 1 as one",
    }
    sources = {name: f"data/{name}.parquet" for name in ("first", "second")}
    return write_project(tmp_path, views, sources)


def test_recorded_sizes_outlive_other_data_until_they_are_taken_anew(tmp_path: Path) -> None:
    folder = joined(tmp_path)
    update(load_project(folder))
    review = folder / "goldens" / "pairs" / "plan.txt"
    assert "join order (second ⋈ first)" in review.read_text()
    table = pa.table({"k": range(50_000), "second": range(50_000)})
    pq.write_table(table, folder / "data" / "second.parquet")
    assert update(load_project(folder)).written == ()
    # Taken with another view, the new sizes reorder a join and nothing else.
    update(load_project(folder), ["other"], sizes=True)
    (pairs,) = check_project(load_project(folder), level="plan").drifted
    assert (pairs.view, pairs.kind) == ("pairs", "physical only")
    assert "join of first and second has its sides or keys in another order" in pairs.cause
    assert check_project(load_project(folder), level="meaning").exit_code == 0
    update(load_project(folder))
    assert "join order (first ⋈ second)" in review.read_text()


def test_a_secret_value_is_in_no_golden_file_and_its_change_in_none(tmp_path: Path) -> None:
    def write(secret: str) -> Path:
        return write_project(
            tmp_path,
            {"kept.sql": "select id from orders where note = $token"},
            {"orders": {"path": "data/orders.parquet", "columns": {"id": "int64", "note": "string"}}},
            params={"token": {"value": secret, "secret": True}},
        )

    update(load_project(write("hunter2")))
    before = {file: file.read_text() for file in (tmp_path / "goldens").rglob("*.*") if file.is_file()}
    assert not any("hunter2" in text for text in before.values())
    folder = write("another")
    assert check_project(load_project(folder)).exit_code == 0
    assert update(load_project(folder)).written == ()
    assert all(file.read_text() == text for file, text in before.items())


def test_a_plan_without_substrait_is_golden_where_that_is_preferred(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql = "select id from orders where id in (select key from nation limit 0)"
    folder = write_shop(tmp_path, odd=sql)
    monkeypatch.setattr(
        capture, "encode", lambda *_: SubstraitPlan(None, "Limit: it is odd", (), NOT_VALIDATED)
    )
    (problem,) = update(load_project(folder), ["odd"]).problems
    assert "no Substrait form: Limit: it is odd" in str(problem)
    document = json.loads((folder / "dfplan.yaml").read_text())
    document["planning"] = {"substrait": "preferred"}
    (folder / "dfplan.yaml").write_text(json.dumps(document))
    assert update(load_project(folder)).problems == ()
    assert complete(folder, "odd")["substrait"]["refusal"] == "Limit: it is odd"
    assert check_project(load_project(folder)).exit_code == 0


def test_a_query_that_plans_and_cannot_run_is_a_problem_of_its_own(shop: Path) -> None:
    sql = "select id, case when exists (select 1 from nation where key = id) then 1 end as c from orders"
    (shop / "views" / "odd.sql").write_text(sql)
    updated = update(load_project(shop))
    (problem,) = updated.problems
    assert "Physical plan does not support logical expression Exists" in str(problem)
    assert "view odd" in problem.where
    assert set(updated.unchanged) == {"revenue", "best", "mart.cheap"}


def test_accepting_takes_the_new_plan_and_keeps_who_when_and_why(shop: Path) -> None:
    view = shop / "views" / "staging" / "mart.cheap.sql"
    view.write_text(view.read_text().replace("25", "26"))
    project = load_project(shop)
    accept(project, ["mart.cheap"], "the threshold moved, #12")
    assert check_project(project).exit_code == 0
    with open_store(project.store) as store:
        (record,) = store.acceptances("mart.cheap")
    found = complete(shop, "mart.cheap")
    assert (record.complete, record.fingerprint) == (found["complete"], found["fingerprint"])
    assert record.note == "the threshold moved, #12"
    assert record.accepted_by
    assert record.accepted_at.tzinfo is not None


def test_a_golden_plan_of_a_newer_dfplan_is_not_accepted_over(shop: Path) -> None:
    file = shop / "goldens" / "best" / "complete.json"
    newer = file.read_text(encoding="utf-8").replace('"format": 1', '"format": 2', 1)
    file.write_text(newer, encoding="utf-8")
    with pytest.raises(GoldenError, match="a newer dfplan than this one") as raised:
        accept(load_project(shop), ["revenue", "best"], "of an older release")
    assert raised.value.where == str(file)
    assert file.read_text(encoding="utf-8") == newer


def test_views_of_odd_names_have_golden_plans(tmp_path: Path) -> None:
    folder = write_shop(tmp_path)
    (folder / "views" / "Odd Name ü.sql").write_text(
        'select * from "mart.cheap"'.replace('"mart.cheap"', "mart.cheap")
    )
    (folder / "views" / "reader.sql").write_text('select id from "Odd Name ü"')
    assert update(load_project(folder)).problems == ()
    assert "DataSource Odd Name ü in 4 parts" in (folder / "goldens" / "reader" / "plan.txt").read_text()
    assert check_project(load_project(folder)).exit_code == 0


VIRTUAL = "/* ---\nmaterialized: view\n--- */\n"


def virtual_shop(tmp_path: Path, secret: str = "hunter2", limit: int = 25) -> Path:
    """A view that is not stored, with a secret in it, and one that reads it."""
    views = {
        "cheap.sql": f"{VIRTUAL}select id, note from orders where price < {limit} and note = $token",
        "reader.sql": "select count(*) as n from cheap",
    }
    columns = {"id": "int64", "note": "string", "price": "double"}
    source = {"path": "data/orders.parquet", "columns": columns}
    params = {"token": {"value": secret, "secret": True}}
    return write_project(tmp_path, views, {"orders": source}, params=params)


def test_a_view_that_is_not_stored_stands_in_the_golden_plan_of_its_reader(tmp_path: Path) -> None:
    update(load_project(virtual_shop(tmp_path)))
    review = (tmp_path / "goldens" / "reader" / "plan.txt").read_text()
    assert "DataSource orders" in review
    assert "price@" in review
    found = check_project(load_project(virtual_shop(tmp_path, limit=26)))
    assert {view.view: view.kind for view in found.drifted} == {
        "cheap": "rows or values may differ",
        "reader": "rows or values may differ",
    }
    assert "filter `price < 25` became `price < 26`" in found.drifted[1].cause


def test_a_secret_of_an_inlined_view_is_in_no_golden_file(tmp_path: Path) -> None:
    update(load_project(virtual_shop(tmp_path)))
    files = [file for file in (tmp_path / "goldens").rglob("*.*") if file.is_file()]
    assert not any("hunter2" in file.read_text() for file in files)
    folder = virtual_shop(tmp_path, secret="another")
    assert check_project(load_project(folder)).exit_code == 0
    assert update(load_project(folder)).written == ()


def test_a_delta_table_has_its_size_recorded_and_need_not_be_there(tmp_path: Path) -> None:
    deltalake = pytest.importorskip("deltalake")
    table = pa.table({"id": [1, 2, 3], "day": ["a", "a", "b"]})
    deltalake.write_deltalake(str(tmp_path / "data" / "orders"), table, partition_by=["day"])
    source = {"path": "data/orders", "format": "delta"}
    views = {"few.sql": "select id from orders where id > 1"}
    folder = write_project(tmp_path, views, {"orders": source})
    assert update(load_project(folder)).problems == ()
    sizes = recorded_sizes(folder)["orders"]
    assert sizes is not None
    assert (sizes[0], sizes[2]) == (2, 3)
    assert "DataSource orders in 2 parts" in (folder / "goldens" / "few" / "plan.txt").read_text()
    shutil.rmtree(folder / "data")
    assert check_project(load_project(folder)).exit_code == 0


def test_a_damaged_source_keeps_its_recorded_columns_and_size(shop: Path) -> None:
    before = recorded_sizes(shop)["orders"]
    (shop / "data" / "orders.parquet").write_bytes(b"PAR1 but no Parquet")
    assert len(update(load_project(shop)).problems) == 3
    shutil.rmtree(shop / "data")
    assert recorded_sizes(shop)["orders"] == before
    assert check_project(load_project(shop)).exit_code == 0
