"""Checks planned against the columns that a view's result will have."""

from __future__ import annotations

from pathlib import Path

import pytest

from dfplan_assets.errors import InputError
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.check_order import checks_apart
from dfplan_assets.planning.check_queries import PlannedChecks, plan_checks
from dfplan_assets.project.model import View
from dfplan_assets_tests.small_projects import plan_of, write_project

TYPES = """\
select 1 as id, cast(2 as tinyint) as small, 1.5 as ratio, arrow_cast(0.1, 'Float32') as single,
    cast(1.25 as decimal(10, 2)) as price, 'open' as status, true as paid, date '2024-01-31' as day,
    timestamp '2024-01-31 10:00:00' as at,
    arrow_cast('2024-01-31T10:00:00Z', 'Timestamp(Microsecond, Some("UTC"))') as moment,
    arrow_cast('a', 'Dictionary(Int32, Utf8)') as code, [1, 2] as parts, x'00' as raw"""


def project(folder: Path, checks: str, **views: str) -> ProjectPlan:
    """A project whose view ``orders`` has a column of each kind and these checks."""
    front = f"/* ---\nparams: {{low: 3, word: open}}\nchecks:\n{checks}\n--- */\n"
    texts = {"orders.sql": front + TYPES, **{f"{name}.sql": sql for name, sql in views.items()}}
    return plan_of(write_project(folder, texts))


def planned(folder: Path, *checks: str, **views: str) -> PlannedChecks:
    return plan_checks(project(folder, "\n".join(f"  - {check}" for check in checks), **views), "orders")


def problem(folder: Path, check: str, **views: str) -> InputError:
    """Why the only check of the view cannot be made."""
    found = planned(folder, check, **views)
    assert not found.queries
    (error,) = found.problems.values()
    return error


USABLE = [
    "not_null: [id, parts, raw]",
    "unique: [id, parts]",
    "accepted_values: {column: small, values: [1, 300, -1]}",
    "accepted_values: {column: ratio, values: [1, 1.5]}",
    "accepted_values: {column: single, values: [0.1]}",
    "accepted_values: {column: price, values: [1, 1.25, 1.5]}",
    "accepted_values: {column: status, values: [open, it's, '1']}",
    "accepted_values: {column: code, values: [a]}",
    "accepted_values: {column: paid, values: [true]}",
    "accepted_values: {column: day, values: [2024-01-31]}",
    "accepted_values: {column: at, values: [2024-01-31 10:00:00]}",
    "accepted_values: {column: moment, values: [2024-01-31T10:00:00Z]}",
    "relationships: {column: small, to: other, field: price}",
    "relationships: {column: code, to: other, field: name}",
    "relationships: {column: id, to: orders, field: small}",
    "expression: id > 0 and orders.id < 10",
    "expression: id > 0 -- a comment",
    "expression: \"status like 'o%' or status = '; drop table orders'\"",
    "expression: id >= $low or status = $word",
    "expression: day <= now()",
    "expression: case when id = 0 then true else 1 / id >= 0 end",
]


@pytest.fixture(scope="module")
def usable(tmp_path_factory: pytest.TempPathFactory) -> PlannedChecks:
    other = "select cast(1 as decimal(5, 1)) as price, 'a' as name"
    return planned(tmp_path_factory.mktemp("usable"), *USABLE, other=other)


def test_sensible_checks_are_planned(usable: PlannedChecks) -> None:
    assert not usable.problems
    assert len(usable.queries) == len(USABLE)


def test_values_of_parameters_are_kept_apart_from_the_text(usable: PlannedChecks) -> None:
    assert usable.params == {"low": 3, "word": "open"}


def test_the_columns_that_a_predicate_is_about_come_first_in_its_sample(usable: PlannedChecks) -> None:
    by_rule = {repr(query.check.rule): query for query in usable.queries}
    query = next(each for rule, each in by_rule.items() if "case when id = 0" in rule)
    assert str(query.sample).startswith('SELECT "id", "small", ')
    query = next(each for rule, each in by_rule.items() if "status = '; drop" in rule)
    assert str(query.sample).startswith('SELECT "status", "id", ')


# The check, the cause, the next step.
UNUSABLE: list[tuple[str, str, str]] = [
    ("not_null: [id, statsu]", "column statsu does not exist", "Did you mean status? The columns here are"),
    ("unique: ID", "column ID does not exist", "Did you mean id?"),
    ("accepted_values: {column: nothing, values: [1]}", "column nothing does not exist", "The columns here"),
    (
        "accepted_values: {column: id, values: ['1']}",
        "'1' cannot be a value of id, which is int64",
        "Correct",
    ),
    ("accepted_values: {column: id, values: [1.5]}", "it must be a whole number of 64 bits", ""),
    ("accepted_values: {column: id, values: [true]}", "it must be a number, without quotes", ""),
    ("accepted_values: {column: status, values: [1]}", "it must be a text: put it in quotes", ""),
    ("accepted_values: {column: code, values: [1]}", "it must be a text: put it in quotes", ""),
    ("accepted_values: {column: price, values: [1.255]}", "no decimal128(10, 2) is 1.255", ""),
    ("accepted_values: {column: price, values: [1000000000]}", "no decimal128(10, 2) is 1000000000", ""),
    ("accepted_values: {column: paid, values: ['true']}", "it must be true or false", ""),
    ("accepted_values: {column: day, values: [2024-01-31 10:00:00]}", "it must be a date, as in", ""),
    ("accepted_values: {column: at, values: [2024-01-31T10:00:00Z]}", "a time and no zone", ""),
    ("accepted_values: {column: moment, values: [2024-01-31 10:00:00]}", "a time with its zone", ""),
    ("accepted_values: {column: parts, values: [1]}", "nested values cannot be listed", ""),
    ("accepted_values: {column: raw, values: [a]}", "no bytes can be listed", ""),
    (
        "relationships: {column: id, to: othr, field: id}",
        "table othr is neither a view nor",
        "Did you mean other?",
    ),
    ("relationships: {column: id, to: other, field: idd}", "column idd does not exist in other", "mean id?"),
    ("relationships: {column: status, to: other, field: id}", "which cannot be compared", "cast one of them"),
    ("relationships: {column: parts, to: orders, field: parts}", "which cannot be compared", ""),
    ("relationships: {column: at, to: orders, field: moment}", "which cannot be compared", ""),
    ("expression: id + 1", "it gives int64, not true or false", "as in total >= 0"),
    ("expression: 'null'", "it gives null, not true or false", ""),
    ("expression: idd > 0", "column idd does not exist", "Did you mean orders.id"),
    ("expression: nofunction(id) > 0", "function nofunction does not exist", ""),
    ("expression: id >", "SQL syntax at line 1", "Correct the expression."),
    ("expression: sum(id) > 0", "its expression holds an aggregate", "a view for what takes several"),
    ("expression: row_number() over (order by id) > 0", "its expression holds a window function", ""),
    ("expression: unnest(parts) > 0", "its expression holds unnest", ""),
    ("expression: id in (select id from other)", "its expression holds a subquery", ""),
    ("expression: exists (select 1)", "its expression holds a subquery", ""),
    ("expression: (select 1) = id", "its expression holds a subquery", ""),
    ("expression: id > 0; drop table orders", "SQL syntax at line 1", ""),
    ("expression: 'id > 0) , (true'", "SQL syntax at line 1", ""),
    ("expression: 'true) from orders --'", "SQL syntax at line 1", ""),
    ("expression: drop table orders", "SQL syntax at line 1", ""),
    ("expression: select 1", "", ""),
    ("expression: id > 0 from other", "SQL syntax at line 1", ""),
    ("expression: id > 0 as flag", "SQL syntax at line", ""),
    ("expression: id > $lwo", "parameter $lwo has no value", "params:"),
    ("expression: id > $partition_start", "checks are made of several partitions too", "Take it out"),
    ("expression: status > 3 and parts", "", "Correct the expression."),
]


@pytest.fixture(scope="module")
def unusable(tmp_path_factory: pytest.TempPathFactory) -> list[InputError | None]:
    """What each of the unusable checks comes to, planned together in one view."""
    checks = [f"{check}\n    name: check_{number}" for number, (check, _, _) in enumerate(UNUSABLE)]
    found = planned(tmp_path_factory.mktemp("unusable"), *checks, other="select 1 as id, 'a' as name")
    return [found.problems.get(f"check_{number}") for number in range(len(UNUSABLE))]


@pytest.mark.parametrize("number", range(len(UNUSABLE)), ids=[each[0] for each in UNUSABLE])
def test_a_check_that_cannot_be_made_says_where_why_and_what_to_do(
    unusable: list[InputError | None], number: int
) -> None:
    check, cause, next_step = UNUSABLE[number]
    error = unusable[number]
    assert error is not None, f"{check} was planned"
    assert error.where.endswith(f"views/orders.sql:{4 + 2 * number} (view orders)")
    assert cause in error.cause
    assert next_step in error.next_step


def test_one_check_that_cannot_be_made_leaves_the_others_and_the_view(tmp_path: Path) -> None:
    found = planned(tmp_path, "not_null: id", "not_null: idd", "row_count: {min: 1}")
    assert [query.check.name for query in found.queries] == ["not_null_id", "row_count"]
    assert list(found.problems) == ["not_null_idd"]


def test_a_secret_value_stands_in_no_message(tmp_path: Path) -> None:
    front = "/* ---\nchecks:\n  - expression: id > cast($code as int)\n--- */\n"
    params = {"code": {"value": "tell nobody", "secret": True}}
    plan = plan_of(write_project(tmp_path, {"orders.sql": f"{front}{TYPES}"}, params=params))
    found = plan_checks(plan, "orders")
    assert "tell nobody" not in "".join(map(str, found.problems.values()))


def test_checks_are_no_part_of_a_views_identity(tmp_path: Path) -> None:
    without = plan_of(write_project(tmp_path / "a", {"orders.sql": TYPES}))
    front = "/* ---\nchecks:\n  - unique: id\n--- */\n"
    with_checks = plan_of(write_project(tmp_path / "b", {"orders.sql": front + TYPES}))
    assert with_checks.views["orders"].identity == without.views["orders"].identity


def related(view: View | str, to: str, blocking: bool = False) -> str:
    return (
        f"/* ---\nchecks:\n  - relationships: {{column: id, to: {to}, field: id}}\n"
        f"    blocking: {str(blocking).lower()}\n--- */\nselect id from {view}"
    )


def apart(folder: Path, **views: str) -> dict[str, dict[str, tuple[str, ...]]]:
    texts = {f"{name}.sql": sql for name, sql in {"source": "select 1 as id", **views}.items()}
    sources = {"scores": {"asset": "models/scores", "columns": {"id": "int64"}}}
    plan = plan_of(write_project(folder, texts, sources))
    return {view: dict(each) for view, each in checks_apart(plan).items()}


def test_a_relationship_to_what_a_view_reads_is_checked_in_the_views_step(tmp_path: Path) -> None:
    assert apart(tmp_path, a="select id from source", b=related("a", "source")) == {}


def test_a_relationship_to_another_view_waits_for_it(tmp_path: Path) -> None:
    found = apart(tmp_path, a="select 1 as id", b=related("source", "a"))
    assert found == {"b": {"relationships_id_a": ("a",)}}


def test_two_views_may_refer_to_each_other(tmp_path: Path) -> None:
    found = apart(tmp_path, a=related("source", "b", True), b=related("source", "a", True))
    assert found == {"a": {"relationships_id_b": ("b",)}, "b": {"relationships_id_a": ("a",)}}


def test_a_relationship_to_a_view_that_is_not_stored_waits_for_what_that_reads(tmp_path: Path) -> None:
    virtual = "/* ---\nmaterialized: view\n--- */\nselect id from a"
    found = apart(tmp_path, a="select 1 as id", v=virtual, b=related("source", "v"))
    assert found == {"b": {"relationships_id_v": ("a",)}}


def test_a_relationship_to_what_a_python_asset_publishes_waits_for_it(tmp_path: Path) -> None:
    found = apart(tmp_path, a=related("source", "scores"), b=related("scores", "scores"))
    assert found == {"a": {"relationships_id_scores": ("scores",)}}


def test_one_that_blocks_does_not_wait_for_a_python_asset_which_may_read_the_view(tmp_path: Path) -> None:
    assert apart(tmp_path, a=related("source", "scores", True)) == {}


def test_a_check_that_blocks_a_view_until_that_has_run_itself_is_refused(tmp_path: Path) -> None:
    texts = {
        "a.sql": related("source", "b", True),
        "b.sql": "select id from a",
        "source.sql": "select 1 as id",
    }
    (error,) = plan_checks(plan_of(write_project(tmp_path, texts)), "a").problems.values()
    assert "it blocks what reads a until b has run, which reads a itself" in error.cause


def test_checks_that_block_each_others_readers_in_a_circle_do_not_all_wait(tmp_path: Path) -> None:
    found = apart(
        tmp_path,
        a=related("source", "b", True),
        e=related("source", "f", True),
        f="select id from a",
        b="select id from e",
    )
    assert list(found) == ["a"]
