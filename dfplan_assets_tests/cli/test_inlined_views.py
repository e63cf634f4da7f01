"""What the commands say of views that are not stored."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dfplan_assets_tests.cli.conftest import Dfplan
from dfplan_assets_tests.small_projects import write_shop

VIRTUAL = "/* ---\nmaterialized: view\n--- */\n"
BIG = "select id, price, nation_key from orders where price > 15"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The shop with a view that is not stored, another over it, and one that reads both through it."""
    return write_shop(
        tmp_path,
        big=f"{VIRTUAL}{BIG}",
        sums=f"{VIRTUAL}select nation_key, sum(price) as total from big group by nation_key",
        out="select total from sums",
    )


@pytest.fixture
def ask(shop: Path, dfplan: Dfplan) -> Callable[..., Any]:
    """The answer in JSON, whatever the exit code."""
    return lambda *arguments: json.loads(dfplan("--project", shop, *arguments, "--format", "json").stdout)


def state(ask: Callable[..., Any], view: str) -> tuple[str, list[str]]:
    found = ask("plan")["views"][view]
    return found["state"], found["why"]


def test_plan_compares_with_what_was_inlined_when_a_reader_ran(shop: Path, ask: Callable[..., Any]) -> None:
    never = ("new", ["no view that it is inlined into has run yet"])
    assert state(ask, "big") == state(ask, "sums") == never
    assert ask("run", "+out")["success"]
    assert state(ask, "big") == state(ask, "sums") == state(ask, "out") == ("unchanged", [])
    (shop / "views/big.sql").write_text(f"{VIRTUAL}{BIG.replace('15', '25')}")
    assert state(ask, "big") == ("changed", ["filter `price > 15` became `price > 25`"])
    cause = "inlined view big changed: filter `price > 15` became `price > 25`"
    assert state(ask, "sums") == state(ask, "out") == ("changed", [cause])
    found = ask("diff", "out")
    assert (found["kind"], found["cause"]) == ("rows or values may differ", cause)
    assert ask("run", "big+")["views"].keys() == {"out"}
    assert state(ask, "big") == ("unchanged", [])


def test_plan_says_which_views_are_inlined(shop: Path, dfplan: Dfplan, ask: Callable[..., Any]) -> None:
    views = ask("plan")["views"]
    assert {name for name, view in views.items() if view["materialized"] == "view"} == {"big", "sums"}
    assert "new, inlined" in dfplan("--project", shop, "plan").stdout


def test_a_view_that_is_no_longer_stored_keeps_its_last_result_and_plan_says_so(
    shop: Path, ask: Callable[..., Any], dfplan: Dfplan
) -> None:
    big = shop / "views/big.sql"
    big.write_text(BIG)
    assert ask("run", "+out")["success"]
    [file] = ask("path", "big")["files"]
    big.write_text(f"{VIRTUAL}{BIG}")
    now, why = state(ask, "big")
    assert now == "new"
    assert "nothing reads its last result of" in why[-1]
    assert str(shop / "warehouse" / "big") in why[-1]
    assert state(ask, "out")[1] == ["view big is inlined now, it was stored before"]
    assert ask("run", "+out")["success"]
    assert state(ask, "big")[0] == "unchanged"
    assert Path(file).is_file()
    # Its plans and runs from before are still known.
    assert len(ask("history", "big")["runs"]) == 1


def test_lineage_goes_through_and_says_who_has_it_inlined(
    shop: Path, ask: Callable[..., Any], dfplan: Dfplan
) -> None:
    found = ask("lineage", "out", "--sources")["views"]["out"]["source_columns"]["total"]
    assert {"table": "orders", "column": "price", "kind": "direct"} in found
    assert ask("lineage", "out")["views"]["out"]["tables"] == ["sums"]
    assert "is not stored, but inlined into out" in dfplan("--project", shop, "lineage", "big").stdout


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (("path", "big"), 1, "it has no files: it is not stored (materialized: view)"),
        (("run", "big"), 2, "it selects only what is not stored and never runs (materialized: view): big"),
        (("show", "big"), 2, "it has no plans of its own: it is not stored (materialized: view)"),
        (("diff", "big"), 2, "it has no plans of its own"),
        (("history", "big"), 2, "it has no plans of its own"),
    ],
)
def test_what_only_stored_views_have_is_an_error_with_the_next_step(
    shop: Path, dfplan: Dfplan, arguments: tuple[str, ...], exit_code: int, message: str
) -> None:
    assert dfplan("--project", shop, "run", "+out").exit_code == 0
    result = dfplan("--project", shop, *arguments)
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert message in result.stderr
    assert f"{shop}/views/big.sql (view big)" in result.stderr or arguments[0] == "run"


def test_the_bundle_of_a_reader_tells_what_was_inlined(shop: Path, ask: Callable[..., Any]) -> None:
    ask("run", "+out")
    found = ask("show", "out")
    assert "inlined" in found["environment"]
    assert "inlined" in found["identity"]["parts"]
    assert "orders" in found["plans"]["optimized"]
    assert found["lineage"]["tables"] == ["sums"]
