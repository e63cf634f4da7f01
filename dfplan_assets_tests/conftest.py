"""What holds for all tests."""

from __future__ import annotations

import signal

from hypothesis import settings

# The same examples in every run, whatever the machine's speed and whatever ran before.
settings.register_profile("steady", deadline=None, derandomize=True, database=None)
settings.load_profile("steady")

# A shell that runs the tests in the background has them, and every process they start, ignore interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
