"""Generated examples are the same in every run, whatever was imported before."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st


def examples() -> list[tuple[int, str, float]]:
    seen: list[tuple[int, str, float]] = []

    @given(st.integers(), st.text(), st.floats(allow_nan=False))
    def note(number: int, text: str, share: float) -> None:
        seen.append((number, text, share))

    note()
    return seen


def test_examples_do_not_depend_on_which_modules_are_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = examples()
    constants = [f"A{number} = {number * 1_000_003}, 'text {number}', {number}.125" for number in range(200)]
    (tmp_path / "module_of_constants.py").write_text("\n".join(constants))
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("module_of_constants")
    after = examples()
    del sys.modules["module_of_constants"]
    assert after == before
