from __future__ import annotations

import datetime
from pathlib import Path

import pyarrow as pa
import pytest

from dfplan_assets.project import load_project
from dfplan_assets.project.model import Engine, Planning, Source
from dfplan_assets_tests.project.folders import write_project

# The example of the public contract, word for word.
CONTRACT = """\
name: shop
views: views              # folder of .sql files, searched recursively
output: warehouse         # where results are published (folder or object store URL)
store: sqlite:///.dfplan/plans.db    # any SQLAlchemy URL; PostgreSQL in production
sources:
  orders: data/orders.parquet        # short form; format from the extension
  raw.events: {path: data/events/*.csv, format: csv, options: {has_header: true}}
  clicks: {path: data/clicks.parquet, columns: {id: int64, at: timestamp[us]}}   # columns: plan before the file exists
params: {min_year: 1994}             # bound as $min_year, never spliced into text
engine: {target_partitions: 4, memory_limit: 4GiB, settings: {datafusion.execution.batch_size: 8192}}
planning: {substrait: required}      # or: preferred
extends: []                          # Python modules that register functions or Python assets
"""  # noqa: E501
REVENUE = """\
/* ---
description: Revenue per nation and year
owners: [team:finance]
tags: {domain: sales}
params: {min_year: 1995}
--- */
select ...
"""


def test_the_contract_s_example_is_read(tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", CONTRACT, {"sales/revenue.sql": REVENUE})
    project = load_project(root)
    assert project.name == "shop"
    assert project.root == root
    assert project.sources == {
        "orders": Source("orders", f"{root}/data/orders.parquet", "parquet", {}, None),
        "raw.events": Source("raw.events", f"{root}/data/events/*.csv", "csv", {"has_header": True}, None),
        "clicks": Source(
            "clicks",
            f"{root}/data/clicks.parquet",
            "parquet",
            {},
            pa.schema([("id", pa.int64()), ("at", pa.timestamp("us"))]),
        ),
    }
    assert project.output == f"{root}/warehouse"
    assert project.store == f"sqlite:///{root}/.dfplan/plans.db"
    assert project.engine == Engine(4, 4 * 1024**3, {"datafusion.execution.batch_size": "8192"})
    assert project.planning.substrait == "required"
    assert project.extends == ()

    view = project.views["revenue"]
    assert view.path == root / "views/sales/revenue.sql"
    assert view.sql == REVENUE
    assert view.group == "sales"
    assert view.description == "Revenue per nation and year"
    assert view.owners == ("team:finance",)
    assert view.tags == {"domain": "sales"}
    assert project.params == {"min_year": 1994}
    assert project.params_of(view) == {"min_year": 1995}


@pytest.mark.parametrize("yaml", ["", "# nothing yet\n", "sources:\nparams:\nengine:\nplanning:\nextends:\n"])
def test_everything_has_a_default(tmp_path: Path, yaml: str) -> None:
    root = write_project(tmp_path / "shop", yaml)
    project = load_project(root)
    assert project.name == "shop"
    assert list(project.views) == ["one"]
    assert project.sources == {}
    assert project.params == {}
    assert project.secret_params == frozenset()
    assert project.output == f"{root}/warehouse"
    assert project.store == f"sqlite:///{root}/.dfplan/plans.db"
    assert project.keep_results == 3
    assert project.engine == Engine(None, None, {})
    assert project.planning == Planning("required", "decode", False)
    assert project.extends == ()


def test_a_relative_folder_gives_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_project(tmp_path / "p")
    monkeypatch.chdir(tmp_path)
    project = load_project(Path("p"))
    assert project.root == tmp_path / "p"
    assert project.views["one"].path == tmp_path / "p/views/one.sql"


@pytest.mark.parametrize(
    ("written", "bytes_"),
    [
        ("4GiB", 4 * 1024**3),
        ("512MB", 512_000_000),
        ("1.5 KiB", 1536),
        ("4gib", 4 * 1024**3),
        ("2TB", 2 * 10**12),
        ("1000", 1000),
        ("100 B", 100),
    ],
)
def test_memory_limits_are_bytes(tmp_path: Path, written: str, bytes_: int) -> None:
    project = load_project(write_project(tmp_path, f"engine: {{memory_limit: {written}}}\n"))
    assert project.engine.memory_limit_bytes == bytes_


def test_settings_of_the_engine_become_text(tmp_path: Path) -> None:
    yaml = "engine: {settings: {datafusion.a: true, datafusion.b: 1, datafusion.c: 0.5, datafusion.d: off}}\n"
    settings = load_project(write_project(tmp_path, yaml)).engine.settings
    assert settings == {
        "datafusion.a": "true",
        "datafusion.b": "1",
        "datafusion.c": "0.5",
        "datafusion.d": "off",
    }


def test_how_plans_are_captured(tmp_path: Path) -> None:
    yaml = """\
planning: {substrait: preferred, validate: off, verbose: true}
keep_results: 1
extends: [shop.udfs]
"""
    project = load_project(write_project(tmp_path, yaml))
    assert project.planning == Planning("preferred", "off", True)
    assert project.keep_results == 1
    assert project.extends == ("shop.udfs",)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("sqlite:///plans.db", "sqlite:///{root}/plans.db"),
        ("sqlite:///../plans.db", "sqlite:///{parent}/plans.db"),
        ("sqlite+pysqlite:///plans.db?timeout=5", "sqlite+pysqlite:///{root}/plans.db?timeout=5"),
        ("sqlite:////var/plans.db", "sqlite:////var/plans.db"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("sqlite://", "sqlite://"),
        ("postgresql+psycopg://u:p@host/plans", "postgresql+psycopg://u:p@host/plans"),
    ],
)
def test_sqlite_stores_stand_in_the_project(tmp_path: Path, written: str, read: str) -> None:
    root = write_project(tmp_path / "p", f"store: '{written}'\n")
    assert load_project(root).store == read.format(root=root, parent=tmp_path)


def test_parameters_keep_the_types_of_yaml(tmp_path: Path) -> None:
    yaml = """\
params:
  truth: true
  whole: -3
  decimal: 1.5
  power: 1e3
  country: NO
  switch: off
  code: 0123
  clock: 12:30
  nothing:
  day: 1998-08-02
  moment: 2024-01-01T10:00:00Z
  plain: {value: 4}
  password: {value: hush, secret: true}
"""
    project = load_project(write_project(tmp_path, yaml))
    assert project.params == {
        "truth": True,
        "whole": -3,
        "decimal": 1.5,
        "power": 1000.0,
        "country": "NO",
        "switch": "off",
        "code": "0123",
        "clock": "12:30",
        "nothing": None,
        "day": datetime.date(1998, 8, 2),
        "moment": datetime.datetime(2024, 1, 1, 10, tzinfo=datetime.timezone.utc),
        "plain": 4,
        "password": "hush",
    }
    assert type(project.params["whole"]) is int
    assert type(project.params["power"]) is float
    assert project.secret_params == {"password"}
