"""What to tell the user when DataFusion fails at running a view."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from dfplan_assets.errors import DfplanError, ExecutionError
from dfplan_assets.execution.function_failures import function_failure
from dfplan_assets.planning.panics import raise_unless_datafusion
from dfplan_assets.planning.user_functions import UserFunction

# The layers that an error passed through on its way up; they say nothing to a reader.
_LAYERS = re.compile(
    r"^(?:(?:DataFusion|Arrow|Parquet|Parquet argument|Execution|External|IO|Object Store|Schema|Cast|Json"
    r"|Csv|Error during planning|This feature is not implemented|NYI)(?: error)?: )+"
)
_DUMP = re.compile(r"(does not support logical expression \w+)\(.*", re.DOTALL)
_DEFECT_NOTICE = re.compile(r"\.?\s*This issue was likely caused by a bug in DataFusion.*", re.DOTALL)

# A text in the cause, and what to do about it; the first that fits counts.
_NEXT_STEPS = (
    ("Divide by zero", "Guard the divisor, for example with nullif(divisor, 0)."),
    (
        "Resources exhausted",
        "Raise engine.memory_limit in dfplan.yaml, or lower engine.target_partitions, so that fewer "
        "partitions share the memory.",
    ),
    ("interval type", "Parquet cannot hold intervals: cast them to text, or to a number of a fixed unit."),
    (
        "does not support logical expression",
        "DataFusion plans this subquery but cannot execute it there: write it as a join, or put it in WHERE.",
    ),
    ("more than one row", "Aggregate the subquery, or end it with LIMIT 1."),
    ("Cannot cast", "Use try_cast where a value may not fit, or correct the data."),
    ("No space left on device", "Free space on the disk of the output folder, or choose another output."),
    (
        "Internal error",
        "This is a defect of DataFusion: write the query in another way, and report it there.",
    ),
    ("panic", "This is a defect of DataFusion: write the query in another way, and report it there."),
)


@contextmanager
def reporting(
    where: str,
    inputs: Mapping[str, str],
    hide: Callable[[str], str] = str,
    functions: Sequence[UserFunction] = (),
) -> Iterator[None]:
    """Turn what DataFusion raises into ExecutionError; this package's own errors pass as they are.

    ``where`` names the file and view, ``inputs`` the tables it reads, each with its location; ``hide`` takes
    out of messages what nobody is to see; ``functions`` are those of the project that it calls. A panic is an
    error too, though it arrives as a BaseException; KeyboardInterrupt and the like pass.
    """
    try:
        yield
    except DfplanError:
        raise
    except BaseException as error:
        raise_unless_datafusion(error)
        panicked = "" if isinstance(error, Exception) else "DataFusion panicked: "
        text = str(error)
        hidden = hide(text)
        # Without the chain where it quotes a secret.
        chain = error if hidden == text else None
        failure = function_failure(hidden, functions)
        if failure is not None:
            raise ExecutionError(where, *failure) from chain
        raise _execution_error(where, inputs, panicked + clean(hidden)) from chain


def clean(text: str) -> str:
    """DataFusion's message as one line, without the names of the layers that it passed through.

    >>> clean("DataFusion error: Arrow error: Divide by zero error")
    'Divide by zero error'
    """
    text = _DEFECT_NOTICE.sub("", text.strip())
    causes = [_LAYERS.sub("", part.strip()).rstrip(".") for part in text.split("\ncaused by\n")]
    return " ".join(_DUMP.sub(r"\1", "; ".join(causes)).split())


def _execution_error(where: str, inputs: Mapping[str, str], cause: str) -> ExecutionError:
    for text, next_step in _NEXT_STEPS:
        if text in cause:
            return ExecutionError(where, cause, next_step)
    read = ", ".join(f"{table} ({location})" for table, location in inputs.items())
    return ExecutionError(
        where,
        cause,
        f"Correct the query or the data that it reads: {read}." if read else "Correct the query.",
    )
