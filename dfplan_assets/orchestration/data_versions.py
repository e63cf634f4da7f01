"""What Dagster is told of data versions, so that what it calls stale is what is stale.

Sources are observable assets. A step says what it read: it logs an observation for each source whose version
is another one than Dagster knows, and its materialisation carries the data versions that its result was made
of, as the manifest has them, rather than those that Dagster fetched when the step began.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping

import dagster as dg
from dagster._core.definitions.data_version import (
    CODE_VERSION_TAG,
    DATA_VERSION_TAG,
    extract_data_version_from_entry,
    get_input_data_version_tag,
)

from dfplan_assets.errors import DfplanError
from dfplan_assets.execution.publication import Publication
from dfplan_assets.execution.source_versions import source_version
from dfplan_assets.orchestration.markdown import shorten
from dfplan_assets.orchestration.port_names import PortNames
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.project.model import Source

STALE_TAG = "dfplan/stale"
"""The tag of a run in which each view takes its last result where running it would give nothing else."""

OBSERVE_OP = "observe_sources"
"""The op that observes sources."""

_FAILURE_BYTES = 8_000
_NEVER_UP_TO_DATE = "never up to date: uses"


def observable_sources(
    plan: ProjectPlan, specs: Mapping[str, dg.AssetSpec], op_name: str
) -> dg.AssetsDefinition:
    """One op that tells the version of the sources by name; what cannot be told fails it at its end."""
    name_of_key = {spec.key: name for name, spec in specs.items()}
    ports = PortNames.of_specs(specs.values())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # raised by the decorator itself

        observable = dg.multi_observable_source_asset(
            name=op_name,
            specs=[ports.on(spec.replace_attributes(skippable=True)) for spec in specs.values()],
            can_subset=True,
        )

        def observe() -> Iterator[dg.ObserveResult]:
            context = dg.AssetExecutionContext.get()
            failures = []
            for key in sorted(context.selected_asset_keys):
                source = plan.project.sources[name_of_key[key]]
                try:
                    version = source_version(source, plan.project.root)
                except DfplanError as error:
                    failures.append(str(error))
                    continue
                if version.version is None:
                    failures.append(f"source {source.name}: {version.problem}")
                    continue
                metadata = {"dfplan/what": dg.MetadataValue.json(dict(version.parts))}
                yield dg.ObserveResult(
                    asset_key=key, data_version=dg.DataVersion(version.version), metadata=metadata
                )
            if failures:
                raise dg.Failure(shorten("\n".join(failures), _FAILURE_BYTES), allow_retries=False)

        observing: dg.AssetsDefinition = observable(observe)
    return ports.restore(observing)


def tell_sources_read(
    context: dg.AssetExecutionContext,
    sources: Mapping[str, Source],
    key_of: Callable[[str], dg.AssetKey],
    publication: Publication,
) -> None:
    """Logs an observation for each source that was read in another version than was last observed."""
    for name, version in _inputs(publication).items():
        if name not in sources or sources[name].is_published or version is None:
            continue
        record = context.instance.get_latest_data_version_record(key_of(name), is_source=True)
        known = None if record is None else extract_data_version_from_entry(record.event_log_entry)
        if known is None or known.value != version:
            context.log_event(dg.AssetObservation(key_of(name), tags={DATA_VERSION_TAG: version}))


def provenance_tags(
    plan: ProjectPlan, view: str, key_of: Callable[[str], dg.AssetKey], publication: Publication
) -> dict[str, str]:
    """The tags of a materialisation that say of what its result was made.

    Dagster compares them with what there is now. A view with volatile functions gets a code version that no
    view ever has, so that it is never up to date for Dagster either.
    """
    direct = plan.views[view].lineage.tables
    tags = {
        get_input_data_version_tag(key_of(table)): version
        for table, version in _inputs(publication).items()
        if table in direct and version is not None
    }
    identity = plan.views[view].identity
    if identity.volatile_functions or None in _inputs(publication).values():
        names = ", ".join(f"{name}()" for name in identity.volatile_functions) or "an unknown source version"
        tags[CODE_VERSION_TAG] = f"{identity.fingerprint} {_NEVER_UP_TO_DATE} {names}"
    return tags


def fingerprint_of_code_version(code_version: str | None) -> str | None:
    """The fingerprint in a code version that ``provenance_tags`` or a definition gave."""
    return None if code_version is None else code_version.partition(" ")[0]


def _inputs(publication: Publication) -> Mapping[str, str | None]:
    return {} if publication.provenance is None else publication.provenance.inputs
