"""What holds for all tests."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

SCREENSHOTS = "screenshots"

# The same examples in every run, whatever the machine's speed and whatever ran before.
settings.register_profile(
    "steady",
    deadline=None,
    derandomize=True,
    database=None,
    # A busy machine makes examples slowly, and that is no failure.
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("steady")

# Hypothesis mixes in numbers and texts that it finds in the modules of the project imported so far: examples
# would be others after other tests, and a change anywhere would give others to tests that have no part in it.
providers.HypothesisProvider._local_constants = Constants()  # type: ignore[assignment]

# Runs go where a test says, not where whoever starts the tests keeps those of another project.
for variable in ("DAGSTER_HOME", "DFPLAN_PROJECT"):
    os.environ.pop(variable, None)

# A shell that runs the tests in the background has them, and every process they start, ignore interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first, or the last of them would go on alone when all others are done."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say where the browser's screenshots are, which tests in other processes have made."""
    reports = [
        report
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        if isinstance(report, pytest.TestReport)
    ]
    for folder in dict.fromkeys(
        value for report in reports for name, value in report.user_properties if name == SCREENSHOTS
    ):
        terminalreporter.write_line(f"screenshots of the browser: {folder}")
