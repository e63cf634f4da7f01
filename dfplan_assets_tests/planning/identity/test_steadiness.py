"""The same query gives the same identity and the same Substrait bytes in every process, in any order."""

from __future__ import annotations

import doctest
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from datafusion import DataFrame

from dfplan_assets.planning import sort_columns
from dfplan_assets.planning.guard import plan_query
from dfplan_assets.planning.sort_columns import with_sort_columns_in_order
from dfplan_assets.planning.substrait import encode
from dfplan_assets_tests.planning.identity.corpus import Query, queries
from dfplan_assets_tests.planning.identity.planning import Session, view_of
from dfplan_assets_tests.planning.identity.world import stand_in_context

Answer = dict[str, list[str | None]]


def answers(corpus: list[Query], *, backwards: bool) -> Answer:
    """For each query its meaning, and the hash of its message or the reason why there is none."""
    session = Session()
    ctx = stand_in_context(backwards=backwards, cores=3 if backwards else None)
    found: Answer = {}
    for query in reversed(corpus) if backwards else corpus:
        encoded = encode(ctx, ctx.sql(query.sql, param_values=query.params or None))
        message = None if encoded.message is None else hashlib.sha256(encoded.message).hexdigest()
        found[query.title] = [session.meaning(query.sql), message, encoded.refusal]
    return found


def test_processes_sessions_and_order_agree() -> None:
    here = answers(queries(), backwards=False)
    for backwards, seed in ((True, "1"), (False, "2")):
        answer = f"t.answers(t.queries(), backwards={backwards})"
        call = f"import {__name__} as t, json; print(json.dumps({answer}))"
        root = Path(__file__).parents[3]
        done = subprocess.run(
            [sys.executable, "-c", call],
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": "Asia/Kolkata", "PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(done.stdout.splitlines()[-1]) == here


def test_the_moment_of_planning_changes_nothing() -> None:
    session, ctx = Session(), stand_in_context()
    sql = "select now() as t, current_date as d, r.id from rides r where r.started < now() - interval '1 day'"
    identity, message = session.identity(sql, {}), encode(ctx, ctx.sql(sql)).message
    time.sleep(0.01)  # now() has nanoseconds; any moment later is another one
    assert session.identity(sql, {}) == identity
    assert encode(ctx, ctx.sql(sql)).message == message


def test_an_order_by_columns_that_are_not_selected_gives_the_same_plan_each_time() -> None:
    session = Session()
    texts = [
        "select {0}.rider from rides {0} order by {0}.id + {0}.rating",
        "with {0} as (select r.rider from rides r order by r.id + r.rating) select {0}.rider from {0}",
        "select s.city from stations s where s.id = "
        "(select {0}.id from rides {0} order by {0}.rating * {0}.bike_id - {0}.start_station limit 1)",
    ]
    for text in texts:
        plans = {
            plan_query(session.ctx, view_of(text.format("r")), {}).logical_plan().display_indent()
            for _ in range(8)
        }
        assert len(plans) == 1
        assert len({session.meaning(text.format(alias)) for alias in ("r", "r", "z", "z")}) == 1


def test_what_a_query_orders_by_in_its_own_order_is_planned_a_few_times_at_most() -> None:
    calls: list[int] = []
    ctx = stand_in_context()
    sql = "select rider from (select rider, rating, id from rides order by id, rating)"

    def plan() -> DataFrame:
        calls.append(1)
        return ctx.sql(sql)

    with_sort_columns_in_order(sql, plan)
    assert len(calls) <= 20
    assert doctest.testmod(sort_columns).failed == 0
