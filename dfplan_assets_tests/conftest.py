"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# The same examples in every run, whatever the machine's speed and whatever ran before.
settings.register_profile("steady", deadline=None, derandomize=True, database=None)
settings.load_profile("steady")
