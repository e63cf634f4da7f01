"""The Python assets in the modules that a project names under ``extends:``."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import dagster as dg

from dfplan_assets.errors import ProjectError
from dfplan_assets.execution.published_tables import IO_MANAGER_KEY
from dfplan_assets.orchestration.datafusion_resource import DataFusionResource
from dfplan_assets.orchestration.io_manager import DfplanIOManager
from dfplan_assets.orchestration.table_keys import keys_of_tables
from dfplan_assets.orchestration.translator import DfplanTranslator
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.extensions import load_extensions, shown_name

DATAFUSION_KEY = "datafusion"
"""The key under which a DataFusionResource is at hand for these assets."""

_OWN = frozenset({IO_MANAGER_KEY, DATAFUSION_KEY, "io_manager"})


@dataclass(frozen=True)
class PythonAssets:
    """Assets and asset checks written in Python, and what they find under ``resources``."""

    assets: tuple[dg.AssetsDefinition, ...] = ()
    checks: tuple[dg.AssetChecksDefinition, ...] = ()
    resources: Mapping[str, object] | None = None

    @property
    def keys(self) -> frozenset[dg.AssetKey]:
        """The keys of all that can be materialised."""
        return frozenset(key for asset in self.assets if asset.is_executable for key in asset.keys)

    def partitions_of(self, key: dg.AssetKey) -> dg.PartitionsDefinition[str] | None:
        """The partitions of an asset, None for one that is made as a whole."""
        return next(asset.specs_by_key[key].partitions_def for asset in self.assets if key in asset.keys)

    def checks_of(self, keys: Iterable[dg.AssetKey]) -> PythonAssets:
        """The checks of these assets alone, with what they find under ``resources``."""
        asked = frozenset(keys)
        checks = tuple(
            each for each in self.checks if asked.issuperset(key.asset_key for key in each.check_keys)
        )
        return PythonAssets((), checks, self.resources)

    def readers_of(self, keys: Collection[dg.AssetKey]) -> tuple[dg.AssetKey, ...]:
        """The assets that read one of these themselves."""
        found = {
            key
            for asset in self.assets
            for key in asset.keys
            if not asset.asset_deps[key].isdisjoint(keys) and key in self.keys
        }
        return tuple(sorted(found))


def python_assets(plan: ProjectPlan, translator: DfplanTranslator) -> PythonAssets:
    """What stands at the top level of the modules under ``extends:``: assets, and checks of assets.

    Raises ProjectError for a module that cannot be imported, for two assets of one key, for one that makes a
    published table and names no IO manager that publishes it, and for one that needs a resource which
    nobody has.
    """
    project = plan.project
    found: dict[int, tuple[str, dg.AssetsDefinition]] = {
        id(value): (shown_name(module), value)
        for module in load_extensions(project)
        for value in vars(module).values()
        if isinstance(value, dg.AssetsDefinition)
    }
    if not found:
        return PythonAssets()
    where = f"{project.root / 'dfplan.yaml'}: extends"
    key_of = keys_of_tables(project, translator.get_asset_key)
    published = {
        key_of(source.name): source.name for source in project.sources.values() if source.is_published
    }
    taken = {
        key_of(table): f"{'view' if table in project.views else 'source'} {table}"
        for table in (*plan.all_views, *project.sources)
        if table not in published.values()
    }
    modules: dict[dg.AssetKey, str] = {}
    for module, asset in found.values():
        if isinstance(asset, dg.AssetChecksDefinition):
            continue
        for key in sorted(asset.keys):
            _check_key(where, key, module, taken, modules)
            modules[key] = module
            if key in published:
                _check_publishes(where, asset, key, module, published[key])
        lacking = sorted(asset.required_resource_keys - asset.resource_defs.keys() - _OWN)
        if lacking:
            raise ProjectError(
                where,
                f"the asset {_names(asset.keys)} (module {module}) needs the resource {lacking[0]}, "
                "which this project does not have",
                f"Bring it along: @dg.asset(resource_defs={{{lacking[0]!r}: ...}}); or define the asset "
                "where your definitions are, beside build_view_assets().",
            )
    return PythonAssets(
        tuple(asset for _, asset in found.values() if not isinstance(asset, dg.AssetChecksDefinition)),
        tuple(asset for _, asset in found.values() if isinstance(asset, dg.AssetChecksDefinition)),
        {IO_MANAGER_KEY: DfplanIOManager(plan, translator), DATAFUSION_KEY: DataFusionResource(plan)},
    )


def _check_key(
    where: str,
    key: dg.AssetKey,
    module: str,
    tables: Mapping[dg.AssetKey, str],
    modules: Mapping[dg.AssetKey, str],
) -> None:
    if key in modules:
        raise ProjectError(
            where,
            f"two assets have the key {key.to_user_string()}, in {modules[key]} and {module}",
            "Give one of them another key.",
        )
    if key in tables:
        raise ProjectError(
            where,
            f"the asset {key.to_user_string()} (module {module}) has the key of the {tables[key]}",
            "Give the asset another key; or, if views are to read what it makes, let the source say "
            f"{{asset: {key.to_user_string()}}} in place of a path.",
        )


def _check_publishes(
    where: str, asset: dg.AssetsDefinition, key: dg.AssetKey, module: str, source: str
) -> None:
    output = asset.node_def.output_def_named(asset.get_output_name_for_asset_key(key))
    if output.io_manager_key == IO_MANAGER_KEY and not output.dagster_type.is_nothing:
        return
    said = (
        "is annotated as one that returns nothing"
        if output.dagster_type.is_nothing
        else f"hands what it returns to another IO manager ({output.io_manager_key})"
    )
    raise ProjectError(
        where,
        f"the asset {key.to_user_string()} (module {module}) makes the source {source}, but {said}",
        f'Write it as @dg.asset(io_manager_key="{IO_MANAGER_KEY}"), and let it return a table.',
    )


def _names(keys: Collection[dg.AssetKey]) -> str:
    return ", ".join(key.to_user_string() for key in sorted(keys))
