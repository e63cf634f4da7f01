"""The memory of a query is that of its process, as long as no other query has run in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dfplan_assets.execution import memory
from dfplan_assets.execution.memory import MemoryGauge

MEBIBYTE = 1024 * 1024


def resetting_is_allowed() -> bool:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


on_linux = pytest.mark.skipif(not resetting_is_allowed(), reason="the system does not tell the peak memory")


@on_linux
def test_the_peak_is_what_was_taken_at_most_whatever_was_given_back() -> None:
    with MemoryGauge().measuring() as peak:
        taken = bytearray(b"x" * (64 * MEBIBYTE))
        del taken
    assert peak.bytes is not None
    assert 60 * MEBIBYTE < peak.bytes < 300 * MEBIBYTE


@on_linux
def test_only_the_first_query_of_a_process_is_measured() -> None:
    gauge = MemoryGauge()
    with gauge.measuring() as first:
        pass
    with gauge.measuring() as second:
        pass
    assert first.bytes is not None
    assert second.bytes is None


def test_queries_that_overlap_are_not_told_apart() -> None:
    gauge = MemoryGauge()
    with gauge.measuring() as first, gauge.measuring() as second:
        pass
    assert (first.bytes, second.bytes) == (None, None)


def test_where_the_system_cannot_tell_nothing_is_known(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(memory, "_RESET", tmp_path / "nowhere" / "clear_refs")
    with MemoryGauge().measuring() as peak:
        pass
    assert peak.bytes is None


def test_a_query_that_fails_is_not_measured() -> None:
    gauge = MemoryGauge()

    def fail() -> None:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"), gauge.measuring() as peak:
        fail()
    assert peak.bytes is None
