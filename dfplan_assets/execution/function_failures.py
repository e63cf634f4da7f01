"""What to tell the user when a function of the project fails while a view runs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dfplan_assets.planning.python_errors import python_error
from dfplan_assets.planning.user_functions import UserFunction

_NO_ARRAY = re.compile(r"Expected instance of pyarrow\.lib\.Array, got (\w+)")
_ROWS = re.compile(
    r"UDF (\S+) returned a different number of rows than expected\. Expected: (\d+), Got: (\d+)"
)
_TYPES = re.compile(r"column types must match schema types, expected (.+?) but found (.+?) at column index")
_LENGTHS = "all columns in a record batch must have the same length"


def function_failure(text: str, functions: Sequence[UserFunction]) -> tuple[str, str] | None:
    """Cause and next step of a failure that a function of the project is to blame for; None if none is.

    ``text`` is DataFusion's message, ``functions`` are those of the project that the view calls. DataFusion
    names the function that failed in few messages: those that can be meant are named.
    """
    if not functions:
        return None
    rows = _ROWS.search(text)
    if rows is not None:
        name, expected, got = rows.groups()
        meant = [each for each in functions if each.name == name]
        return _said(meant or functions, f"returned {got} rows where it was given {expected}")
    types = _TYPES.search(text)
    if types is not None:
        declared, found = types.groups()
        meant = [each for each in functions if each.returns == declared]
        return _said(meant, f"returned {found} where it declares {declared}") if meant else None
    if _LENGTHS in text:
        meant = [each for each in functions if each.kind == "window"]
        return _said(meant, "returned another number of rows than it was given") if meant else None
    aggregates = [each for each in functions if each.kind == "aggregate"]
    error = python_error(text, unmarked=bool(aggregates))
    if error is None:
        return None
    no_array = _NO_ARRAY.search(error.message)
    if no_array is not None and error.file is None:
        return _said(functions, f"returned {no_array.group(1)} where it must return a pyarrow.Array")
    if error.file is None:
        return _said(aggregates or functions, f"raised {error}")
    of_file = [each for each in functions if error.file.endswith(each.file)]
    return _said(of_file or functions, f"raised {error}")


def _said(functions: Sequence[UserFunction], what: str) -> tuple[str, str]:
    names = " or ".join(each.name for each in functions)
    places = ", ".join(dict.fromkeys(each.place for each in functions))
    return f"the function {names} {what}", f"Correct it ({places}), or the rows that it is called with."
