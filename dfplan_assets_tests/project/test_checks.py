"""``checks:`` of a front matter, as it is read."""

from __future__ import annotations

from datetime import date, datetime, timezone
from pathlib import Path

import pytest

from dfplan_assets.errors import ViewError
from dfplan_assets.project.data_checks import (
    AcceptedValues,
    DataCheck,
    Expression,
    NotNull,
    Relationship,
    RowCount,
    Unique,
)
from dfplan_assets.project.model import View
from dfplan_assets.project.views import read_view


def view_with(folder: Path, checks: str, options: str = "") -> View:
    """A view whose front matter has these checks, each line of which stands below ``checks:``."""
    indented = "".join(f"  {line}\n" for line in checks.splitlines())
    path = folder / "orders.sql"
    path.write_text(f"/* ---\n{options}checks:\n{indented}--- */\nselect 1 as id\n", encoding="utf-8")
    return read_view(path, folder)


def checks_of(folder: Path, checks: str) -> tuple[DataCheck, ...]:
    return view_with(folder, checks).checks


def test_every_rule_is_read_in_the_order_of_the_file(tmp_path: Path) -> None:
    checks = checks_of(
        tmp_path,
        """\
- not_null: [id, "order key"]
- unique: id
- accepted_values: {column: status, values: [open, NO, 12:30]}
- relationships: {column: customer, to: public.customers, field: id}
- row_count: {min: 1}
- expression: >
    total >= 0
    and total < 10
  name: sane
  blocking: true
- unique: [a, b]
  severity: warn
""",
    )
    assert [check.rule for check in checks] == [
        NotNull(("id", "order key")),
        Unique(("id",)),
        AcceptedValues("status", ("open", "NO", "12:30")),
        Relationship("customer", "customers", "id"),
        RowCount(1, None),
        Expression("total >= 0 and total < 10"),
        Unique(("a", "b")),
    ]
    assert [check.name for check in checks] == [
        "not_null_id_order_key",
        "unique_id",
        "accepted_values_status",
        "relationships_customer_customers",
        "row_count",
        "sane",
        "unique_a_b",
    ]
    assert [check.blocking for check in checks] == [False] * 5 + [True, False]
    assert [check.severity for check in checks] == ["error"] * 6 + ["warn"]
    assert checks[1].where == f"{tmp_path / 'orders.sql'}:4 (view orders)"


def test_values_keep_the_types_that_they_are_written_with(tmp_path: Path) -> None:
    values = "[1, '1', 1.5, true, 2024-01-31, 2024-01-31T10:00:00Z]"
    (check,) = checks_of(tmp_path, f"- accepted_values: {{column: x, values: {values}}}")
    assert check.rule == AcceptedValues(
        "x", (1, "1", 1.5, True, date(2024, 1, 31), datetime(2024, 1, 31, 10, tzinfo=timezone.utc))
    )


def test_names_that_nobody_gave_are_numbered(tmp_path: Path) -> None:
    names = [
        check.name
        for check in checks_of(
            tmp_path,
            "- expression: a > 0\n- expression: b > 0\n- expression: c > 0\n  name: expression_2\n"
            "- row_count: {max: 3}\n- expression: d > 0\n",
        )
    ]
    assert names == ["expression", "expression_3", "expression_2", "row_count", "expression_4"]


def test_a_default_name_is_never_too_long(tmp_path: Path) -> None:
    columns = ", ".join(f"a_rather_long_column_{number}" for number in range(50))
    (check,) = checks_of(tmp_path, f"- not_null: [{columns}]")
    assert len(check.name) == 100


def test_no_checks_are_none(tmp_path: Path) -> None:
    assert view_with(tmp_path, "").checks == ()


# The checks, the line that is named (the first check stands in line 3), the cause, the next step.
WRONG: list[tuple[str, int, str, str]] = [
    ("not_null: id", 3, "checks must be a list ([a, b]), not a mapping", ""),
    ("- unique", 3, "checks[0] must be a mapping (key: value), not text", ""),
    (
        "- not_nul: id",
        3,
        "unknown key checks[0].not_nul",
        "Did you mean not_null? The keys here are:",
    ),
    ("- unique: id\n  blockin: true", 4, "unknown key checks[0].blockin", "Did you mean blocking?"),
    ("- name: a", 3, "checks[0] says no rule", "Write one of not_null, unique, accepted_values, relation"),
    ("- unique: id\n  not_null: id", 4, "checks[0] has several rules: unique, not_null", "a - of its own"),
    ("- unique: []", 3, "checks[0].unique names no column", ""),
    ("- unique: [a, a]", 3, "the column a stands twice in checks[0].unique", ""),
    ("- unique: 3", 3, "checks[0].unique must be a list", ""),
    ("- not_null: [3]", 3, "checks[0].not_null[0] must be text, not a whole number", "in quotes"),
    ("- accepted_values: [a]", 3, "checks[0].accepted_values must be a mapping", "{column: status, values:"),
    ("- accepted_values: {column: a}", 3, "checks[0].accepted_values has no values", "Write it as in"),
    ("- accepted_values: {column: a, values: []}", 3, "accepted_values.values is empty", "List the values"),
    ("- accepted_values: {column: a, value: [1]}", 3, "accepted_values.value", "Did you mean values?"),
    (
        "- accepted_values: {column: a, values: [1, null]}",
        3,
        "holds null, which is always accepted",
        "Remove",
    ),
    ("- accepted_values: {column: a, values: [.nan]}", 3, "holds nan, which is no value", "isnan"),
    ("- accepted_values: {column: a, values: [1, 1]}", 3, "1 stands twice", "Remove one"),
    ("- accepted_values: {column: a, values: [[1]]}", 3, "must be a single value, not a list", ""),
    ("- relationships: {column: a, to: b}", 3, "checks[0].relationships has no field", "field: id}"),
    ("- relationships: {column: a, to: a/b, field: c}", 3, "'a/b' cannot be a view or source", ""),
    ("- row_count: {}", 3, "checks[0].row_count has no bound", "min, max or both"),
    ("- row_count: {min: 3, max: 2}", 3, "a min of 3 and a max of 2: no number is both", "Swap them"),
    ("- row_count: {min: -1}", 3, "checks[0].row_count.min must be at least 0, not -1", ""),
    ("- row_count: {min: 1.5}", 3, "must be a whole number, not a decimal number", ""),
    ("- row_count: 3", 3, "checks[0].row_count must be a mapping", ""),
    ("- expression: true", 3, "checks[0].expression must be text, not true or false", "in quotes"),
    ("- expression: ' '", 3, "checks[0].expression is empty", ""),
    ("- unique: id\n  name: a-b", 4, "'a-b' cannot be the name of a check", "letters, digits and _"),
    (
        "- unique: id\n  name: plan_drift",
        4,
        "a check that dfplan.yaml turns on for all views",
        "another name",
    ),
    (
        "- unique: a\n  name: x\n- unique: b\n  name: x",
        6,
        "the name x: in line 3 and in line 5",
        "",
    ),
    ("- unique: id\n  severity: fatal", 4, "severity cannot be 'fatal'", "error, warn"),
    ("- unique: id\n  blocking: yes", 4, "blocking must be true or false, not text", ""),
    ("- unique: id\n  blocking: true\n  severity: warn", 5, "what only warns stops nothing", "Take blocking"),
]


@pytest.mark.parametrize(("checks", "line", "cause", "next_step"), WRONG, ids=[each[0] for each in WRONG])
def test_what_cannot_be_used_names_the_line_the_cause_and_what_to_do(
    tmp_path: Path, checks: str, line: int, cause: str, next_step: str
) -> None:
    with pytest.raises(ViewError) as raised:
        view_with(tmp_path, checks)
    error = raised.value
    assert error.where == f"{tmp_path / 'orders.sql'}:{line} (view orders)"
    assert cause in error.cause
    assert next_step in error.next_step


def test_a_view_that_is_not_stored_has_no_rows_to_check(tmp_path: Path) -> None:
    with pytest.raises(ViewError, match="checks has no use in a view that is not stored: it never runs"):
        view_with(tmp_path, "- unique: id", options="materialized: view\n")
