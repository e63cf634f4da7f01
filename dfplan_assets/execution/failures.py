"""What to tell the user when DataFusion fails at running a view."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from dfplan_assets.errors import ExecutionError

# The layers of DataFusion and Arrow that an error passed through say nothing to a reader.
_LAYER = re.compile(
    r"(?:DataFusion error|Arrow error|Parquet error|Parquet argument error|Execution error|External error|External"
    r"|IO error|Object Store error|ObjectStore|Compute error|Error during planning|Schema error|Context"
    r"|This feature is not implemented|NYI): "
)
_DUMP = re.compile(r"(Physical plan does not support logical expression) (\w+)\(.*", re.DOTALL)

# Text in the cause, and what to do about it; the first that fits counts.
_NEXT_STEPS: tuple[tuple[str, str], ...] = (
    ("Divide by zero", "Guard the divisor, for example with nullif(divisor, 0)."),
    (
        "Resources exhausted",
        "Raise engine.memory_limit in dfplan.yaml, or lower engine.target_partitions: fewer partitions share "
        "the memory.",
    ),
    (
        "interval type",
        "Parquet cannot hold intervals: cast such columns to text, or give them as a number of a unit.",
    ),
    (
        "Physical plan does not support logical expression",
        "DataFusion plans this but cannot execute it: write the subquery as a join, or filter with it in WHERE.",
    ),
    (
        "duplicate",
        "Every column of a result needs a name of its own: list the columns and rename with AS.",
    ),
    ("more than one row", "Aggregate the subquery, or end it with LIMIT 1."),
    ("Cannot cast", "Use try_cast where a value may not fit, or correct the data."),
    ("No space left on device", "Free space on the disk of the output folder, or choose another output."),
)
_DAMAGE = re.compile(r"corrupt|Invalid Parquet|Parquet|snappy|zstd|EOF|thrift|Unable to open file|Json|csv|Arrow file", re.I)


@contextmanager
def reporting(where: str, inputs: Mapping[str, str]) -> Iterator[None]:
    """Turn what DataFusion raises into an ExecutionError; errors of this package pass as they are.

    ``where`` names the file and view, ``inputs`` the tables it reads, each with its location. A panic, which
    arrives as a BaseException, counts as an error too; KeyboardInterrupt and the like pass.
    """
    ...
