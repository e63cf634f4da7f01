"""``python -m benchmarks [NAME…]``: runs all measurements, or those named."""

from __future__ import annotations

import sys

from benchmarks import (
    bundles,
    golden,
    long_tail,
    materialising,
    ordering,
    planning,
    regressions,
    scheduling,
    store,
)

BENCHMARKS = {
    "planning": planning.main,
    "bundles": bundles.main,
    "store": store.main,
    "golden": golden.main,
    "regressions": regressions.main,
    "materialising": materialising.main,
    "scheduling": scheduling.main,
    "ordering": ordering.main,
    "long_tail": long_tail.main,
}


def main(names: list[str]) -> None:
    """Runs the named measurements in order, all of them where none is named."""
    unknown = sorted(set(names) - BENCHMARKS.keys())
    if unknown:
        sys.exit(f"no benchmark named {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    for name in names or BENCHMARKS:
        BENCHMARKS[name]()


main(sys.argv[1:])
