"""The command as a process of its own: what is on its two streams, what it imports, how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import dfplan_assets
from dfplan_assets.cli.output import print_json
from dfplan_assets_tests.small_projects import write_shop

_PACKAGE_PARENT = Path(dfplan_assets.__file__).parent.parent
_DFPLAN = "from dfplan_assets.cli import main; main()"


def _start(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k not in ("DAGSTER_HOME", "DFPLAN_PROJECT")}
    environment["PYTHONPATH"] = str(_PACKAGE_PARENT)
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_runs_standard_output_is_one_document(tmp_path: Path) -> None:
    done = _start(_DFPLAN, "--project", write_shop(tmp_path), "--format", "json", "run")
    assert done.returncode == 0
    assert json.loads(done.stdout)["success"] is True
    first_words = [line.partition(" ")[0] for line in done.stderr.splitlines()]
    assert first_words == ["order:", "[1/3]", "[2/3]", "[3/3]", "took"]


def test_a_failed_run_ends_with_1_and_without_a_traceback(tmp_path: Path) -> None:
    shop = write_shop(tmp_path, broken="select 100 / (id - 2) as boom from orders")
    done = _start(_DFPLAN, "--project", shop, "run")
    assert done.returncode == 1
    assert "Error: " in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_bad_input_ends_with_2(tmp_path: Path) -> None:
    done = _start(_DFPLAN, "--project", tmp_path, "plan")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


def test_what_code_prints_while_views_run_is_kept_from_standard_output() -> None:
    code = """
import os, subprocess, sys
from dfplan_assets.cli.output import stdout_to_stderr
with stdout_to_stderr():
    print("python")
    os.write(1, b"system call\\n")
    subprocess.run([sys.executable, "-c", "print('child')"])
print("answer")
"""
    done = _start(code)
    assert done.stdout == "answer\n"
    assert set(done.stderr.split("\n")) == {"python", "system call", "child", ""}


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (["lineage"], ["dagster"]),
        (["plan"], ["dagster"]),
        (["path", "revenue"], ["dagster", "datafusion"]),
        (["profile", "revenue"], ["dagster"]),
        (["--help"], ["dagster", "datafusion"]),
    ],
)
def test_commands_import_only_what_they_need(
    tmp_path: Path, arguments: list[str], unwanted: list[str]
) -> None:
    code = f"""
import sys
from dfplan_assets.cli import main
try:
    main()
finally:
    print([name for name in {unwanted} if name in sys.modules], file=sys.stderr)
"""
    done = _start(code, "--project", write_shop(tmp_path), *arguments)
    assert done.stderr.splitlines()[-1] == "[]"


@pytest.mark.parametrize("arguments", [["plan"], ["golden", "update"]])
def test_what_the_modules_of_a_project_print_is_kept_from_the_answer(
    tmp_path: Path, arguments: list[str]
) -> None:
    shop = write_shop(tmp_path)
    document = json.loads((shop / "dfplan.yaml").read_text(encoding="utf-8"))
    (shop / "dfplan.yaml").write_text(json.dumps({**document, "extends": ["chatty"]}), encoding="utf-8")
    (shop / "chatty.py").write_text("print('from a module')\n", encoding="utf-8")
    done = _start(_DFPLAN, "--project", shop, *arguments, "--format", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)
    assert "from a module" in done.stderr


def test_a_number_that_json_does_not_have_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": [float("inf"), 1.5, {"b": float("nan")}]})
    assert json.loads(capsys.readouterr().out) == {"a": [None, 1.5, {"b": None}]}
