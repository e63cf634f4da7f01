from __future__ import annotations

from pathlib import Path

import dagster as dg

from dfplan_assets.orchestration.definitions import project_definitions
from dfplan_assets.orchestration.translator import DfplanTranslator
from dfplan_assets_tests.small_projects import plan_of, write_shop


class _Prefixed(DfplanTranslator):
    def get_asset_key(self, table: str) -> dg.AssetKey:
        return super().get_asset_key(table).with_prefix("shop")


def test_a_schema_is_a_part_of_the_key() -> None:
    translator = DfplanTranslator()
    assert translator.get_asset_key("revenue") == dg.AssetKey(["revenue"])
    assert translator.get_asset_key("mart.revenue") == dg.AssetKey(["mart", "revenue"])


def test_a_changed_key_holds_in_definitions_dependencies_and_events(tmp_path: Path) -> None:
    definitions = project_definitions(plan_of(write_shop(tmp_path)), _Prefixed())
    graph = definitions.resolve_asset_graph()
    revenue = dg.AssetKey(["shop", "revenue"])
    assert graph.get(revenue).parent_keys == {
        dg.AssetKey(["shop", "orders"]),
        dg.AssetKey(["shop", "nation"]),
    }
    with dg.DagsterInstance.ephemeral() as instance:
        job = definitions.resolve_implicit_global_asset_job_def()
        job.execute_in_process(instance=instance, asset_selection=[revenue])
        event = instance.get_latest_materialization_event(revenue)
    assert event is not None
    assert event.asset_materialization is not None
    lineage = event.asset_materialization.metadata["dagster/column_lineage"].value
    assert isinstance(lineage, dg.TableColumnLineage)
    origins = {(dep.asset_key.to_user_string(), dep.column_name) for dep in lineage.deps_by_column["total"]}
    assert origins == {
        ("shop/orders", "price"),
        ("shop/orders", "nation_key"),
        ("shop/nation", "key"),
        ("shop/nation", "name"),
    }
