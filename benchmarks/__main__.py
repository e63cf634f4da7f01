"""``python -m benchmarks [NAME ...]``: all benchmarks, or those named."""

from __future__ import annotations

import sys
from importlib import import_module

BENCHMARKS = (
    "planning",
    "bundles",
    "store",
    "golden",
    "regressions",
    "scheduling",
    "ordering",
    "materialising",
    "pictures",
    "steps",
    "thousand",
    "code_location",
    "dev_start",
    "long_tail",
    "staleness",
    "checks",
    "report",
    "handing",
)


def main() -> None:
    """Runs them one after the other."""
    names = sys.argv[1:] or BENCHMARKS
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        sys.exit(f"there is no benchmark {unknown[0]}; there are {', '.join(BENCHMARKS)}")
    for name in names:
        import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
