"""What checks find in published rows, held against hand counts and pandas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfplan_assets.execution.data_checks import Finding, check_published, evaluate, sample_values
from dfplan_assets.execution.materialise import materialise
from dfplan_assets.execution.publication import Publication
from dfplan_assets.execution.runtime import Runtime, open_runtime
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.check_queries import plan_checks
from dfplan_assets_tests.execution.projects import run
from dfplan_assets_tests.partitioned import DAILY, write_daily
from dfplan_assets_tests.small_projects import plan_of, write_project

NAN = float("nan")
UTC = timezone.utc
ROWS = pa.table(
    {
        "id": pa.array([1, 2, 2, None, 5, None], pa.int64()),
        "kind": pa.array(["a", "b", "it's", None, " a", 'x|y "z"\n'], pa.string()),
        "code": pa.array(["a", "b", None, "a", "b", "c"]).dictionary_encode(),
        "ratio": pa.array([0.0, -0.0, NAN, NAN, 1.5, None], pa.float64()),
        "price": pa.array(
            [*map(Decimal, ("1.00", "1.25", "-3.10", "0.00", "2.00")), None], pa.decimal128(10, 2)
        ),
        "day": pa.array([date(2024, 1, day) for day in (1, 1, 2, 3, 4)] + [None], pa.date32()),
        "moment": pa.array(
            [datetime(2024, 1, 1, hour, tzinfo=UTC) for hour in (0, 1, 2, 3, 4)] + [None],
            pa.timestamp("us", "Europe/Berlin"),
        ),
        "parts": pa.array([[1], [1], [1, 2], None, [], []], pa.list_(pa.int64())),
        "other": pa.array([10, 20, 30, None, 10, 99], pa.int32()),
        "strange name": pa.array([1, 1, 1, 1, 1, None]),
    }
)
OTHERS = pa.table({"key": pa.array([10, 20, 20, None], pa.int64())})


@dataclass(frozen=True)
class Checked:
    plan: ProjectPlan
    runtime: Runtime
    found: dict[str, Finding]


# The check, how many rows do not pass, and the values of the first column of a sample.
COUNTS: list[tuple[str, int, Sequence[str | None]]] = [
    ("not_null: id", 2, [None, None]),
    ("not_null: [id, ratio]", 2, [None, None]),
    ("not_null: [day, kind]", 2, ["2024-01-03", None]),
    ('not_null: ["strange name"]', 1, [None]),
    ("not_null: ratio", 1, [None]),
    ("unique: id", 2, ["2"]),
    ("unique: ratio", 4, ["0.0", "NaN"]),
    ("unique: [id, kind]", 0, []),
    ("unique: [code]", 4, ["'a'", "'b'"]),
    ("unique: day", 2, ["2024-01-01"]),
    ("unique: moment", 0, []),
    ("unique: parts", 4, ["[1]", "[]"]),
    ("accepted_values: {column: id, values: [1, 5]}", 2, ["2", "2"]),
    ("accepted_values: {column: kind, values: [a, b]}", 3, ['"it\'s"', "' a'", "'x|y \"z\"\\n'"]),
    ("accepted_values: {column: kind, values: [a, b, it's, ' a']}", 1, ["'x|y \"z\"\\n'"]),
    ("accepted_values: {column: code, values: [a, b]}", 1, ["'c'"]),
    ("accepted_values: {column: price, values: [1, 1.25, 0, 2]}", 1, ["-3.10"]),
    ("accepted_values: {column: ratio, values: [0, 1.5]}", 2, ["NaN", "NaN"]),
    ("accepted_values: {column: day, values: [2024-01-01, 2024-01-02, 2024-01-03]}", 1, ["2024-01-04"]),
    (
        "accepted_values: {column: moment, values: [2024-01-01T00:00:00Z, 2024-01-01T02:00:00+01:00]}",
        3,
        ["2024-01-01 03:00:00+01:00", "2024-01-01 04:00:00+01:00", "2024-01-01 05:00:00+01:00"],
    ),
    ("relationships: {column: other, to: others, field: key}", 2, ["30", "99"]),
    ("relationships: {column: other, to: unread, field: key}", 2, ["30", "99"]),
    ("relationships: {column: id, to: rows, field: id}", 0, []),
    ("relationships: {column: other, to: rows, field: id}", 5, ["10", "20", "30", "10", "99"]),
    ("relationships: {column: other, to: virtual, field: key}", 3, ["20", "30", "99"]),
    ("expression: price >= 0", 1, ["-3.10"]),
    ("expression: price >= $least", 3, ["1.00", "-3.10", "0.00"]),
    ("expression: ratio < 2", 2, ["NaN", "NaN"]),
    ("expression: kind <> 'b' -- not b", 1, ["'b'"]),
    ("expression: id is null or id in (1, 2, 5)", 0, []),
    ('expression: "1 = 2"', 6, ["1", "2", "2", None, "5"]),
    ("row_count: {min: 6, max: 6}", 0, []),
]


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checked]:
    """All of these checks, made once over one view that has run."""
    folder = tmp_path_factory.mktemp("checked")
    for name, rows in (("rows", ROWS), ("others", OTHERS)):
        pq.write_table(rows, folder / f"{name}.parquet")
    listed = "".join(f"  - {check}\n    name: check_{n}\n" for n, (check, _, _) in enumerate(COUNTS))
    views = {
        "rows.sql": f"/* ---\nparams: {{least: 1.25}}\nchecks:\n{listed}--- */\nselect * from raw.rows",
        "others.sql": "select key from raw.others",
        "virtual.sql": "/* ---\nmaterialized: view\n--- */\nselect * from others where key < 20",
    }
    sources = {"raw.rows": "rows.parquet", "raw.others": "others.parquet", "unread": "others.parquet"}
    plan = plan_of(write_project(folder, views, sources, engine={"target_partitions": 2}))
    run(plan, "rows", "others")
    warehouse = Warehouse.of(plan.project)
    with open_runtime(plan.project.engine, warehouse) as runtime:
        found = check_published(plan, "rows", warehouse, runtime)
        yield Checked(plan, runtime, {finding.check.name: finding for finding in found})


@pytest.mark.parametrize("number", range(len(COUNTS)), ids=[each[0] for each in COUNTS])
def test_rows_that_do_not_pass_are_counted_and_shown(checked: Checked, number: int) -> None:
    check, failing, shown = COUNTS[number]
    finding = checked.found[f"check_{number}"]
    assert finding.passed is (failing == 0), finding.reason
    assert finding.rows == 6
    if "row_count" not in check:
        assert finding.failing_rows == failing
    if failing == 0:
        assert finding.sample is None
    else:
        assert finding.sample is not None
        assert sorted(map(str, (row[0] for row in sample_values(finding.sample)))) == sorted(map(str, shown))


def test_all_rules_of_single_rows_are_told_by_one_scan(checked: Checked) -> None:
    shared = {
        (finding.seconds, finding.bytes_scanned, finding.shared_by)
        for (check, _, _), finding in zip(COUNTS, checked.found.values(), strict=True)
        if check.startswith(("not_null", "accepted", "expression"))
    }
    ((_, scanned, checks),) = shared
    assert checks == sum(1 for check, _, _ in COUNTS if check.startswith(("not_null", "accepted", "expr")))
    assert scanned is not None
    assert scanned > 0


def test_a_sample_names_the_columns_that_the_rule_is_about_first(checked: Checked) -> None:
    sample = checked.found["check_2"].sample
    assert sample is not None
    assert sample.column_names[:2] == ["day", "kind"]
    assert set(sample.column_names) == set(ROWS.column_names)


def test_a_repeated_value_is_shown_with_how_often_it_stands_there(checked: Checked) -> None:
    sample = checked.found["check_5"].sample
    assert sample is not None
    assert sample.to_pylist() == [{"id": 2, "rows": 2}]


def findings(
    folder: Path, checks: Sequence[str], rows: pa.Table, **views: str
) -> tuple[ProjectPlan, dict[str, Finding]]:
    """A view over these rows, run and checked."""
    pq.write_table(rows, folder / "rows.parquet")
    listed = "".join(f"  - {check}\n" for check in checks)
    texts = {"rows": f"/* ---\nchecks:\n{listed}--- */\nselect * from raw.rows", **views}
    plan = plan_of(
        write_project(
            folder, {f"{name}.sql": sql for name, sql in texts.items()}, {"raw.rows": "rows.parquet"}
        )
    )
    run(plan, "rows")
    return plan, again(plan)


def again(plan: ProjectPlan, view: str = "rows", partition: str | None = None) -> dict[str, Finding]:
    """The checks of a view over what it has published."""
    warehouse = Warehouse.of(plan.project)
    with open_runtime(plan.project.engine, warehouse) as runtime:
        found = check_published(plan, view, warehouse, runtime, partition)
    return {finding.check.name: finding for finding in found}


ALL_RULES = [
    "not_null: id",
    "unique: id",
    "accepted_values: {column: id, values: [1]}",
    "relationships: {column: id, to: rows, field: id}",
    "expression: id > 0",
]


def test_an_empty_result_passes_all_but_a_number_of_rows(tmp_path: Path) -> None:
    rows = pa.table({"id": pa.array([], pa.int64())})
    _, found = findings(tmp_path, [*ALL_RULES, "row_count: {min: 1}"], rows)
    assert [finding.passed for finding in found.values()] == [True] * 5 + [False]
    assert found["row_count"].reason == "0 rows, but there must be at least 1 row"


def test_an_expression_that_fails_is_told_and_spoils_no_other_check(tmp_path: Path) -> None:
    checks = ["not_null: id", "expression: 10 / id > 0", "expression: id >= 0\n    name: fine"]
    _, found = findings(tmp_path, checks, pa.table({"id": [0, 1, None]}))
    assert [finding.passed for finding in found.values()] == [False, None, True]
    assert found["expression"].reason.startswith("Divide by zero error.")
    assert found["not_null_id"].failing_rows == 1


def test_a_table_that_was_never_made_cannot_be_compared_with(tmp_path: Path) -> None:
    checks = ["relationships: {column: id, to: later, field: id}", "unique: id"]
    _, found = findings(tmp_path, checks, pa.table({"id": [1]}), later="select 1 as id")
    relationship, unique = found.values()
    assert (relationship.passed, unique.passed) == (None, True)
    assert relationship.reason == "later has no published result. Materialise later first."


def test_a_table_that_no_python_asset_published_yet_cannot_be_compared_with(tmp_path: Path) -> None:
    view = "/* ---\nchecks:\n  - relationships: {column: id, to: scores, field: id}\n--- */\nselect 1 as id"
    sources = {"scores": {"asset": "models/scores", "columns": {"id": "int64"}}}
    plan = plan_of(write_project(tmp_path, {"rows.sql": view}, sources))
    run(plan)
    (finding,) = again(plan).values()
    assert finding.passed is None
    assert "scores, which its asset models/scores has not published yet" in finding.reason


def test_a_result_whose_file_is_gone_passes_nothing(tmp_path: Path) -> None:
    plan, _ = findings(tmp_path, ALL_RULES, pa.table({"id": [1]}))
    publication = Warehouse.of(plan.project).current("rows")
    assert publication is not None
    Path(publication.files[0]).unlink()
    for finding in again(plan).values():
        assert finding.passed is None
        assert finding.reason.startswith("the result of rows is gone: there is no file ")


def test_a_damaged_result_passes_nothing(tmp_path: Path) -> None:
    plan, _ = findings(tmp_path, ALL_RULES, pa.table({"id": [1]}))
    publication = Warehouse.of(plan.project).current("rows")
    assert publication is not None
    Path(publication.files[0]).write_bytes(b"PAR1 no more")
    assert {finding.passed for finding in again(plan).values()} == {None}


def test_a_result_with_other_rows_than_were_published_passes_nothing(tmp_path: Path) -> None:
    plan, _ = findings(tmp_path, ["not_null: id"], pa.table({"id": [1]}))
    publication = Warehouse.of(plan.project).current("rows")
    assert publication is not None
    pq.write_table(pa.table({"id": [1, 2]}), publication.files[0])
    (finding,) = again(plan).values()
    assert finding.passed is None
    assert finding.reason.startswith("the files of its result have 2 rows, but 1 were published")


def test_a_result_of_an_earlier_form_of_the_view_is_not_checked(tmp_path: Path) -> None:
    findings(tmp_path, ["not_null: id"], pa.table({"id": [1]}))
    view = "/* ---\nchecks:\n  - not_null: more\n--- */\nselect id, id as more from raw.rows"
    (tmp_path / "views" / "rows.sql").write_text(view)
    (finding,) = again(plan_of(tmp_path)).values()
    assert finding.passed is None
    assert "comes from an earlier form of that view: more: absent instead of int64" in finding.reason


def test_a_view_that_never_ran_has_nothing_to_check(tmp_path: Path) -> None:
    view = "/* ---\nchecks:\n  - not_null: id\n--- */\nselect 1 as id"
    (finding,) = again(plan_of(write_project(tmp_path, {"rows.sql": view}))).values()
    assert finding.passed is None
    assert finding.reason == "it has no published result. Materialise it: dfplan run '+rows'"


def test_a_secret_value_stands_in_no_finding(tmp_path: Path) -> None:
    view = "/* ---\nchecks:\n  - expression: cast(concat($code, kind) as int) > 0\n--- */\nselect 'x' as kind"
    params = {"code": {"value": "tell nobody", "secret": True}}
    plan = plan_of(write_project(tmp_path, {"rows.sql": view}, params=params))
    run(plan)
    (finding,) = again(plan).values()
    assert finding.passed is None
    assert "tell nobody" not in f"{finding.reason} {finding.sql}"
    assert "$code" in str(finding.sql)


CHECKED_DAILY = DAILY.replace(
    "--- */",
    "checks:\n  - unique: order_date\n  - row_count: {min: 1}\n"
    "  - relationships: {column: amount, to: daily, field: amount}\n--- */",
)


def test_a_partition_is_checked_by_itself_and_all_of_them_together(tmp_path: Path) -> None:
    plan = plan_of(write_daily(tmp_path, daily=CHECKED_DAILY))
    warehouse = Warehouse.of(plan.project)
    with open_runtime(plan.project.engine, warehouse) as runtime:
        for key in ("2024-02-27", "2024-02-28", "2024-02-29"):
            materialise(plan, "daily", warehouse, runtime, partition_key=key)
    first = again(plan, "daily", "2024-02-27")
    assert first["unique_order_date"].reason == (
        "2 of 2 rows of partition 2024-02-27 (100 %): the same order_date as another row"
    )
    assert again(plan, "daily", "2024-02-28")["unique_order_date"].passed
    assert again(plan, "daily", "2024-02-29")["row_count"].reason == (
        "0 rows of partition 2024-02-29, but there must be at least 1 row"
    )
    whole = again(plan, "daily")
    assert (whole["row_count"].rows, whole["unique_order_date"].failing_rows) == (3, 2)
    assert whole["relationships_amount_daily"].passed
    assert again(plan, "daily", "2024-03-01")["row_count"].passed is None


COLUMNS = pa.schema([("a", pa.int64()), ("b", pa.string()), ("c", pa.float64())])
RULES = [
    "not_null: a",
    "not_null: [a, b, c]",
    "unique: a",
    "unique: [a, b]",
    "unique: c",
    "accepted_values: {column: a, values: [0, 2]}",
    "accepted_values: {column: b, values: ['', x]}",
    "expression: a > 0 or b = 'x'",
]


def _by_pandas(frame: pd.DataFrame) -> list[int]:
    """How many rows break each of the rules."""

    def repeated(*columns: str) -> int:
        present = frame.dropna(subset=[column for column in columns if column != "c"])
        if "c" in columns:  # to pandas NaN is no value, to SQL it is one
            present = present[~frame["c null"]]
        return int(present.duplicated(list(columns), keep=False).sum())

    a, b = frame["a"], frame["b"]
    holds = (a > 0) | (b == "x")
    unknown = ~(a > 0).fillna(False) & ~(b == "x").fillna(False) & (a.isna() | b.isna())
    return [
        int(a.isna().sum()),
        int((a.isna() | b.isna() | frame["c null"]).sum()),
        repeated("a"),
        repeated("a", "b"),
        repeated("c"),
        int((a.notna() & ~a.isin([0, 2])).sum()),
        int((b.notna() & ~b.isin(["", "x"])).sum()),
        int((~holds.fillna(False) & ~unknown).sum()),
    ]


@pytest.fixture(scope="module")
def random_rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ProjectPlan, Runtime, Path]]:
    folder = tmp_path_factory.mktemp("random")
    pq.write_table(COLUMNS.empty_table(), folder / "rows.parquet")
    listed = "".join(f"  - {rule}\n" for rule in RULES)
    view = f"/* ---\nchecks:\n{listed}--- */\nselect * from raw.rows"
    plan = plan_of(write_project(folder, {"rows.sql": view}, {"raw.rows": "rows.parquet"}))
    with open_runtime(plan.project.engine, Warehouse.of(plan.project)) as runtime:
        yield plan, runtime, folder / "part.parquet"


@settings(max_examples=30)
@given(
    rows=st.lists(
        st.tuples(
            st.one_of(st.none(), st.integers(-1, 3)),
            st.one_of(st.none(), st.sampled_from(["", "x", "y'\\", "ä"])),
            st.one_of(st.none(), st.sampled_from([0.0, -0.0, NAN, 1.5, float("inf")])),
        ),
        max_size=12,
    )
)
def test_counts_are_those_of_pandas(
    random_rows: tuple[ProjectPlan, Runtime, Path],
    rows: list[tuple[int | None, str | None, float | None]],
) -> None:
    plan, runtime, file = random_rows
    a, b, c = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    table = pa.table({"a": a, "b": b, "c": c}, schema=COLUMNS)
    pq.write_table(table, file)
    publication = Publication("rows", "1", (str(file),), len(rows), 1, datetime(2024, 1, 1, tzinfo=UTC))
    found = evaluate(plan, plan_checks(plan, "rows"), publication, Warehouse.of(plan.project), runtime)
    frame = pd.DataFrame(
        {
            "a": pd.Series(a, dtype="Int64"),
            "b": pd.Series(b, dtype="object"),
            # All NaN are one value to SQL, and 0.0 and -0.0 are.
            "c": pd.Series([None if value is None else str(value + 0.0) for value in c], dtype="object"),
            "c null": pd.Series([value is None for value in c], dtype=bool),
        }
    )
    assert [finding.failing_rows for finding in found] == _by_pandas(frame)
