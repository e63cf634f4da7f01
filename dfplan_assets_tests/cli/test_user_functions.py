"""What the commands say of functions that a project adds: before and after an edit, and of bad modules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dfplan_assets.cli import main
from dfplan_assets.orchestration.building import build_definitions
from dfplan_assets_tests.cli.conftest import Dfplan
from dfplan_assets_tests.small_projects import write_project

MODULE = '''"""Shop."""
import pyarrow as pa
import pyarrow.compute as pc
from datafusion import udf
from rates import share

@udf([pa.float64()], pa.float64(), "immutable")
def vat(price):
    return pc.multiply(price, share())

@udf([pa.float64()], pa.float64(), "volatile")
def noise(price):
    return price
'''
VIEWS = {
    "taxed.sql": "select id, vat(price) as tax from sales",
    "inner.sql": "/* ---\nmaterialized: view\n--- */\nselect vat(price) as tax from sales",
    "behind.sql": "select max(tax) as most from inner",
    "noisy.sql": "select noise(price) as x from sales",
    "plain.sql": "select id from sales",
}


def write(folder: Path) -> Path:
    (folder / "data").mkdir()
    (folder / "data" / "sales.csv").write_text("id,price\n1,10.0\n2,20.0\n")
    (folder / "shop_functions.py").write_text(MODULE)
    (folder / "rates.py").write_text("RATE = 0.2\n\ndef share():\n    return RATE\n")
    return write_project(folder, VIEWS, {"sales": "data/sales.csv"}, extends=["shop_functions"])


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the commands said of a shop that ran, then after a comment changed, then after a rate did."""
    folder = write(tmp_path_factory.mktemp("shop"))

    def say(*arguments: str) -> Any:
        return json.loads(text(*arguments, "--format", "json"))

    def text(*arguments: str) -> str:
        return CliRunner().invoke(main, [*arguments, "--project", str(folder)], catch_exceptions=False).stdout

    said: dict[str, Any] = {}
    say("run")
    say("golden", "update")
    said["shown"] = say("show", "taxed")
    said["shown text"] = text("show", "noisy")
    said["shown behind"] = say("show", "behind")
    module = folder / "shop_functions.py"
    module.write_text(MODULE.replace("import pyarrow as pa", "# Types\n\nimport pyarrow as pa"))
    said["comment"] = say("plan")["views"]
    said["golden comment"] = say("golden", "check")
    (folder / "rates.py").write_text("RATE = 0.3\n\ndef share():\n    return RATE\n")
    said["rate"] = say("plan")["views"]
    said["golden rate"] = say("golden", "check")
    said["diff"] = say("diff", "taxed")
    said["ran"] = say("run", "--stale")
    said["after"] = say("plan")["views"]
    return said


def test_show_has_the_functions_of_the_project_that_a_view_calls(edited: dict[str, Any]) -> None:
    (vat,) = edited["shown"]["user_functions"]
    body = vat.pop("body_sha256")
    assert len(body) == 64
    assert vat == {
        "name": "vat",
        "kind": "scalar",
        "parameters": ["Float64"],
        "returns": "Float64",
        "volatility": "immutable",
        "module": "shop_functions",
        "line": 8,
        "notices": [],
    }
    assert [each["name"] for each in edited["shown behind"]["user_functions"]] == ["vat"]


def test_a_comment_changes_nothing(edited: dict[str, Any]) -> None:
    assert {view["state"] for view in edited["comment"].values()} == {"unchanged"}
    stale = {name: view["stale_because"] for name, view in edited["comment"].items() if view["stale"]}
    assert stale == {"noisy": ["uses noise(): never up to date"]}
    assert not [view for view in edited["golden comment"]["views"].values() if view["state"] != "same"]


def test_a_changed_helper_changes_the_views_that_call_the_function(edited: dict[str, Any]) -> None:
    views = edited["rate"]
    assert {name: (view["state"], view["why"]) for name, view in views.items()} == {
        "taxed": ("changed", ["function vat changed: its body"]),
        "inner": ("changed", ["function vat changed: its body"]),
        "behind": ("changed", ["inlined view inner changed: function vat changed: its body"]),
        "noisy": ("unchanged", []),
        "plain": ("unchanged", []),
    }
    assert views["taxed"]["stale_because"] == ["function vat changed"]
    assert views["behind"]["stale_because"] == ["inlined view inner changed"]
    assert not views["plain"]["stale"]


def test_a_golden_plan_drifts_with_the_function_as_its_cause(edited: dict[str, Any]) -> None:
    drifted = {
        name: (view["kind"], view["causes"])
        for name, view in edited["golden rate"]["views"].items()
        if view["state"] == "drift"
    }
    assert drifted["taxed"] == ("rows or values may differ", ["function vat changed: its body"])
    assert set(drifted) == {"taxed", "inner", "behind"}


def test_what_changed_runs_and_is_up_to_date_then(edited: dict[str, Any]) -> None:
    assert set(edited["ran"]["views"]) == {"taxed", "behind", "noisy"}
    assert [name for name, view in edited["after"].items() if view["stale"]] == ["noisy"]


def test_the_stored_plan_differs_from_the_present_one_by_the_function(edited: dict[str, Any]) -> None:
    assert edited["diff"]["causes"] == ["function vat changed: its body"]


def test_show_prints_signature_volatility_and_place(edited: dict[str, Any]) -> None:
    text = edited["shown text"]
    assert "noise(Float64) -> Float64" in text
    assert "stable or volatile" in text
    assert "shop_functions:12" in text


def test_a_module_that_fails_is_said_by_every_command(tmp_path: Path, dfplan: Dfplan) -> None:
    folder = write(tmp_path)
    (folder / "rates.py").write_text("RATE = 1 / 0\n")
    for command in ("plan", "lineage", "run"):
        result = dfplan(command, "--project", folder)
        assert result.exit_code == 2
        assert "dfplan.yaml: extends: the module shop_functions cannot be imported" in result.stderr
        assert "ZeroDivisionError: division by zero (" in result.stderr
        assert "rates.py, line 1)" in result.stderr


TABLES = """\
from datafusion import udtf

def days(*bounds):
    raise LookupError("no calendar")

table = udtf(days, "days")
"""


def test_a_table_function_that_raises_stops_commands_with_its_view_and_the_code_location_loads_the_rest(
    tmp_path: Path, dfplan: Dfplan
) -> None:
    (tmp_path / "calendar_functions.py").write_text(TABLES)
    views = {"calendar.sql": "select day from days(3)", "plain.sql": "select 1 as one"}
    folder = write_project(tmp_path, views, {}, extends=["calendar_functions"])
    for command in ("plan", "run", "schedule"):
        result = dfplan(command, "--project", folder)
        assert result.exit_code == 2
        assert result.stdout == ""
        assert "calendar.sql (view calendar): the table function days, which runs as the" in result.stderr
        assert "raised LookupError: no calendar (" in result.stderr
        assert "Correct the function (calendar_functions:6)" in result.stderr
        assert "Traceback" not in result.stderr
    graph = build_definitions(folder).resolve_asset_graph()
    said = {key.to_user_string(): graph.get(key).description or "" for key in graph.executable_asset_keys}
    assert said.keys() == {"calendar", "plain"}
    assert "This view cannot be planned." in said["calendar"]
    assert "raised LookupError: no calendar (" in said["calendar"]
    assert "cannot be planned" not in said["plain"]
