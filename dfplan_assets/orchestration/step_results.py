"""What the step of a view makes: a result, or one for each partition that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from dfplan_assets.errors import ExecutionError, InputError
from dfplan_assets.execution.publication import Publication
from dfplan_assets.orchestration.bundle_metadata import bundle_metadata, store_failure
from dfplan_assets.orchestration.data_versions import STALE_TAG, tell_sources_read
from dfplan_assets.orchestration.markdown import shorten
from dfplan_assets.orchestration.picture_metadata import picture_metadata
from dfplan_assets.orchestration.run_metadata import reused_metadata, run_metadata
from dfplan_assets.orchestration.runner import Attempt, Made, Make, Reused
from dfplan_assets.orchestration.view_checks import ViewChecks
from dfplan_assets.planning.bundle import ProjectPlan

_FAILURE_BYTES = 8_000


@dataclass(frozen=True)
class StepResults:
    """The results of a step with the metadata of each, and the asset checks that each was given.

    ``asked`` counts the partitions that were to be made, 1 for a view without; ``failures`` say why others
    than those of ``results`` were not.
    """

    asked: int
    results: tuple[tuple[Publication, Mapping[str, dg.MetadataValue]], ...]
    checks: tuple[Sequence[dg.AssetCheckResult], ...]
    failures: tuple[str, ...]

    @property
    def failure(self) -> str | None:
        """What went wrong, of several partitions with how many of them failed; None where nothing did."""
        if not self.failures:
            return None
        text = "\n".join(self.failures)
        if self.asked > 1:
            failed = f"{len(self.failures):,} of {self.asked:,} partitions failed, the others are published."
            text = f"{failed}\n{text}"
        return shorten(text, _FAILURE_BYTES)


def make_results(
    context: dg.AssetExecutionContext,
    project: ProjectPlan,
    view: str,
    partition_keys: Sequence[str],
    make: Make,
    checker: ViewChecks,
    key_of: Callable[[str], dg.AssetKey],
) -> StepResults:
    """Makes a view, or these partitions of it one after the other; one that fails leaves the others.

    Tells Dagster of the versions of the sources that were read, and evaluates the checks that are selected.
    ``key_of`` gives the asset key of any table. For a view with partitions and no key the failure says which
    there are.
    """
    results: list[tuple[Publication, Mapping[str, dg.MetadataValue]]] = []
    checks: list[Sequence[dg.AssetCheckResult]] = []
    failures: list[str] = []
    keys: Sequence[str | None] = partition_keys or (None,)
    for key in keys:
        attempt = Attempt(
            view,
            context.run.run_id,
            number=context.retry_number + 1,
            partition_key=key,
            only_if_stale=context.run.tags.get(STALE_TAG) == "true",
        )
        try:
            made = make(attempt)
        except (ExecutionError, InputError) as error:
            failures.append(str(error))
            continue
        unstored = store_failure(made.recorded)
        if unstored is not None:
            context.log.warning(unstored)
        publication, metadata = _shown(project, view, made, key_of)
        results.append((publication, metadata))
        tell_sources_read(context, project.project.sources, key_of, publication)
        checks.append(checker.results(view, made, context.selected_asset_check_keys, context.instance))
    return StepResults(len(keys), tuple(results), tuple(checks), tuple(failures))


def _shown(
    project: ProjectPlan, view: str, made: Made | Reused, key_of: Callable[[str], dg.AssetKey]
) -> tuple[Publication, Mapping[str, dg.MetadataValue]]:
    """A result, and what its materialisation says of it."""
    lineage = project.views[view].lineage
    if isinstance(made, Reused):
        return made.publication, reused_metadata(made, lineage, key_of)
    metadata = {
        **run_metadata(made.done, lineage, key_of, project.project.root),
        **bundle_metadata(made),
    }
    return made.done.publication, {**picture_metadata(made.done, metadata), **metadata}
