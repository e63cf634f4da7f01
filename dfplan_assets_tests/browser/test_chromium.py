"""Where there is no Chromium, the browser's test says so; where there must be one, it fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from dfplan_assets_tests.browser.chromium import REQUIRED_VARIABLE, installed_chromium


@pytest.fixture(autouse=True)
def nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(REQUIRED_VARIABLE, raising=False)


def test_without_chromium_a_test_is_skipped_and_says_how_to_get_it() -> None:
    with pytest.raises(pytest.skip.Exception, match="apt-get install chromium"):
        installed_chromium()


def test_where_chromium_must_be_its_absence_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REQUIRED_VARIABLE, "1")
    with pytest.raises(pytest.fail.Exception, match=REQUIRED_VARIABLE):
        installed_chromium()
