"""Names of tables: sources and views share one space of names, that of DataFusion's catalog.

A name is ``table`` or ``schema.table``, taken literally (as if quoted in SQL). The schema
``public`` is the one that plain names stand in, so ``public.orders`` and ``orders`` are one table.
Names become folder names, so they hold nothing that a path would take for more than a name.
"""

from __future__ import annotations

DEFAULT_SCHEMA = "public"
_MOST_BYTES = 200  # file systems take 255; results, temporary files and suffixes need the rest


def canonical_name(name: str) -> str:
    """The one spelling under which a table is known.

    Raises ValueError saying what is wrong with the name.

    >>> canonical_name("public.orders"), canonical_name("staging.orders")
    ('orders', 'staging.orders')
    """
    problem = _problem(name)
    if problem is not None:
        raise ValueError(problem)
    return name.removeprefix(f"{DEFAULT_SCHEMA}.")


def _problem(name: str) -> str | None:
    if not name.strip():
        return "a name must not be empty"
    if "/" in name or "\\" in name:
        return "a name must not hold / or \\"
    if ".." in name or name.startswith("."):
        return "a name must not begin with a dot or hold two in a row"
    if not name.isprintable():
        return "a name must hold only printable characters"
    parts = name.split(".")
    if len(parts) > 2:
        return "a name has at most two parts, as in schema.table"
    if any(not part or part != part.strip() for part in parts):
        return "no part of a name may be empty, or begin or end with a space"
    if len(parts) == 2 and parts[0].lower() == "information_schema":
        return "the schema information_schema is DataFusion's own"
    if len(name.encode()) > _MOST_BYTES:
        return f"a name must not be longer than {_MOST_BYTES} bytes"
    return None
