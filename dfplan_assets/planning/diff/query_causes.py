"""What changed in a query, in words: from the pairs of its two logical plans and its output."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pyarrow as pa

from dfplan_assets.planning.diff.alignment import Pair, is_join
from dfplan_assets.planning.diff.facts import PlanFacts
from dfplan_assets.planning.diff.likeness import with_parameters_named, with_tables_renamed
from dfplan_assets.planning.diff.lines import PlanLine, readable, split_conjunction, split_list

# A column with its table in front: ``orders#1.price``.
_COLUMN = re.compile(r"(?<![\w.'\"])([A-Za-z_][\w#]*)\.([A-Za-z_]\w*)")
_FLOATS = {"double": "float64", "float": "float32", "halffloat": "float16"}


def query_causes(before: PlanFacts, after: PlanFacts, pairs: Sequence[Pair]) -> list[str]:
    """The changes of a query, those that decide rows first."""
    pairs = with_parameters_named(with_tables_renamed(pairs), before, after)
    outputs, explained = _outputs(before, after, pairs)
    return list(dict.fromkeys([*_rows(pairs, explained), *outputs]))


def type_name(kind: object) -> str:
    """A data type as ``dfplan.yaml`` calls it."""
    text = str(kind)
    return _FLOATS.get(text, text)


def joined_tables(tables: Sequence[str]) -> str:
    """Tables as a sentence names them."""
    if len(tables) < 2:
        return "".join(tables)
    return f"{', '.join(tables[:-1])} and {tables[-1]}"


def output_items(lines: Sequence[PlanLine], names: Sequence[str]) -> dict[str, str] | None:
    """The definition of each output column; None where no projection near the root gives them."""
    for line in lines:
        if line.kind == "Projection":
            items = split_list(line.exact)
            return dict(zip(names, items, strict=True)) if len(items) == len(names) else None
        if line.kind not in ("Sort", "Limit", "Distinct"):
            return None
    return None


def _definition(item: str) -> str:
    """An item of a projection without the name it is given."""
    head, separator, name = item.rpartition(" AS ")
    return head if separator and ")" not in name else item


def _outputs(before: PlanFacts, after: PlanFacts, pairs: Sequence[Pair]) -> tuple[list[str], set[str]]:
    """Changes of the output columns, and the expressions that these tell of."""
    old: pa.Schema = before.schema
    new: pa.Schema = after.schema
    items_before = output_items([pair.before for pair in pairs if pair.before], old.names) or {}
    items_after = output_items([pair.after for pair in pairs if pair.after], new.names) or {}
    added = [name for name in new.names if name not in old.names]
    dropped = [name for name in old.names if name not in new.names]
    causes: list[str] = []
    explained: set[str] = set()
    for name in list(dropped):
        definition = _definition(items_before.get(name, ""))
        other = next((each for each in added if _definition(items_after.get(each, "")) == definition), None)
        if definition and other is not None:
            causes.append(f"column {name} renamed to {other}")
            added.remove(other)
            dropped.remove(name)
    causes += [f"column {name} added" for name in added]
    causes += [f"column {name} dropped" for name in dropped]
    explained.update(_definition(items_after.get(name, "")) for name in added)
    explained.update(_definition(items_before.get(name, "")) for name in dropped)
    for name in (name for name in new.names if name in old.names):
        was, now = _definition(items_before.get(name, "")), _definition(items_after.get(name, ""))
        if was != now and was and now:
            causes.append(_became(f"column {name}:", was, now))
            explained.update((was, now))
        kinds = type_name(old.field(name).type), type_name(new.field(name).type)
        if kinds[0] != kinds[1]:
            causes.append(f"output column {name}: {kinds[0]} → {kinds[1]}")
    kept = [name for name in old.names if name in new.names]
    if kept != [name for name in new.names if name in old.names]:
        causes.append(f"columns reordered: {', '.join(old.names)} → {', '.join(new.names)}")
    return causes, explained


def _rows(pairs: Sequence[Pair], explained: set[str]) -> Iterator[str]:
    """Changes of the nodes below the output."""
    joined = {
        table
        for pair in pairs
        if pair.change in ("added", "removed")
        for line in (pair.after or pair.before,)
        if line is not None and (is_join(line.kind) or line.kind == "Union")
        for table in line.tables
    }
    moved = _moved_tables(pairs)
    if moved:
        yield f"tables are read in another order: {', '.join(moved[0])} → {', '.join(moved[1])}"
    # What aggregates and windows call is told at those, not where it is carried up.
    calls = {
        line.exact
        for pair in pairs
        for line in (pair.before, pair.after)
        if line is not None and line.kind in ("Aggregate", "WindowAggr") and pair.change != "same"
    }
    seen_projection = False
    for pair in pairs:
        before, after = pair.before, pair.after
        line = after or before
        assert line is not None
        kind = line.kind
        if pair.change == "same":
            seen_projection = seen_projection or kind == "Projection"
            continue
        if kind == "Projection":
            if seen_projection and before is not None and after is not None:
                # What is carried up, or no longer, shows where it is used.
                changes = _list_changes("expression", before.exact, after.exact, explained | calls)
                yield from (change for change in changes if " became " in change)
            seen_projection = True
        elif kind == "Filter":
            yield from _filter(before, after)
        elif is_join(kind):
            yield from _join(pair, pairs)
        elif kind == "Aggregate":
            yield from _aggregate(before, after, explained)
        elif kind == "Distinct":
            if pair.change == "changed":
                yield _became("DISTINCT", _detail(before), _detail(after))
            else:
                yield f"removal of duplicates (DISTINCT, UNION) was {_verb(pair)}"
        elif kind == "Limit":
            yield from _limit(before, after)
        elif kind == "Sort":
            if before is not None and after is not None:
                yield _became("order by", before.exact, after.exact)
            else:
                yield f"order by `{_detail(line)}` was {_verb(pair)}"
        elif kind == "TableScan":
            if before is not None and after is not None:
                if not moved:
                    yield f"reads {after.detail} instead of {before.detail}"
            elif line.tables[0] not in joined:
                yield f"reading {line.detail} was {_verb(pair)}"
        elif kind == "Union":
            yield f"the union with {joined_tables(_own_tables(line, pairs))} was {_verb(pair)}"
        elif kind == "WindowAggr":
            yield from _window(before, after, explained)
        elif kind not in ("Subquery",):
            if before is not None and after is not None:
                yield _became(kind, before.exact, after.exact)
            else:
                yield f"{kind}{f' `{line.detail}`' if line.detail else ''} was {_verb(pair)}"


def _moved_tables(pairs: Sequence[Pair]) -> tuple[list[str], list[str]] | None:
    """The tables of a query before and after, where the same are read in other places."""
    scans = [
        (pair.before.detail, pair.after.detail)
        for pair in pairs
        if pair.change == "changed" and pair.before and pair.after and pair.after.kind == "TableScan"
    ]
    before, after = ([scan[side] for scan in scans] for side in (0, 1))
    return (before, after) if scans and sorted(before) == sorted(after) else None


def _verb(pair: Pair) -> str:
    return "added" if pair.change == "added" else "dropped"


def _detail(line: PlanLine | None) -> str:
    return "" if line is None else line.detail


def _became(what: str, before: str, after: str) -> str:
    """``what `before` became `after```, in readable form wherever that shows the difference."""
    old, new = _shortened(readable(before), readable(after))
    if old == new:
        old, new = before, after
    return f"{what} `{old}` became `{new}`"


def _shortened(before: str, after: str) -> tuple[str, str]:
    """Expressions without the names of tables, where each column is still told from all others."""
    columns = {match.groups() for text in (before, after) for match in _COLUMN.finditer(text)}
    if len({column for _, column in columns}) < len(columns):
        return before, after
    bare = [_COLUMN.sub(r"\2", text) for text in (before, after)]
    return (bare[0], bare[1]) if bare[0] != bare[1] else (before, after)


def _one(text: str) -> str:
    return _shortened(readable(text), "")[0]


def _filter(before: PlanLine | None, after: PlanLine | None) -> Iterator[str]:
    was = split_conjunction(before.exact) if before else []
    now = split_conjunction(after.exact) if after else []
    gone, new = [each for each in was if each not in now], [each for each in now if each not in was]
    for old, other in zip(gone, new, strict=False):
        yield _became("filter", old, other)
    yield from (f"filter `{_one(old)}` was dropped" for old in gone[len(new) :])
    yield from (f"filter `{_one(other)}` was added" for other in new[len(gone) :])
    if not gone and not new:
        yield _became("filter", before.exact if before else "", after.exact if after else "")


def _join(pair: Pair, pairs: Sequence[Pair]) -> Iterator[str]:
    before, after = pair.before, pair.after
    if before is not None and after is not None:
        what = f"join of {joined_tables(after.tables)}"
        if before.kind != after.kind:
            yield f"{what}: {_join_kind(before.kind)} → {_join_kind(after.kind)}"
        if before.exact != after.exact:
            yield _became(f"{what} on", _condition(before.exact), _condition(after.exact))
        return
    line = after or before
    assert line is not None
    yield f"{_join_kind(line.kind)} join with {joined_tables(_own_tables(line, pairs))} was {_verb(pair)}"


def _own_tables(line: PlanLine, pairs: Sequence[Pair]) -> list[str]:
    """The tables that come or go with a node; where none does, all that it reads."""
    others = {
        table
        for each in pairs
        if each.change == "same" and each.after is not None and each.after.kind == "TableScan"
        for table in each.after.tables
    }
    return [table for table in line.tables if table not in others] or list(line.tables)


def _join_kind(kind: str) -> str:
    return {"LeftSemi": "semi", "LeftAnti": "anti"}.get(kind.split()[0], kind.split()[0].lower())


def _condition(detail: str) -> str:
    return re.sub(r"^\s*Filter: ", "", detail).strip() or "nothing"


def _aggregate(before: PlanLine | None, after: PlanLine | None, explained: set[str]) -> Iterator[str]:
    groups = [_aggregate_part(line, "groupBy") for line in (before, after)]
    if before is None or after is None:
        verb = "added" if before is None else "dropped"
        group = groups[1] if before is None else groups[0]
        yield f"grouping by `{_one(group)}` was {verb}" if group else f"an aggregation was {verb}"
        return
    if groups[0] != groups[1]:
        yield _became("grouping by", groups[0] or "nothing", groups[1] or "nothing")
    yield from _list_changes(
        "aggregate", _aggregate_part(before, "aggr"), _aggregate_part(after, "aggr"), explained
    )


def _aggregate_part(line: PlanLine | None, name: str) -> str:
    found = None if line is None else re.search(rf"{name}=\[\[(.*?)\]\](?:, aggr=|$)", line.exact)
    return found.group(1) if found else ""


def _list_changes(what: str, before: str, after: str, explained: set[str]) -> Iterator[str]:
    """Changes of a list that no change of an output column tells of."""
    was, now = split_list(before), split_list(after)
    gone = [each for each in was if each not in now and not _told(each, explained)]
    new = [each for each in now if each not in was and not _told(each, explained)]
    for old, other in zip(gone, new, strict=False):
        yield _became(what, old, other)
    yield from (f"{what} `{_one(old)}` was dropped" for old in gone[len(new) :])
    yield from (f"{what} `{_one(other)}` was added" for other in new[len(gone) :])


def _told(expression: str, explained: set[str]) -> bool:
    # The name of a column has no spaces behind its commas, its definition does.
    text = _definition(expression).replace(" ", "")
    return any(text in each.replace(" ", "") for each in explained)


def _window(before: PlanLine | None, after: PlanLine | None, explained: set[str]) -> Iterator[str]:
    lists = [
        line.exact.removeprefix("windowExpr=[[").removesuffix("]]") if line else ""
        for line in (before, after)
    ]
    yield from _list_changes("window", lists[0], lists[1], explained)


def _limit(before: PlanLine | None, after: PlanLine | None) -> Iterator[str]:
    numbers = [
        dict(re.findall(r"(skip|fetch)=([^,]+)", line.exact)) if line else {} for line in (before, after)
    ]
    for word, name in (("limit", "fetch"), ("offset", "skip")):
        was, now = (_one(each.get(name, "None" if name == "fetch" else "0")) for each in numbers)
        nothing = "None" if name == "fetch" else "0"
        if was == now:
            continue
        if was == nothing:
            yield f"{word} {now} was added"
        elif now == nothing:
            yield f"{word} {was} was dropped"
        else:
            yield f"{word} {was} became {now}"
