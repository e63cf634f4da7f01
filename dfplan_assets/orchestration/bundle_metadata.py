"""The short form of a plan bundle, which every materialisation carries, and where the whole bundle is."""

from __future__ import annotations

import dagster as dg

from dfplan_assets.errors import StoreError
from dfplan_assets.orchestration.markdown import fenced, fit, shorten, table
from dfplan_assets.orchestration.runner import Made
from dfplan_assets.planning.bundle import PlanBundle
from dfplan_assets.store import Recorded, topology_figures

_TREE_BYTES = 5_000
_TEXT_BYTES = 700
_NAMES_BYTES = 300
_KEY_CHARACTERS = 12


def bundle_metadata(made: Made) -> dict[str, dg.MetadataValue]:
    """What a plan is, how it differs from the one before, and the key that finds all of it.

    Dagster plots numbers, so the only one is whether the plan is another one than that of the run before: 1
    or 0, beside the plots of what the runs took; left out where no plan before is known. With the other parts
    of a materialisation's metadata it stays below the limit of one event.
    """
    bundle, recorded = made.done.bundle, made.recorded
    found: dict[str, dg.MetadataValue] = {
        "dfplan/fingerprint": dg.MetadataValue.text(bundle.identity.fingerprint),
        "dfplan/plan_changes": dg.MetadataValue.md(_changes(made)),
        "dfplan/explain_tree": dg.MetadataValue.md(_tree(bundle)),
        "dfplan/topology": dg.MetadataValue.md(_topology(bundle)),
        "dfplan/substrait": dg.MetadataValue.text(_substrait(bundle)),
    }
    if made.previous is not None:
        changed = made.previous.identity.complete != bundle.identity.complete
        found["dfplan/plan_changed"] = dg.MetadataValue.int(int(changed))
    if recorded.bundle_key is not None:
        found["dfplan/bundle_key"] = dg.MetadataValue.text(recorded.bundle_key)
    if bundle.identity.volatile_functions:
        names = shorten(", ".join(bundle.identity.volatile_functions), _NAMES_BYTES)
        found["dfplan/volatile_functions"] = dg.MetadataValue.text(names)
    failure = store_failure(recorded)
    if failure is not None:
        found["dfplan/store_failure"] = dg.MetadataValue.text(failure)
    return found


def store_failure(recorded: Recorded) -> str | None:
    """Why the plan store does not have this run yet, and what became of its records; None if it has it."""
    if recorded.lost is not None:
        reason = recorded.lost if recorded.deferred is None else recorded.deferred
        causes = f"The plan store: {_reason(reason)} The queue: {_reason(recorded.lost)}"
        return f"This run's records are lost. {causes}"
    if recorded.deferred is not None:
        return f"This run's records wait beside the project for the next run. {_reason(recorded.deferred)}"
    drained = recorded.drained
    if drained is not None and drained.unreadable:
        first = _reason(drained.unreadable[0])
        return f"{len(drained.unreadable):,} records of earlier runs that waited cannot be read. {first}"
    if drained is not None and drained.stopped is not None:
        return f"Records of earlier runs still wait. {_reason(drained.stopped)}"
    return None


def _reason(error: StoreError) -> str:
    return shorten(f"{error.where}: {error.cause}. {error.next_step}", _TEXT_BYTES)


def _changes(made: Made) -> str:
    current, previous, found = made.done.bundle, made.previous, made.difference
    if previous is None:
        return "This is the first plan that the store knows of."
    before, after = previous.identity.parts, current.identity.parts
    names = [name for name in dict.fromkeys([*after, *before]) if after.get(name) != before.get(name)]
    if not names:
        return "The plan is that of the last run."
    lines = [f"Changed since the last run: {', '.join(names)}."]
    if found is not None:
        lines.append(f"**{found.kind}**: {shorten(found.cause, _TEXT_BYTES)}")
    if made.recorded.bundle_key is not None:
        keys = f"{previous.key[:_KEY_CHARACTERS]} {made.recorded.bundle_key[:_KEY_CHARACTERS]}"
        lines.append(f"`dfplan diff {current.view} {keys}` shows it side by side.")
    return "\n\n".join(lines)


def _tree(bundle: PlanBundle) -> str:
    if bundle.tree_refusal is not None:
        return f"**Left out:** {bundle.tree_refusal}. `dfplan show {bundle.view}` prints the plan as text."
    lines = bundle.tree.rstrip().splitlines()
    shown = fit(lines, _TREE_BYTES)
    whole = f"`dfplan show {bundle.view}` prints the whole plan."
    if not shown:
        return f"**Left out: it is too wide.** {whole}"
    text = fenced("\n".join(lines[:shown]))
    if shown == len(lines):
        return text
    left_out = f"the last {len(lines) - shown:,} of {len(lines):,} lines are left out"
    return f"**Shortened: {left_out}.** {whole}\n\n{text}"


def _topology(bundle: PlanBundle) -> str:
    figures = topology_figures(bundle.topology)
    rows = [
        ("operators", figures.operators),
        ("pipeline breakers", figures.pipeline_breakers),
        ("hash repartitions", figures.hash_repartitions),
        ("round-robin repartitions", figures.round_robin_repartitions),
        ("sort-preserving merges", figures.sort_preserving_merges),
        ("scans", figures.scans),
        ("files scanned", figures.scan_files),
        ("partitions that come out", figures.output_partitions),
    ]
    return table(("", "count"), [(label, f"{count:,}") for label, count in rows], numeric=(False, True))


def _substrait(bundle: PlanBundle) -> str:
    substrait = bundle.substrait
    if substrait.message is None:
        return shorten(f"none: {substrait.refusal}", _TEXT_BYTES)
    outcome = f"{substrait.validation.outcome}: {substrait.validation.reason}"
    nodes = (
        f"; in extension relations: {shorten(', '.join(substrait.extension_nodes), _NAMES_BYTES)}"
        if substrait.extension_nodes
        else ""
    )
    return shorten(f"{len(substrait.message):,} bytes; {outcome}{nodes}", _TEXT_BYTES)
