"""Random graphs of views with partitions, and what may happen to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Protocol, TypeVar

from hypothesis import note
from hypothesis import strategies as st

from dfplan_assets_tests.staleness.partition_model import (
    UNLUCKY,
    Declared,
    File,
    Key,
    Model,
    Parts,
    Row,
    Values,
    Windows,
    noon,
)

SOURCES = ("s0", "s1")

_BEGIN = date(2024, 3, 4)
"""A Monday: the leap day, one whole week and February are over."""

_ROW_DAYS = [date(2024, 2, 5), *(date(2024, 2, 26) + timedelta(days) for days in range(10))]

_PARTITIONS: Sequence[Sequence[Parts]] = (
    (Windows("day", date(2024, 2, 28)),),
    (Windows("day", date(2024, 2, 26)), Windows("week", date(2024, 2, 26))),
    (Windows("day", date(2024, 2, 27), date(2024, 3, 6)), Windows("month", date(2024, 2, 1))),
    (Windows("week", date(2024, 1, 29)), Windows("month", date(2024, 2, 1))),
    (Values(("eu", "us")),),
)
"""Which partitions the views of one graph may have; having none is always possible."""

_OTHER_WINDOWS = (
    Windows("day", date(2024, 2, 28)),
    Windows("week", date(2024, 2, 26)),
    Windows("week", date(2024, 2, 27)),
    Windows("month", date(2024, 2, 1)),
)
_OTHER_VALUES = (("eu",), ("us",), ("eu", "us"), ("us", "eu"), ("asia", "eu", "us"))
_MONTHS = (date(2024, 1, 1), date(2024, 2, 1), date(2024, 3, 1))

_CHANGES = {
    "rows": 3,
    "touch": 1,
    "vanish": 1,
    "unlucky": 1,
    "summand": 1,
    "cap": 1,
    "more": 1,
    "comment": 1,
    "policy": 1,
    "kind": 1,
    "backfill": 2,
    "clock": 2,
    "range": 1,
    "cadence": 1,
}
"""What may happen, and how often beside the others."""

_Drawn = TypeVar("_Drawn")


class Draw(Protocol):
    """Takes one of what a strategy may give."""

    def __call__(self, strategy: st.SearchStrategy[_Drawn], /) -> _Drawn: ...


def _pick(draw: Draw, some: Sequence[_Drawn]) -> _Drawn:
    return draw(st.sampled_from(some))


def _rows(draw: Draw, unlucky: bool = False) -> tuple[Row, ...]:
    row = st.tuples(st.sampled_from(_ROW_DAYS), st.sampled_from(["eu", "us"]), st.integers(0, 4))
    found = draw(st.lists(row, min_size=1, max_size=5))
    return (*found, (_pick(draw, _ROW_DAYS), "eu", UNLUCKY)) if unlucky else tuple(found)


@st.composite
def models(draw: st.DrawFn) -> Model:
    """A project of two sources and up to six views that has not run."""
    choice = draw(st.sampled_from(_PARTITIONS))
    views: dict[str, Declared] = {}
    for number in range(draw(st.integers(2, 6))):
        parts = draw(st.sampled_from([None, *choice, *choice]))
        reads = draw(st.lists(st.sampled_from([*SOURCES, *views]), min_size=1, max_size=2, unique=True))
        if number > 1 and not set(reads) & set(views):
            reads = [draw(st.sampled_from(list(views)))]
        stored = parts is not None or number == 0 or draw(st.integers(0, 2)) > 0
        views[f"v{number}"] = Declared(
            tuple(reads),
            parts,
            draw(st.sampled_from(["inputs", "content"])),
            "table" if stored else "view",
            cap=draw(st.sampled_from([1, 99])),
            fragile=stored and draw(st.integers(0, 2)) == 0,
            single_run=parts is not None and draw(st.booleans()),
        )
    return Model({name: {"a.csv": File(_rows(draw), 0)} for name in SOURCES}, views, noon(_BEGIN))


def first_keys(model: Model, view: str, draw: Draw) -> Sequence[Key]:
    """The partitions that a view is begun with, or the whole of one without any."""
    keys = model.keys(view)
    if not keys or model.views[view].parts is None:
        return keys
    first = draw(st.integers(0, min(2, len(keys) - 1)))
    return keys[first : first + draw(st.integers(1, 8))]


def change(model: Model, draw: Draw) -> tuple[str, Sequence[Key]] | None:
    """Changes something of a project, or nothing; gives what is to be backfilled, where that happens."""
    what = _pick(draw, [name for name, often in _CHANGES.items() for _ in range(often)])
    name, source = _pick(draw, list(model.views)), _pick(draw, SOURCES)
    note(f"{what}: {source}, {name}")
    if what == "backfill":
        keys = model.keys(name)
        if keys and model.views[name].kind == "table":
            first = draw(st.integers(0, len(keys) - 1))
            return name, keys[first : first + draw(st.integers(1, 3))]
    elif what == "clock":
        model.now += timedelta(days=_pick(draw, [1, 1, 2, 7]))
    elif what in ("rows", "touch", "vanish", "unlucky"):
        _change_source(model, source, what, draw)
    elif what in ("range", "cadence"):
        _change_partitions(model, name, what, draw)
    else:
        model.views[name] = _changed(model.views[name], what, draw)
    return None


def _change_source(model: Model, source: str, what: str, draw: Draw) -> None:
    files = model.files[source]
    model.writes += 1
    if what in ("rows", "unlucky"):
        files[_pick(draw, ["a.csv", "b.csv"])] = File(_rows(draw, what == "unlucky"), model.writes)
    elif files:
        file = _pick(draw, list(files))
        if what == "vanish":
            del files[file]
        else:
            files[file] = replace(files[file], write=model.writes)


def _changed(view: Declared, what: str, draw: Draw) -> Declared:
    if what == "summand":
        return replace(view, summand=draw(st.integers(0, 1)))
    if what == "cap":
        return replace(view, cap=_pick(draw, [1, 2, 99]))
    if what == "more":
        return replace(view, more=not view.more)
    if what == "comment":
        return replace(view, comment=_pick(draw, ["a", "b"]))
    if what == "policy":
        return replace(view, policy=_pick(draw, ["inputs", "content"]))
    # A fragile view that is inlined may fail or not, as its query is optimised together with its reader's.
    assert what == "kind"
    if view.parts is not None or view.fragile:
        return view
    return replace(view, kind="view" if view.kind == "table" else "table")


def _change_partitions(model: Model, name: str, what: str, draw: Draw) -> None:
    parts = model.views[name].parts
    if isinstance(parts, Values):
        values = _pick(draw, _OTHER_VALUES)
        for each, view in model.views.items():  # all the same, or they could not be mapped
            if isinstance(view.parts, Values):
                model.views[each] = replace(view, parts=Values(values))
    elif isinstance(parts, Windows):
        found = _pick(draw, _OTHER_WINDOWS)
        if what == "range":
            days = {"day": 1, "week": 7, "month": 0}[parts.every]
            first = parts.first + timedelta(days * draw(st.integers(-1, 2)))
            if parts.every == "month":
                first = _pick(draw, _MONTHS)
            end = first + timedelta(draw(st.integers(5, 40))) if draw(st.booleans()) else None
            found = replace(parts, first=first, end=end)
        model.views[name] = replace(model.views[name], parts=found)
