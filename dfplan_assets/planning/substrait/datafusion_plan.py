"""DataFusion's own encoding of a logical plan: just enough of it to cut a plan apart and bind it anew.

``LogicalPlan.to_bytes`` writes a message that wraps each node in its number among the kinds of
nodes. The numbers below are those of DataFusion 55; a test cuts and joins every plan of the query
corpus with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from datafusion import SessionContext
from datafusion.plan import LogicalPlan

from dfplan_assets.planning.substrait import wire
from dfplan_assets.planning.substrait.wire import Field, bytes_field

LISTING_SCAN = 1
JOIN = 7
SUBQUERY_ALIAS = 21

# For each kind of node that has inputs, the fields that hold them.
_INPUTS: dict[int, frozenset[int]] = {
    3: frozenset({1}),  # projection
    4: frozenset({1}),  # filter
    5: frozenset({1}),  # limit
    6: frozenset({1}),  # aggregate
    JOIN: frozenset({1, 2}),
    8: frozenset({1}),  # sort
    9: frozenset({1}),  # repartition
    13: frozenset({1}),  # window
    15: frozenset({1, 2}),  # cross join
    19: frozenset({1}),  # union
    SUBQUERY_ALIAS: frozenset({1}),
    23: frozenset({1}),  # distinct
    24: frozenset({2}),  # scan of a view
    28: frozenset({4}),  # distinct on
    30: frozenset({1}),  # unnest
    31: frozenset({2, 3}),  # recursive query
}

# Kinds of nodes without inputs: scans of files and of no rows, an empty relation, values, and a
# recursive query's reference to itself.
_LEAVES = frozenset({LISTING_SCAN, 10, 16, 32, 34})

_SCANS = frozenset({LISTING_SCAN, 32, 34})

_SCALAR_SUBQUERY = 36  # among the kinds of expressions
_JOIN_CONSTRAINT = 4  # 0 is ON, 1 is USING
_SCAN_PATHS, _SCAN_PROJECTION, _SCAN_SCHEMA, _SCAN_NAME = 2, 4, 5, 14
_SCAN_EXTENSION, _SCAN_PARQUET = 3, 11

NodeChange = Callable[[int, bytes], bytes | None]


def change_nodes(node: bytes, change: NodeChange) -> bytes:
    """The plan with each node that ``change`` gives a new encoding for replaced by it, inputs first.

    ``change`` gets the number of the node's kind and the whole encoded node.
    """
    fields = list(wire.read(node))
    if len(fields) != 1 or not isinstance(fields[0].value, bytes):
        raise ValueError("a plan node holds one kind of node")
    kind, payload = fields[0].number, fields[0].value
    inputs = _INPUTS.get(kind)
    if inputs is None and kind not in _LEAVES:
        raise ValueError(f"a plan node of the unknown kind {kind}")
    if inputs:
        payload = wire.write(
            _changed_field(field, change, is_input=field.number in inputs) for field in wire.read(payload)
        )
    rebuilt = wire.write([bytes_field(kind, payload)])
    changed = change(kind, rebuilt)
    return rebuilt if changed is None else changed


def _changed_field(field: Field, change: NodeChange, *, is_input: bool) -> Field:
    if not isinstance(field.value, bytes) or field.wire_type != wire.BYTES:
        return field
    value = change_nodes(field.value, change) if is_input else _change_subqueries(field.value, change)
    return bytes_field(field.number, value)


def _change_subqueries(expression: bytes, change: NodeChange) -> bytes:
    """An expression with the plans of its scalar subqueries changed; anything else as it is.

    What an expression is made of need not be known for that: a subquery is looked for in every part
    that reads as a message. A text that reads as one by chance holds no plan.
    """
    try:
        fields = list(wire.read(expression))
    except ValueError:
        return expression
    rebuilt = []
    for field in fields:
        if not isinstance(field.value, bytes) or field.wire_type != wire.BYTES:
            rebuilt.append(field)
            continue
        plan = _plan_of_subquery(field)
        if plan is None:
            rebuilt.append(bytes_field(field.number, _change_subqueries(field.value, change)))
            continue
        subquery = wire.write(
            bytes_field(1, change_nodes(plan, change)) if part.number == 1 else part
            for part in wire.read(wire.first_bytes(field.value, 1))
        )
        rebuilt.append(bytes_field(field.number, wire.write([bytes_field(1, subquery)])))
    return wire.write(rebuilt) if rebuilt != fields else expression


def _plan_of_subquery(field: Field) -> bytes | None:
    """The plan in a field that holds a scalar subquery; None of any other."""
    if field.number != _SCALAR_SUBQUERY or not isinstance(field.value, bytes):
        return None
    try:
        plan = wire.first_bytes(wire.first_bytes(field.value, 1), 1)
        kinds = [part.number for part in wire.read(plan)]
    except ValueError:
        return None
    return plan if len(kinds) == 1 and (kinds[0] in _INPUTS or kinds[0] in _LEAVES) else None


def count_scans(node: bytes) -> int:
    """How many scans ``change_nodes`` finds in a plan."""
    found = 0

    def count(kind: int, node: bytes) -> bytes | None:
        nonlocal found
        found += kind in _SCANS
        return None

    change_nodes(node, count)
    return found


def payload_of(node: bytes) -> bytes:
    """What a node says apart from the number of its kind."""
    return next(bytes(field.value) for field in wire.read(node) if isinstance(field.value, bytes))


def replace_input(node: bytes, new_input: bytes) -> bytes:
    """A node with one input, over another input."""
    kind = next(wire.read(node)).number
    return wire.write(
        [
            bytes_field(
                kind,
                wire.write(
                    bytes_field(1, new_input) if field.number == 1 else field
                    for field in wire.read(payload_of(node))
                ),
            )
        ]
    )


def joins_on(node: bytes) -> bytes:
    """The plan with USING joins written as ON joins.

    The two differ in which columns a ``*`` stands for, and a plan holds no ``*`` any more.
    Substrait's producer takes ON alone.
    """

    def change(kind: int, join: bytes) -> bytes | None:
        if kind != JOIN:
            return None
        fields = [field for field in wire.read(payload_of(join)) if field.number != _JOIN_CONSTRAINT]
        return wire.write([bytes_field(JOIN, wire.write(fields))])

    return change_nodes(node, change)


def without_places(node: bytes) -> bytes:
    """The plan with all that its scans say of files, formats and unused columns taken out.

    What is left of a scan is its table's name, the columns in use and their types.
    """

    def change(kind: int, scan: bytes) -> bytes | None:
        return _scan_without_place(payload_of(scan)) if kind == LISTING_SCAN else None

    return change_nodes(node, change)


def with_paths(scan: bytes, paths: Iterable[str]) -> bytes:
    """A scan of files, over the files at these URLs instead of its own."""
    kept = [field for field in wire.read(payload_of(scan)) if field.number != _SCAN_PATHS]
    fields = [*(bytes_field(_SCAN_PATHS, path.encode()) for path in paths), *kept]
    return wire.write([bytes_field(LISTING_SCAN, wire.write(fields))])


def bound_to(node: bytes, ctx: SessionContext) -> bytes:
    """The plan with its scans reading the tables of a session.

    Raises ValueError where the session's table has no encoding of a file-backed table.
    """

    def change(kind: int, scan: bytes) -> bytes | None:
        if kind != LISTING_SCAN:
            return None
        fields = list(wire.read(payload_of(scan)))
        name = next(field.value for field in fields if field.number == _SCAN_NAME)
        assert isinstance(name, bytes)
        reference = ".".join('"' + part.replace('"', '""') + '"' for part in _name_parts(name))
        real = ctx.table(reference).logical_plan().to_bytes(ctx)
        if next(wire.read(real)).number != LISTING_SCAN:
            raise ValueError(f"table {reference} is not read from files")
        bound = [f for f in wire.read(payload_of(real)) if f.number not in (_SCAN_NAME, _SCAN_PROJECTION)]
        kept = [field for field in fields if field.number in (_SCAN_NAME, _SCAN_PROJECTION)]
        return wire.write([bytes_field(LISTING_SCAN, wire.write([*bound, *kept]))])

    return change_nodes(node, change)


def decode_node(ctx: SessionContext, node: bytes) -> LogicalPlan:
    """The plan that an encoded node stands for."""
    return LogicalPlan.from_bytes(ctx, node)


def _scan_without_place(scan: bytes) -> bytes:
    fields = {field.number: field for field in wire.read(scan)}
    projection = fields.get(_SCAN_PROJECTION)
    schema = fields[_SCAN_SCHEMA].value
    assert isinstance(schema, bytes)
    if projection is not None and isinstance(projection.value, bytes):
        used = {field.value for field in wire.read(projection.value)}
        schema = wire.write(_columns_named(schema, used))
    kept: list[Field] = [
        bytes_field(_SCAN_PATHS, b"file:///dfplan/"),
        bytes_field(_SCAN_EXTENSION, b".parquet"),
        *([projection] if projection is not None else []),
        bytes_field(_SCAN_SCHEMA, schema),
        bytes_field(_SCAN_PARQUET, b""),
        fields[_SCAN_NAME],
    ]
    return wire.write([bytes_field(LISTING_SCAN, wire.write(kept))])


def _columns_named(schema: bytes, names: Iterable[int | bytes]) -> list[Field]:
    return [
        field
        for field in wire.read(schema)
        if field.number == 1 and isinstance(field.value, bytes) and wire.first_bytes(field.value, 1) in names
    ]


def _name_parts(reference: bytes) -> list[str]:
    """The parts of a table reference: table; schema and table; or catalog, schema and table."""
    _, _, parts = next(wire.read(reference))
    assert isinstance(parts, bytes)
    return [bytes(part.value).decode() for part in wire.read(parts) if isinstance(part.value, bytes)]
