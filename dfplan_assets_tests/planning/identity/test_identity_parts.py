"""The parts of an identity: each changes with its own cause, and with nothing else."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import pyarrow as pa
import pytest

from dfplan_assets.errors import LineageError
from dfplan_assets.planning.bundle import RESULT_PARTS, Identity
from dfplan_assets.project.model import Engine
from dfplan_assets_tests.planning.identity.corpus import Query, queries
from dfplan_assets_tests.planning.identity.planning import ENGINE, Session
from dfplan_assets_tests.planning.identity.world import TABLES, real_context

NEW_COLUMN = pa.field("zz_new", pa.int16())
READS_ALL_COLUMNS = "reads all columns"


def with_lineage() -> list[Query]:
    """The queries whose lineage is known; without it there is no identity."""
    session = Session()
    known = []
    for query in queries():
        try:
            session.lineage(query.sql, query.params)
        except LineageError:
            continue
        known.append(query)
    return known


CORPUS = with_lineage()
every_query = pytest.mark.parametrize("query", CORPUS, ids=lambda query: query.title)


@cache
def session() -> Session:
    return Session()


@cache
def crowded_session() -> Session:
    """One with tables, views and functions that no query uses, made in another order, on more cores."""
    tables = dict(reversed(list(TABLES.items())))
    tables["trams"] = pa.schema([("id", pa.int64()), ("city", pa.string())])
    crowded = Session(tables, Engine(target_partitions=7, memory_limit_bytes=1 << 30, settings={}))
    crowded.functions = {**crowded.functions, "another": next(iter(crowded.functions.values()))}
    return crowded


@cache
def wider_session() -> Session:
    """One whose tables have another column, in front, in the middle and at the end."""
    tables = {}
    for number, (name, schema) in enumerate(TABLES.items()):
        column = NEW_COLUMN.with_name(f"{NEW_COLUMN.name}_{number}")
        tables[name] = schema.insert((0, len(schema) // 2, len(schema))[number % 3], column)
    return Session(tables)


@cache
def session_with_another_type(table: str, column: str) -> Session:
    place = TABLES[table].get_field_index(column)
    field = TABLES[table].field(place)
    changed = TABLES[table].set(place, field.with_type(another_type(field.type)))
    return Session({**TABLES, table: changed})


def another_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_decimal(kind):
        return pa.decimal128(kind.precision + 2, kind.scale)
    if pa.types.is_list(kind):
        return pa.large_list(kind.value_field)
    if pa.types.is_struct(kind):
        return pa.struct([*kind, pa.field("more", pa.int8())])
    others = {
        pa.int64(): pa.int32(),
        pa.int32(): pa.int64(),
        pa.float64(): pa.float32(),
        pa.string(): pa.large_string(),
        pa.bool_(): pa.dictionary(pa.int8(), pa.bool_()),
        pa.date32(): pa.date64(),
        pa.timestamp("us"): pa.timestamp("ns"),
        pa.timestamp("ns", "UTC"): pa.timestamp("us", "UTC"),
    }
    return others[kind]


def identity_of(query: Query, in_session: Session) -> Identity:
    return in_session.identity(query.sql, query.params)


@every_query
def test_what_the_query_does_not_use_changes_nothing(query: Query) -> None:
    identity = identity_of(query, session())
    assert identity_of(query, Session()) == identity
    assert identity_of(query, crowded_session()) == identity
    if READS_ALL_COLUMNS not in query.remarks:
        assert identity_of(query, wider_session()) == identity


@every_query
def test_the_type_of_a_used_column_changes_the_inputs(query: Query) -> None:
    dice = random.Random(query.title)
    identity = identity_of(query, session())
    for table, used in session().lineage(query.sql, query.params).required_columns.items():
        unused = [name for name in TABLES[table].names if name not in used]
        if used:
            try:
                changed = identity_of(query, session_with_another_type(table, dice.choice(used)))
            except Exception:
                continue  # the query needs the type that the column had
            assert changed.parts["inputs"] != identity.parts["inputs"]
            assert changed.fingerprint != identity.fingerprint
        if unused:
            assert identity_of(query, session_with_another_type(table, dice.choice(unused))) == identity


def test_queries_that_read_all_columns_change_with_a_new_one() -> None:
    for query in CORPUS:
        if READS_ALL_COLUMNS in query.remarks:
            changed = identity_of(query, wider_session())
            assert changed.parts["meaning"] != identity_of(query, session()).parts["meaning"], query.title


def test_whether_a_column_can_be_null_is_no_change() -> None:
    tables = {name: pa.schema([f.with_nullable(False) for f in schema]) for name, schema in TABLES.items()}
    strict = Session(tables)
    changed = {q.title for q in CORPUS if identity_of(q, strict) != identity_of(q, session())}
    # NOT IN looks out for nulls where there can be some: another plan.
    looking_out = {"not in with nulls", "not in over nulls", "not in over what is never null", "negated in"}
    assert changed == looking_out


@pytest.mark.parametrize("query", [q for q in CORPUS if q.params], ids=lambda query: query.title)
def test_a_value_of_a_parameter_changes_the_parameters_alone(query: Query) -> None:
    identity = identity_of(query, session())
    others: Mapping[type, Callable[[object], object]] = {
        bool: lambda value: not value,
        int: lambda value: value + 1,  # type: ignore[operator]
        float: lambda value: value / 2,  # type: ignore[operator]
        str: lambda value: f"{value}x",
    }
    for name, value in query.params.items():
        if type(value) in others:
            params = {**query.params, name: others[type(value)](value)}
            changed = session().identity(query.sql, params)  # type: ignore[arg-type]
            assert changed_parts(identity, changed) == {"parameters"}
            assert changed.fingerprint != identity.fingerprint


def changed_parts(one: Identity, other: Identity) -> set[str]:
    return {name for name in one.parts if one.parts[name] != other.parts.get(name)}


def test_a_parameter_that_the_query_does_not_name_changes_nothing() -> None:
    sql = "select r.id from rides r where r.fare > $low"
    assert session().identity(sql, {"low": 1, "other": 5}) == session().identity(sql, {"low": 1, "other": 6})


def test_the_body_of_a_python_function_changes_the_functions_alone() -> None:
    sql = "select shorten(s.name, 3) as short from stations s"
    unrelated = "select upper(s.name) as loud from stations s"

    changed = Session(bodies={"shorten": "another"})
    before, after = session().identity(sql, {}), changed.identity(sql, {})
    assert changed_parts(before, after) == {"functions"}
    assert before.fingerprint != after.fingerprint
    assert session().identity(unrelated, {}) == changed.identity(unrelated, {})


def test_settings_for_speed_change_nothing() -> None:
    sql = "select s.city, count(*) as n from stations s group by s.city"
    settings = {"datafusion.execution.batch_size": "1024", "datafusion.optimizer.prefer_hash_join": "false"}
    tuned = Session(engine=Engine(target_partitions=3, memory_limit_bytes=None, settings=settings))
    assert tuned.identity(sql, {}) == session().identity(sql, {})


def test_settings_for_results_change_the_settings_alone() -> None:
    sql = "select s.city, count(*) as n from stations s group by s.city"
    zoned = Session(engine=Engine(None, None, {"datafusion.execution.time_zone": "+02:00"}))
    before, after = session().identity(sql, {}), zoned.identity(sql, {})
    assert changed_parts(before, after) == {"settings"}
    assert before.fingerprint != after.fingerprint


def test_a_setting_that_says_what_holds_anyway_changes_nothing() -> None:
    sql = "select s.city from stations s"
    explicit = Session(engine=Engine(None, None, {"datafusion.execution.enable_ansi_mode": "false"}))
    assert explicit.identity(sql, {}) == session().identity(sql, {})


def test_functions_whose_value_changes_from_call_to_call_are_named() -> None:
    volatile = {
        "select now() as t": ("now",),
        "select random() as x, uuid() as u": ("random", "uuid"),
        "select current_date as d from weather": ("current_date",),
        "select count(*) as n, max(value) as m from generate_series(1, 3)": (),
    }
    for sql, names in volatile.items():
        assert session().identity(sql, {}).volatile_functions == names


def test_the_fingerprint_covers_the_parts_that_decide_results() -> None:
    sql = "select r.id from rides r"
    planned = session().identity(sql, {}, physical_plan="ProjectionExec: expr=[id@0 as id]")
    again = session().identity(sql, {}, physical_plan="FilterExec: id@0 > 1")
    assert set(planned.parts) == {*RESULT_PARTS, "engine", "physical"} - {"inlined", "partitions"}
    assert changed_parts(planned, again) == {"physical"}
    assert planned.fingerprint == again.fingerprint
    assert planned.complete != again.complete


PHYSICAL = (
    "select s.city, sum(r.fare * 2) as a, sum(r.fare * 2 + 1) as b, max(now()) as t from rides r "
    "join stations s on s.id = r.start_station where r.started < '2024-01-07' group by s.city order by s.city"
)


def physical_part(folder: Path, sql: str, cores: int = 2) -> str:
    folder.mkdir(exist_ok=True)
    plan = real_context(folder, cores).sql(sql).execution_plan().display_indent()
    return session().identity(sql, {}, physical_plan=plan).parts["physical"]


def test_the_physical_part_holds_no_paths_counters_and_moments(tmp_path: Path) -> None:
    one = physical_part(tmp_path / "here", PHYSICAL)
    assert physical_part(tmp_path / "there", PHYSICAL) == one
    without_now = PHYSICAL.replace(", max(now()) as t", "")
    one = physical_part(tmp_path / "here", without_now)
    assert physical_part(tmp_path / "there", without_now) == one
    assert physical_part(tmp_path / "here", without_now.replace("* 2 + 1", "* 2 + 2")) != one


def test_the_machine_s_cores_change_the_physical_part_alone(tmp_path: Path) -> None:
    sql = "select r.rider, count(*) as n from rides r group by r.rider"
    assert physical_part(tmp_path, sql, cores=2) != physical_part(tmp_path, sql, cores=5)
    one = Session(engine=Engine(2, None, {})).identity(sql, {})
    assert Session(engine=Engine(5, None, {})).identity(sql, {}) == one


def test_an_engine_is_made_of_defaults() -> None:
    assert dict(ENGINE.settings) == {}
