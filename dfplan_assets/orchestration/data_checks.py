"""Checks of a view's rows as asset checks of Dagster: what they are, and what they found."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import dagster as dg
import pyarrow as pa

from dfplan_assets.execution.data_checks import Finding, sample_values
from dfplan_assets.orchestration.markdown import fenced, fit, shorten, table
from dfplan_assets.orchestration.repeated_checks import EVALUATED
from dfplan_assets.planning.check_queries import PlannedChecks
from dfplan_assets.project.check_words import rule_in_words
from dfplan_assets.project.data_checks import DataCheck

_TEXT_BYTES = 2_000
_SQL_BYTES = 3_000
_SAMPLE_BYTES = 6_000
_SAMPLE_COLUMNS = 12
_VALUE_CHARACTERS = 60
_SECONDS_DIGITS = 6


def data_check_specs(
    planned: PlannedChecks,
    key_of: Callable[[str], dg.AssetKey],
    waits_for: Mapping[str, Collection[str]],
) -> list[dg.AssetCheckSpec]:
    """The checks of a view's rows as Dagster knows them, with the views that some wait for, by check.

    One that cannot be evaluated is there too and says why.
    """
    return [
        dg.AssetCheckSpec(
            check.name,
            asset=key_of(planned.view.name),
            description=_description(check, planned),
            blocking=check.blocking,
            additional_deps=[
                dg.AssetDep(key_of(other), partition_mapping=dg.AllPartitionMapping())
                for other in waits_for.get(check.name, ())
            ],
        )
        for check in planned.view.checks
    ]


def data_check_result(finding: Finding, key: dg.AssetKey, made_of: str | None) -> dg.AssetCheckResult:
    """What a check found, as Dagster takes it; ``made_of`` is a hash of what it was found in, if it has one.

    One that could not be evaluated has not passed: it warns, and one that blocks then blocks, since nobody
    knows what it would let through.
    """
    check = finding.check
    told = finding.passed is not None
    warns = check.severity == "warn" or (not told and not check.blocking)
    said = finding.reason if told else f"It cannot be told: {finding.reason}"
    return dg.AssetCheckResult(
        passed=finding.passed is True,
        asset_key=key,
        check_name=check.name,
        severity=dg.AssetCheckSeverity.WARN if warns else dg.AssetCheckSeverity.ERROR,
        description=shorten(said, _TEXT_BYTES),
        metadata={
            **_metadata(finding),
            **({EVALUATED: dg.MetadataValue.text(made_of)} if told and made_of is not None else {}),
        },
    )


def sample_text(sample: pa.Table) -> str:
    """Rows as a Markdown table of as many columns and lines as fit, with a line that says what does not."""
    names = sample.column_names[:_SAMPLE_COLUMNS]
    rows = [
        tuple(_short("NULL" if value is None else value) for value in row)
        for row in sample_values(sample.select(names))
    ]
    lines = table([_short(name) for name in names], rows, numeric=[False] * len(names)).split("\n")
    shown = fit(lines, _SAMPLE_BYTES)
    parts = []
    if len(names) < sample.num_columns:
        parts.append(f"{sample.num_columns - len(names):,} more columns are left out.")
    if shown < len(lines):
        parts.append(f"{len(lines) - shown:,} of {sample.num_rows:,} rows are left out: they are too long.")
    return "\n".join(lines[:shown]) + ("\n\n" + " ".join(parts) if parts else "")


def _description(check: DataCheck, planned: PlannedChecks) -> str:
    problem = planned.problems.get(check.name)
    words = rule_in_words(check.rule)
    if problem is not None:
        words = f"{words}\n\nThis check cannot be evaluated.\n\n{fenced(str(problem), 'text')}"
    return shorten(words, _TEXT_BYTES)


def _metadata(finding: Finding) -> dict[str, dg.MetadataValue]:
    metadata: dict[str, dg.MetadataValue] = {}
    if finding.rows is not None:
        metadata["dfplan/rows"] = dg.MetadataValue.int(finding.rows)
    if finding.failing_rows is not None and finding.rows is not None:
        part = finding.failing_rows / finding.rows if finding.rows else 0.0
        metadata["dfplan/failing_rows"] = dg.MetadataValue.int(finding.failing_rows)
        metadata["dfplan/failing_share"] = dg.MetadataValue.float(part)
    if finding.sample is not None:
        metadata["dfplan/sample"] = dg.MetadataValue.md(sample_text(finding.sample))
    if finding.sql is not None:
        metadata["dfplan/sql"] = dg.MetadataValue.md(fenced(shorten(finding.sql, _SQL_BYTES), "sql"))
    if finding.seconds is not None:
        metadata["dfplan/seconds"] = dg.MetadataValue.float(round(finding.seconds, _SECONDS_DIGITS))
    if finding.bytes_scanned is not None:
        metadata["dfplan/bytes_scanned"] = dg.MetadataValue.int(finding.bytes_scanned)
    if finding.shared_by > 1:
        metadata["dfplan/scan"] = dg.MetadataValue.text(
            f"One scan counted for {finding.shared_by:,} checks; seconds and bytes are those of all of them."
        )
    return metadata


def _short(text: str) -> str:
    return text if len(text) <= _VALUE_CHARACTERS else f"{text[: _VALUE_CHARACTERS - 1]}…"
