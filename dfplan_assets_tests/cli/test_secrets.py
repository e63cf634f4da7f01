"""Recognisable secrets are planted wherever a user can write one, and looked for wherever dfplan writes."""

from __future__ import annotations

import base64
import binascii
import json
import logging
import re
import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from dfplan_assets.cli import main
from dfplan_assets.orchestration.definitions import project_definitions
from dfplan_assets_tests.cli.conftest import Dfplan
from dfplan_assets_tests.small_projects import plan_of, write_shop

# What is looked for: a piece of each secret that nothing else contains, in any quoting.
PIECES = {
    "text parameter": "Zq7aParam",
    "quoted text parameter": "Zq7bQuote",
    "text parameter that is compared with a number": "778899112233",
    "whole number parameter": "918273645546372",
    "decimal parameter": "271.82818",
    "day parameter": "2031-07-19",
    "moment parameter": "2032-05-23",
    "text parameter that is compared with a day": "2033-04-17",
    "text parameter that is read in lower case": "Zq7fUnit",
    "text parameter in lower case": "zq7funit",
    "password of the store": "Zq7cPass",
    "credential in a setting": "Zq7dCred",
    "credential in the environment": "Zq7eEnv",
}
SECRETS = {
    "token": "Zq7aParam+/x",
    "quoted": 'Zq7bQuote "it\'s" \\ ü',
    "number_text": "778899112233",
    "pin": 918273645546372,
    "rate": 271.82818,
    "day": "2031-07-19",
    "moment": "2032-05-23T11:22:33",
    "day_text": "2033-04-17",
    "unit": "Zq7fUnit",
}
GOOD = {
    "by_text": "select id from orders where cast(id as varchar) <> $token and cast(id as varchar) <> $quoted",
    "by_number": "select id, price from orders where id < $pin and price < $rate and id < $number_text",
    "by_time": (
        "select id from orders where date_trunc('day', to_timestamp(id)) < cast($day as date) "
        "and to_timestamp(id) < cast($moment as timestamp)"
    ),
    "by_all": (
        "select n.name, count(*) as n from orders o join nation n on o.nation_key = n.key "
        "where o.id < $pin group by n.name having max(o.price) < $rate"
    ),
}
NO_OTHER_VALUE_FITS = {
    "typed": (
        "select id from orders where id < $number_text and to_timestamp(id) < $day_text "
        "and price < $rate and id < $pin and cast(id as varchar) <> $token"
    )
}
BAD = {
    "bad_cast": "select cast(concat($token, cast(id as varchar)) as bigint) as n from orders",
    "bad_quoted_cast": "select cast(concat($quoted, cast(id as varchar)) as bigint) as n from orders",
    "bad_number": "select cast(cast($pin + id as varchar) || 'x' as bigint) as n from orders",
    "bad_number_alone": "select arrow_cast($pin + id * 0, 'Int8') as n from orders",
    "bad_unit": "select date_trunc($unit, to_timestamp(id)) as n from orders",
    "bad_day": "select cast(cast($day as varchar) || cast(id as varchar) as bigint) as n from orders",
}


@dataclass
class Traces:
    """Everything that dfplan has left behind, by where it was found."""

    found: dict[str, bytes]

    def assert_clean(self) -> None:
        seen = {
            f"{secret} in {where}"
            for where, content in self.found.items()
            for form in forms(content)
            for secret, piece in PIECES.items()
            if piece.encode() in form
        }
        assert seen == set()


def forms(content: bytes) -> Iterator[bytes]:
    """The content as it is, and what is compressed or written as base64 in it."""
    yield content
    for match in re.finditer(rb"[A-Za-z0-9+/]{40,}={0,2}", content):
        try:
            decoded = base64.b64decode(match.group(), validate=True)
        except binascii.Error:
            continue
        yield decoded
        yield from inflated(decoded)


def inflated(payload: bytes) -> Iterator[bytes]:
    try:
        yield zlib.decompress(payload)
    except zlib.error:
        return


def files_of(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file but those that the user wrote, and every blob of a SQLite database as it is unpacked."""
    for path in folder.rglob("*"):
        if not path.is_file() or path.suffix == ".sql" or path.name == "dfplan.yaml":
            continue
        yield str(path), path.read_bytes()
        if path.suffix == ".db":
            with sqlite3.connect(path) as connection:
                connection.text_factory = bytes
                listed = connection.execute("select name from sqlite_master where type = 'table'")
                tables = [row[0].decode() for row in listed]
                for table in tables:
                    for row in connection.execute(f'select * from "{table}"'):
                        for cell in row:
                            if isinstance(cell, bytes):
                                yield f"{path} {table}", cell
                                for payload in inflated(cell):
                                    yield f"{path} {table}, unpacked", payload
            connection.close()


def write_secretive(folder: Path, views: Mapping[str, str], store: str, **planning: object) -> Path:
    shop = write_shop(folder, **views)
    document = json.loads((shop / "dfplan.yaml").read_text())
    document["params"] = {name: {"value": value, "secret": True} for name, value in SECRETS.items()}
    document["store"] = store
    document["planning"] = planning
    text = json.dumps(document)
    # JSON has no dates: YAML reads these as such where they are not quoted.
    for name in ("day", "moment"):
        text = text.replace(json.dumps(SECRETS[name]), str(SECRETS[name]))
    (shop / "dfplan.yaml").write_text(text, encoding="utf-8")
    return shop


def commands(group: click.Group, *before: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *before, name)
        elif (*before, name) not in OF_NO_PROJECT:
            yield (*before, name)


# They look at no project: two make a new one, one prints a script for the shell.
OF_NO_PROJECT = {("init",), ("import-dbt",), ("completion",)}


ARGUMENTS: Mapping[tuple[str, ...], tuple[str, ...]] = {
    ("run",): (),
    ("check",): (),
    ("lineage",): ("VIEW",),
    ("plan",): ("VIEW",),
    ("path",): ("VIEW",),
    ("show",): ("VIEW",),
    ("profile",): ("VIEW",),
    ("history",): ("VIEW",),
    ("diff",): ("VIEW",),
    ("schedule",): (),
    ("golden", "update"): (),
    ("golden", "check"): (),
    ("golden", "accept"): ("VIEW", "--note"),
    ("regressions",): ("VIEW",),
    ("report",): (),
    ("store", "info"): (),
    ("store", "upgrade"): (),
    ("store", "gc"): (),
}


class Watch:
    """Calls commands and keeps all that they print or log."""

    def __init__(
        self, dfplan: Dfplan, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        self._dfplan, self._capfd, self._caplog = dfplan, capfd, caplog
        self.found: dict[str, bytes] = {}

    def call(self, shop: Path, *command: str) -> int:
        result = self._dfplan("--project", shop, *command)
        direct = self._capfd.readouterr()
        said = [result.stdout, result.stderr, direct.out, direct.err, self._caplog.text]
        self._caplog.clear()
        self.found[f"dfplan {' '.join(command)}"] = "\n".join(said).encode()
        return result.exit_code


@pytest.fixture
def watch(
    dfplan: Dfplan,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Watch:
    caplog.set_level(logging.INFO)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)  # where report.html goes
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "Zq7eEnv")
    return Watch(dfplan, capfd, caplog)


def test_no_secret_parameter_is_in_anything_that_success_leaves(tmp_path: Path, watch: Watch) -> None:
    shop = write_secretive(tmp_path / "shop", GOOD, "sqlite:///plans.db", verbose=True, validate="execute")
    assert watch.call(shop, "run") == 0, watch.found
    for command in commands(main):
        for view in (*GOOD, "revenue") if "VIEW" in ARGUMENTS[command] else ("",):
            if command == ("run",):
                continue
            arguments = [view] if view else []
            if "--note" in ARGUMENTS[command]:
                arguments += ["--note", "as it should be"]
            for form in ("text", "json"):
                assert watch.call(shop, *command, *arguments, "--format", form) == 0, watch.found
    said = {"definitions": definitions_of(shop)}
    Traces({**watch.found, **dict(enumerate_names(files_of(tmp_path))), **said}).assert_clean()


def test_no_secret_is_left_by_a_plan_that_must_be_made_with_its_secrets(tmp_path: Path, watch: Watch) -> None:
    planning = {"verbose": True, "substrait": "preferred"}
    shop = write_secretive(tmp_path / "shop", NO_OTHER_VALUE_FITS, "sqlite:///plans.db", **planning)
    for command in (("run",), ("show", "typed"), ("plan", "typed"), ("history", "typed")):
        for form in ("text", "json"):
            assert watch.call(shop, *command, "--format", form) == 0, watch.found
    found = watch.found["dfplan show typed --format text"].decode()
    assert "has none, since" in found
    assert "$rate" in found
    Traces({**watch.found, **dict(enumerate_names(files_of(tmp_path)))}).assert_clean()


def definitions_of(shop: Path) -> bytes:
    """What Dagster's UI shows of the assets before they run."""
    specs = project_definitions(plan_of(shop)).resolve_all_asset_specs()
    return "\n".join(f"{spec.description} {spec.code_version} {spec.metadata}" for spec in specs).encode()


def enumerate_names(found: Iterator[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    for number, (name, content) in enumerate(found):
        yield f"{name} #{number}", content


def test_no_secret_parameter_is_in_anything_that_failure_leaves(tmp_path: Path, watch: Watch) -> None:
    shop = write_secretive(tmp_path / "shop", BAD, "sqlite:///plans.db")
    for form in ("text", "json"):
        assert watch.call(shop, "run", "--format", form) == 1
        for view in BAD:
            watch.call(shop, "history", view, "--format", form)
            watch.call(shop, "show", view, "--format", form)
    for view in BAD:
        assert f"{view}" in watch.found["dfplan run --format text"].decode()
    Traces({**watch.found, **dict(enumerate_names(files_of(tmp_path)))}).assert_clean()


def test_the_password_of_a_store_that_cannot_be_reached_is_nowhere(tmp_path: Path, watch: Watch) -> None:
    store = "postgresql://me:Zq7cPass@127.0.0.1:1/plans?connect_timeout=1"
    shop = write_secretive(tmp_path / "shop", GOOD, store)
    for form in ("text", "json"):
        assert watch.call(shop, "run", "--format", form) == 0
        for command in commands(main):
            arguments = ["by_all"] if "VIEW" in ARGUMENTS[command] else []
            watch.call(shop, *command, *arguments, "--format", form)
    assert "cannot be reached" in watch.found["dfplan run --format text"].decode()
    found = dict(enumerate_names(files_of(tmp_path)))
    assert any("queue" in where for where in found)
    Traces({**watch.found, **found}).assert_clean()


@pytest.mark.parametrize(
    "settings",
    [
        {"engine": {"settings": {"datafusion.s3.secret_access_key": "Zq7dCred"}}},
        {"engine": {"settings": {"aws.secret_access_key": "Zq7dCred"}}},
        {"engine": {"secret_access_key": "Zq7dCred"}},
        {"object_store": {"secret_access_key": "Zq7dCred"}},
        {"sources": {"orders": {"path": "x.csv", "options": {"secret_access_key": "Zq7dCred"}}}},
        {"sources": {"orders": "s3://key:Zq7dCred@bucket/orders.parquet"}},
        {"output": "s3://key:Zq7dCred@bucket/warehouse"},
        {"store": "mysql://me:Zq7dCred@host/plans"},
        {"store": "Zq7dCred"},
        {"params": {"token": {"value": ["Zq7dCred"], "secret": True}}},
    ],
)
def test_credentials_where_dfplan_takes_none_are_not_repeated_in_the_error(
    tmp_path: Path, watch: Watch, settings: dict[str, object]
) -> None:
    shop = write_shop(tmp_path / "shop")
    document = json.loads((shop / "dfplan.yaml").read_text())
    (shop / "dfplan.yaml").write_text(json.dumps({**document, **settings}), encoding="utf-8")
    for form in ("text", "json"):
        watch.call(shop, "run", "--format", form)
        watch.call(shop, "plan", "--format", form)
        watch.call(shop, "store", "info", "--format", form)
    Traces({**watch.found, **dict(enumerate_names(files_of(tmp_path)))}).assert_clean()
