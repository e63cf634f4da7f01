"""What the command says of stale views, and what ``run --stale`` prints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dfplan_assets.store import open_store
from dfplan_assets_tests.cli.conftest import Dfplan
from dfplan_assets_tests.small_projects import write_shop

Json = Callable[..., Any]


@pytest.fixture
def shop(tmp_path: Path, dfplan_json: Json) -> Path:
    """A shop that has run, with a view not stored and one that uses the time."""
    shop = write_shop(
        tmp_path,
        dear="/* ---\nmaterialized: view\n--- */\nselect id, price from orders where price > 15",
        dearest="select max(price) as price from dear",
        stamped="select now() as at, key from nation",
    )
    dfplan_json("--project", shop, "run")
    return shop


def later(file: Path) -> None:
    modified = file.stat().st_mtime_ns + 10**9
    os.utime(file, ns=(modified, modified))


def reasons(shop: Path, dfplan_json: Json) -> dict[str, list[str]]:
    """Why each view is stale; those that are not are left out."""
    views = dfplan_json("--project", shop, "plan")["views"]
    for view in views.values():
        assert view["stale"] is bool(view["stale_because"])
    return {name: view["stale_because"] for name, view in views.items() if view["stale"]}


VOLATILE = {"stamped": ["uses now(): never up to date"]}


def test_what_never_ran_is_stale(tmp_path: Path, dfplan_json: Json) -> None:
    assert reasons(write_shop(tmp_path), dfplan_json) == {
        "revenue": ["never ran"],
        "best": ["never ran", "upstream revenue is stale"],
        "mart.cheap": ["never ran"],
    }


def test_what_just_ran_is_not(shop: Path, dfplan_json: Json) -> None:
    assert reasons(shop, dfplan_json) == VOLATILE


def test_a_changed_file_is_named(shop: Path, dfplan_json: Json) -> None:
    later(shop / "data/orders.parquet")
    assert reasons(shop, dfplan_json) == {
        **VOLATILE,
        "revenue": ["orders.parquet changed"],
        "best": ["upstream revenue is stale"],
        "mart.cheap": ["orders.parquet changed"],
        "dearest": ["orders.parquet changed"],
    }


def test_a_changed_meaning_is_told_in_the_words_of_the_difference(shop: Path, dfplan_json: Json) -> None:
    file = shop / "views/staging/mart.cheap.sql"
    file.write_text(file.read_text().replace("< 25", "< 26"))
    assert reasons(shop, dfplan_json) == {
        **VOLATILE,
        "mart.cheap": ["meaning changed: filter `price < 25` became `price < 26`"],
    }


def test_an_inlined_view_that_changed_is_named(shop: Path, dfplan_json: Json) -> None:
    file = shop / "views/dear.sql"
    file.write_text(file.read_text().replace("15", "16"))
    found = reasons(shop, dfplan_json)
    assert found == {**VOLATILE, "dearest": ["inlined view dear changed"]}


def test_files_of_a_folder_are_named_with_their_source_and_many_are_counted(
    tmp_path: Path, dfplan_json: Json
) -> None:
    shop = write_shop(tmp_path, kinds="select id from events")
    folder = shop / "data/events"
    folder.mkdir()
    for name in "abcdef":
        pq.write_table(pa.table({"id": [1]}), folder / f"{name}.parquet")
    document = json.loads((shop / "dfplan.yaml").read_text())
    document["sources"]["events"] = {"path": "data/events/", "format": "parquet"}
    (shop / "dfplan.yaml").write_text(json.dumps(document))
    dfplan_json("--project", shop, "run", "kinds")
    (folder / "a.parquet").unlink()
    pq.write_table(pa.table({"id": [1]}), folder / "g.parquet")
    for name in "bcde":
        later(folder / f"{name}.parquet")
    assert reasons(shop, dfplan_json)["kinds"] == [
        "events: b.parquet, c.parquet, d.parquet and 1 more file changed, g.parquet is new, a.parquet is gone"
    ]


def test_a_version_that_cannot_be_told_is_a_reason(shop: Path, dfplan_json: Json) -> None:
    document = json.loads((shop / "dfplan.yaml").read_text())
    document["sources"]["nation"] = {"path": "data/nation.csv", "data_version": "absent_of_all:latest"}
    (shop / "dfplan.yaml").write_text(json.dumps(document))
    reason = reasons(shop, dfplan_json)["revenue"][0]
    assert reason.startswith("whether nation changed cannot be told: the module absent_of_all of ")


def test_a_function_that_says_something_else(shop: Path, dfplan_json: Json) -> None:
    (shop / "shop_tells.py").write_text(
        "from pathlib import Path\n\n"
        "def latest(source):\n    return Path(source.path).with_suffix('.v').read_text()\n"
    )
    (shop / "data/nation.v").write_text("spring")
    document = json.loads((shop / "dfplan.yaml").read_text())
    document["sources"]["nation"] = {"path": "data/nation.csv", "data_version": "shop_tells:latest"}
    (shop / "dfplan.yaml").write_text(json.dumps(document))
    assert reasons(shop, dfplan_json)["revenue"] == [
        "nation changed: its data version is told by shop_tells:latest"
    ]
    dfplan_json("--project", shop, "run", "--stale")
    (shop / "data/nation.v").write_text("summer")
    assert reasons(shop, dfplan_json)["revenue"] == [
        "nation changed: shop_tells:latest says 'summer', it said 'spring'"
    ]


def test_a_failed_run_is_not_hidden(shop: Path, dfplan_json: Json, dfplan: Dfplan) -> None:
    file = shop / "views/marts/best.sql"
    file.write_text("select 1 / (length(name) - 2) as x from revenue")
    assert dfplan("--project", shop, "run", "--stale").exit_code == 1
    found = reasons(shop, dfplan_json)["best"]
    assert found[0].startswith("meaning changed: ") or found[0] == "its meaning changed"
    assert found[-1] == "its last run failed"
    # It fails until someone does something about it.
    assert dfplan("--project", shop, "run", "--stale").exit_code == 1


def test_the_table_has_a_column_for_it(shop: Path, dfplan: Dfplan) -> None:
    later(shop / "data/nation.csv")
    lines = dfplan("--project", shop, "plan").stdout.splitlines()
    assert lines[0].split()[-2:] == ["stale", "because"]
    (revenue,) = (line for line in lines if line.startswith("revenue"))
    assert revenue.endswith("nation.csv changed")


def test_nothing_to_do_is_said_and_is_no_run(tmp_path: Path, dfplan: Dfplan, dfplan_json: Json) -> None:
    shop = write_shop(tmp_path)
    dfplan_json("--project", shop, "run")
    result = dfplan("--project", shop, "run", "--stale")
    assert result.exit_code == 0
    assert result.stdout.startswith("Nothing to do: nothing is stale.")
    nothing: dict[str, object] = {"run_id": None, "success": True, "views": {}}
    assert dfplan_json("--project", shop, "run", "--stale") == nothing
    assert dfplan_json("--project", shop, "run", "--stale", "+best") == nothing


def test_nothing_to_do_imports_no_dagster(tmp_path: Path, dfplan_json: Json) -> None:
    shop = write_shop(tmp_path)
    dfplan_json("--project", shop, "run")
    program = (
        "import sys\nfrom dfplan_assets.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit as end:\n    assert not end.code\n"
        "assert 'dagster' not in sys.modules"
    )
    command = [sys.executable, "-c", program, "--project", str(shop), "run", "--stale"]
    subprocess.run(command, check=True, capture_output=True)


def test_what_is_stale_runs_within_the_selection(shop: Path, dfplan_json: Json) -> None:
    later(shop / "data/orders.parquet")
    assert set(dfplan_json("--project", shop, "run", "--stale", "best")["views"]) == set()
    assert set(dfplan_json("--project", shop, "run", "--stale", "+best")["views"]) == {"revenue", "best"}
    found = dfplan_json("--project", shop, "run", "--stale")["views"]
    assert set(found) == {"mart.cheap", "dearest", "stamped"}


def test_a_selection_that_means_nothing_is_an_error_also_where_nothing_is_stale(
    tmp_path: Path, dfplan: Dfplan, dfplan_json: Json
) -> None:
    shop = write_shop(tmp_path)
    dfplan_json("--project", shop, "run")
    result = dfplan("--project", shop, "run", "--stale", "revenu")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Did you mean revenue?" in result.stderr


def test_an_unchanged_view_is_shown_as_cached_and_recorded_as_such(
    tmp_path: Path, dfplan: Dfplan, dfplan_json: Json
) -> None:
    shop = write_shop(tmp_path)
    document = json.loads((shop / "dfplan.yaml").read_text())
    (shop / "dfplan.yaml").write_text(json.dumps({**document, "data_version": "content"}))
    dfplan_json("--project", shop, "run")
    path = dfplan_json("--project", shop, "path", "best")
    later(shop / "data/nation.csv")
    result = dfplan("--project", shop, "run", "--stale")
    rows = {line.split()[0]: line.split(maxsplit=3)[1:] for line in result.stdout.splitlines()}
    assert rows["best"][0] == "1"
    assert rows["best"][-1].endswith("unchanged, its last result stays")
    assert "[2/2] best: unchanged" in result.stderr
    later(shop / "data/nation.csv")
    views = dfplan_json("--project", shop, "run", "--stale")["views"]
    assert views["revenue"]["state"] == "materialised"
    assert views["best"] == {
        "state": "cached",
        "rows": 1,
        "bytes": views["best"]["bytes"],
        "wall_seconds": None,
        "error": None,
    }
    assert dfplan_json("--project", shop, "path", "best") == path
    with open_store(f"sqlite:///{shop}/.dfplan/plans.db") as store:
        latest = store.latest_runs(["best", "revenue"])
    assert {view: run.status for view, run in latest.items()} == {"best": "cached", "revenue": "succeeded"}
    assert latest["best"].publication_version == Path(path["files"][0]).parent.name
