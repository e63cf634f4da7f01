"""Cron expressions: what Dagster's scheduler takes, and only that."""

from __future__ import annotations

import pytest
from dagster._utils.schedules import is_valid_cron_string

from dfplan_assets.project.cron import wrong_cron

GOOD = [
    "0 3 * * *",
    "*/5 * * * *",
    "  0  3 * * * ",
    "0 0 L * *",
    "0 0 1,L * *",
    "0 0 * * L5",
    "0 0 * * 5#2",
    "0 0 * * fri#2",
    "0 0 1 * 5#2",
    "0 0 ? * *",
    "0 0 * * ?",
    "0 0 * * 7",
    "0 0 * * mon-fri",
    "0 0 * * fri-mon",
    "0 0 * JAN-mar *",
    "0 0 29 2 *",
    "0 0 30,31 4 *",
    "1-5/2 * * * *",
    "5/10 * * * *",
    "@daily",
    "@Midnight",
    "@annually",
]
BAD = [
    "",
    "daily",
    "@reboot",
    "@every 5m",
    "60 * * * *",
    "0 24 * * *",
    "0 0 0 * *",
    "0 0 * 13 *",
    "0 0 * * 8",
    "0 0 30 2 *",
    "0 0 * *",
    "0 0 * * * *",
    "a b c d e",
    "0 3 * * *;",
    "*/0 * * * *",
    "1,2,,3 * * * *",
    "0 0 1W * *",
    "-1 * * * *",
    "0 0 * * sunday",
    "0 0 * * 1,2#1",
    "0 0 * * 5#6",
    "*-5 * * * *",
    "1-2-3 * * * *",
]


@pytest.mark.parametrize("text", GOOD)
def test_what_the_scheduler_takes_is_a_cron(text: str) -> None:
    assert wrong_cron(text) is None
    assert is_valid_cron_string(text.strip())


@pytest.mark.parametrize("text", BAD)
def test_what_the_scheduler_refuses_is_none(text: str) -> None:
    assert wrong_cron(text) is not None
    assert not is_valid_cron_string(text)


def test_a_day_that_never_comes_is_refused_though_the_scheduler_would_wait_for_it() -> None:
    assert wrong_cron("0 0 31 4,jun *") == "no month that it names has such a day"
    assert is_valid_cron_string("0 0 31 4,jun *")


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("0 24 * * *", "its hour cannot be '24': 0 to 23"),
        ("0 3 * *", "it has 4 fields, not 5"),
        ("@nightly", "it is none of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually"),
    ],
)
def test_what_is_wrong_is_said(text: str, cause: str) -> None:
    assert wrong_cron(text) == cause
