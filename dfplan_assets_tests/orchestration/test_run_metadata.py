from __future__ import annotations

import datetime
import json
import os
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfplan_assets.errors import StoreError
from dfplan_assets.execution.materialise import Materialisation
from dfplan_assets.execution.profile import OperatorProfile, RunProfile
from dfplan_assets.execution.publication import Publication
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.orchestration.assets import view_assets
from dfplan_assets.orchestration.definitions import project_definitions
from dfplan_assets.orchestration.run_metadata import EVENT_LIMIT_BYTES, lineage_bytes_at_most
from dfplan_assets.orchestration.runner import Attempt, Made
from dfplan_assets.orchestration.translator import DfplanTranslator
from dfplan_assets.planning.bundle import ProjectPlan, SubstraitPlan, Validation
from dfplan_assets.project import load_project
from dfplan_assets.store import Recorded
from dfplan_assets_tests.small_projects import bundle_of, plan_of, write_project, write_shop

_NOW = datetime.datetime(2024, 5, 1, tzinfo=datetime.timezone.utc)


@pytest.fixture
def revenue(tmp_path: Path) -> dg.AssetMaterialization:
    """What Dagster stores of a real materialisation of the shop's revenue, on any number of cores."""
    file = write_shop(tmp_path) / "dfplan.yaml"
    file.write_text(json.dumps({**json.loads(file.read_text()), "engine": {"target_partitions": 2}}))
    job = project_definitions(plan_of(tmp_path)).resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, asset_selection=[dg.AssetKey("revenue")])
        (materialisation,) = result.asset_materializations_for_node("revenue")
    return materialisation


def test_rows_and_bytes_are_those_of_the_published_files(
    tmp_path: Path, revenue: dg.AssetMaterialization
) -> None:
    published = Warehouse.of(load_project(tmp_path)).current("revenue")
    assert published is not None
    files = [Path(file) for file in published.files]
    assert (
        revenue.metadata["dagster/row_count"].value == sum(pq.read_metadata(f).num_rows for f in files) == 2
    )
    assert revenue.metadata["dagster/size_bytes"].value == sum(os.path.getsize(f) for f in files)


def test_the_only_numbers_are_those_worth_a_plot(revenue: dg.AssetMaterialization) -> None:
    numbers = {
        key
        for key, value in revenue.metadata.items()
        if isinstance(value, (dg.IntMetadataValue, dg.FloatMetadataValue))
    }
    # Whether the peak memory can be told depends on the system and on what ran before in this process.
    assert numbers - {"dfplan/peak_memory_bytes"} == {
        "dagster/row_count",
        "dagster/size_bytes",
        "dfplan/wall_seconds",
        "dfplan/cpu_seconds",
        "dfplan/input_bytes",
        "dfplan/bytes_scanned",
        "dfplan/spilled_bytes",
        "dfplan/partitions",
    }


def test_the_executed_plan_shows_operators_with_their_rows(
    tmp_path: Path, revenue: dg.AssetMaterialization
) -> None:
    tree = str(revenue.metadata["dfplan/executed_plan"].value)
    scans = [line.split() for line in tree.splitlines() if "DataSourceExec" in line]
    # three orders in Parquet, two nations in CSV; the first number is the count of rows
    assert sorted(scan[0] for scan in scans) == ["2", "3"]
    assert "data/orders.parquet" in tree
    assert str(tmp_path).lstrip("/") not in tree


def test_the_table_of_operators_numbers_them_as_the_tree_does(revenue: dg.AssetMaterialization) -> None:
    tree = str(revenue.metadata["dfplan/executed_plan"].value).splitlines()
    (aggregate,) = (line.split() for line in tree if "mode=Final" in line)
    table = str(revenue.metadata["dfplan/operators"].value)
    rows = {cells[1].strip(): cells for line in table.splitlines()[2:] if (cells := line.split("|"))}
    assert rows[aggregate[1]][2].strip() == "AggregateExec"
    assert rows[aggregate[1]][3].strip() == aggregate[0] == "2"


def test_column_lineage_is_in_dagsters_own_type(revenue: dg.AssetMaterialization) -> None:
    lineage = revenue.metadata["dagster/column_lineage"].value
    assert isinstance(lineage, dg.TableColumnLineage)
    origins = {(dep.asset_key.to_user_string(), dep.column_name) for dep in lineage.deps_by_column["name"]}
    assert origins == {("nation", "name"), ("nation", "key"), ("orders", "nation_key")}


def _monster(operators: int) -> RunProfile:
    """A profile of many operators with long texts, a tree in which each has two children."""

    def operator(number: int) -> OperatorProfile:
        children = tuple(operator(n) for n in (2 * number, 2 * number + 1) if n <= operators)
        display = f"MonsterExec: \N{SNOWMAN} expr=[{'very long expression, ' * 500}]"
        return OperatorProfile("MonsterExec", display, 64, number, 10**9 + number, {}, None, None, children)

    return RunProfile("wide", _NOW, 1.0, 2.0, 1, 1, operator(1))


def _write_wide(folder: Path, columns: list[str], query: str, filtered: list[str]) -> None:
    """A project with a view ``wide`` over a source of many columns, filtered by some of them."""
    pq.write_table(pa.table({name: [1] for name in columns}), folder / "wide.parquet")
    condition = " and ".join(f"{name} > 0" for name in filtered)
    write_project(folder, {"wide.sql": f"{query} where {condition}"}, {"source": "wide.parquet"})


def _run_fake(project: ProjectPlan, profile: RunProfile) -> list[tuple[str, int, dg.DagsterEvent]]:
    """The events of a run of the view ``wide``, with their sizes as Dagster stores them.

    The tree of its plan, what Substrait says of it and why the store failed are long too.
    """
    loud = StoreError("plan store", "no " * 10_000, "Stop " * 10_000)
    reason = Validation("differs", "because " * 10_000)

    def make(attempt: Attempt) -> Made:
        view = attempt.view
        publication = Publication(view, "v1", ("part-0.parquet",), 1, 1, _NOW)
        bundle = replace(
            bundle_of(project.views[view]),
            tree="│ \N{SNOWMAN} │\n" * 100_000,
            substrait=SubstraitPlan(b"x" * 10**6, None, ("Unnest",) * 10_000, reason),
        )
        return Made(
            Materialisation(publication, profile, bundle), Recorded("0" * 64, loud, loud, None), None, None
        )

    assets = view_assets(project, DfplanTranslator(), make)
    with dg.DagsterInstance.ephemeral() as instance:
        job = dg.Definitions(assets=assets).resolve_implicit_global_asset_job_def()
        result = job.execute_in_process(instance=instance, asset_selection=[dg.AssetKey("wide")])
        return [
            (entry.dagster_event.event_type_value, len(dg.serialize_value(entry)), entry.dagster_event)
            for entry in instance.all_logs(result.run_id)
            if entry.dagster_event is not None
        ]


def _metadata(events: list[tuple[str, int, dg.DagsterEvent]]) -> dict[str, object]:
    (event,) = (event for kind, _, event in events if kind == "ASSET_MATERIALIZATION")
    return {
        key: value.value for key, value in event.step_materialization_data.materialization.metadata.items()
    }


def test_no_event_of_a_monstrous_view_is_large(tmp_path: Path) -> None:
    columns = [f"column_with_a_rather_long_name_{n}" for n in range(300)]
    selected = ", ".join(f"{name} + id as {name}_plus" for name in columns)
    _write_wide(tmp_path, ["id", *columns], f"select {selected} from source", columns)
    events = _run_fake(plan_of(tmp_path), _monster(3000))
    assert {"ASSET_MATERIALIZATION", "STEP_OUTPUT"} <= {kind for kind, _, _ in events}
    assert {kind: size for kind, size, _ in events if size > EVENT_LIMIT_BYTES} == {}

    found = _metadata(events)
    # 300 columns, each from two columns directly and 300 indirectly
    assert "90,600 origins of 300 columns" in str(found["dfplan/column_lineage_cut"])
    assert "`dfplan lineage wide`" in str(found["dfplan/column_lineage_cut"])
    assert "dagster/column_lineage" not in found
    for part in ("dfplan/executed_plan", "dfplan/operators"):
        head, _, shown = str(found[part]).partition("\n\n")
        kept = shown.count("MonsterExec")
        assert kept > 50
        assert f"{3000 - kept:,} of 3,000 operators are left out" in head
        assert "`dfplan show wide` prints all of them" in head


def test_the_costliest_operators_survive_a_cut(tmp_path: Path) -> None:
    write_project(tmp_path, {"wide.sql": "select 1 as one"})
    table = str(_metadata(_run_fake(plan_of(tmp_path), _monster(3000)))["dfplan/operators"])
    first = table.split("\n\n")[1].splitlines()[2].split("|")
    assert first[3].strip() == "3,000"  # its number is its rows and its nanoseconds above a second


def test_where_all_origins_are_too_many_the_direct_ones_stay(tmp_path: Path) -> None:
    columns = [f"c{n}" for n in range(60)]
    _write_wide(tmp_path, columns, f"select {', '.join(columns)} from source", columns)
    found = _metadata(_run_fake(plan_of(tmp_path), _monster(1)))
    lineage = found["dagster/column_lineage"]
    assert isinstance(lineage, dg.TableColumnLineage)
    assert {column: [dep.column_name for dep in deps] for column, deps in lineage.deps_by_column.items()} == {
        column: [column] for column in columns
    }
    assert "only direct origins are stored" in str(found["dfplan/column_lineage_cut"])


def test_the_figures_that_explain_a_runs_time_are_numbers(
    tmp_path: Path, revenue: dg.AssetMaterialization
) -> None:
    nation, orders = tmp_path / "data" / "nation.csv", tmp_path / "data" / "orders.parquet"
    figures = {key: value.value for key, value in revenue.metadata.items()}
    assert figures["dfplan/input_bytes"] == nation.stat().st_size + orders.stat().st_size
    assert "dfplan/input_rows" not in figures  # the rows of a CSV file are not known
    assert figures["dfplan/spilled_bytes"] == 0
    scanned = figures["dfplan/bytes_scanned"]
    assert isinstance(scanned, int)
    assert 0 < scanned <= orders.stat().st_size
    partitions = figures["dfplan/partitions"]
    assert isinstance(partitions, int)
    assert partitions >= 1


@given(
    st.dictionaries(
        st.text(max_size=8),
        st.lists(
            st.builds(
                dg.TableColumnDep,
                asset_key=st.builds(dg.AssetKey, st.lists(st.text(max_size=8), min_size=1, max_size=3)),
                column_name=st.text(max_size=8),
            ),
            max_size=4,
        ),
        max_size=4,
    )
)
def test_a_lineage_is_never_larger_than_it_is_reckoned(deps: dict[str, list[dg.TableColumnDep]]) -> None:
    lineage = dg.TableColumnLineage(deps)
    assert len(dg.serialize_value(lineage)) <= lineage_bytes_at_most(lineage)
