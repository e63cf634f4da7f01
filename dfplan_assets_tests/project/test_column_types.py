from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfplan_assets.project.column_types import parse_type

UNITS = st.sampled_from(["s", "ms", "us", "ns"])
PLAIN = st.sampled_from(
    [
        *(pa.null(), pa.bool_(), pa.float16(), pa.float32(), pa.float64(), pa.date32(), pa.date64()),
        *(pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
        *(pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary(), pa.binary_view()),
        *(pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns")),
    ]
)
MOST_DIGITS = {pa.decimal32: 9, pa.decimal64: 18, pa.decimal128: 38, pa.decimal256: 76}
DECIMALS = st.sampled_from(list(MOST_DIGITS)).flatmap(
    lambda make: st.integers(1, MOST_DIGITS[make]).flatmap(
        lambda precision: st.integers(0, precision).map(lambda scale: make(precision, scale))
    )
)
ZONES = st.sampled_from([None, "UTC", "Europe/Berlin", "+02:00", "-11:30", "Etc/GMT+5"])
SCALARS = (
    PLAIN
    | DECIMALS
    | st.builds(pa.timestamp, UNITS, ZONES)
    | UNITS.map(pa.duration)
    | st.integers(1, 64).map(pa.binary)
    | st.builds(
        pa.dictionary,
        st.sampled_from([pa.int8(), pa.int32(), pa.uint64()]),
        st.just(pa.string()),
        st.booleans(),
    )
)
NAMES = st.text("abcXYZ_ 0é", min_size=1, max_size=4).filter(lambda name: name == name.strip())


def nested(inner: st.SearchStrategy[pa.DataType]) -> st.SearchStrategy[pa.DataType]:
    field = st.builds(
        lambda name, type_, nullable: pa.field(name, type_, nullable or type_ == pa.null()),
        NAMES,
        inner,
        st.booleans(),
    )
    fields = st.lists(field, min_size=1, max_size=3, unique_by=lambda one: one.name)
    return (
        st.builds(pa.list_, field)
        | st.builds(pa.large_list, field)
        | st.builds(pa.list_, field, st.integers(1, 5))
        | fields.map(pa.struct)
        | st.builds(pa.map_, inner.filter(lambda key: key != pa.null()), inner)
    )


@given(st.recursive(SCALARS, nested, max_leaves=6))
def test_a_type_is_read_as_pyarrow_prints_it(type_: pa.DataType) -> None:
    assert parse_type(str(type_)) == type_


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("int64", pa.int64()),
        (" double ", pa.float64()),
        ("float64", pa.float64()),
        ("float", pa.float32()),
        ("float32", pa.float32()),
        ("date32", pa.date32()),
        ("timestamp[us]", pa.timestamp("us")),
        ("timestamp[us, tz=UTC]", pa.timestamp("us", "UTC")),
        ("timestamp[ us,tz = Europe/Berlin ]", pa.timestamp("us", "Europe/Berlin")),
        ("decimal128(15, 2)", pa.decimal128(15, 2)),
        ("decimal128(15,2)", pa.decimal128(15, 2)),
        ("list<int64>", pa.list_(pa.int64())),
        ("list<list<string>>", pa.list_(pa.list_(pa.string()))),
        ("fixed_size_list<float>[3]", pa.list_(pa.float32(), 3)),
        ("struct<a: int64, b: string>", pa.struct([("a", pa.int64()), ("b", pa.string())])),
        (
            'struct<"a: b": int64, "say ""x""": bool>',
            pa.struct([("a: b", pa.int64()), ('say "x"', pa.bool_())]),
        ),
        ("map<string, int64>", pa.map_(pa.string(), pa.int64())),
        ("map<string, list<int64>>", pa.map_(pa.string(), pa.list_(pa.int64()))),
        ("dictionary<values=string, indices=int32>", pa.dictionary(pa.int32(), pa.string())),
    ],
)
def test_types_as_users_write_them(text: str, expected: pa.DataType) -> None:
    assert parse_type(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "a type is missing"),
        ("in64", "there is no type 'in64'; did you mean int64?"),
        ("varchar", "there is no type 'varchar'; did you mean string?"),
        ("bigint", "did you mean int64?"),
        ("date", "did you mean date32?"),
        ("zzzzzz", "there is no type 'zzzzzz'; there are null, bool, int8"),
        ("timestamp", "timestamp needs a unit, as in timestamp[us]"),
        ("timestamp[min]", "the unit of timestamp is one of s, ms, us, ns, not 'min'"),
        ("timestamp[us, tz=Mars/Olympus]", "there is no time zone 'Mars/Olympus'"),
        ("timestamp[us, tz=../../etc/passwd]", "there is no time zone"),
        ("timestamp[us, tz=+25:00]", "there is no time zone"),
        ("timestamp[us", "']' is missing"),
        ("timestamp[us, tz=UTC", "']' is missing"),
        ("time32[us]", "the unit of time32 is one of s, ms, not 'us'"),
        ("decimal128", "decimal128 needs digits and decimals"),
        ("decimal128(15)", "',' is missing"),
        ("decimal128(99, 2)", "precision"),
        ("list", "list needs the type of its elements"),
        ("list<>", "a type is missing"),
        ("list<int64", "'>' is missing"),
        ("struct<>", "struct needs fields"),
        ("struct<int64>", "a field of a struct needs a name"),
        ("struct<a: int64, a: string>", "the field 'a' twice"),
        ("map<string>", "',' is missing"),
        ("dictionary<values=string, indices=string>", "the indices of a dictionary are integers"),
        ("int64 not null", "goes on after the type, with 'not null'"),
        ("int64, int64", "goes on after the type"),
    ],
)
def test_what_is_no_type_gives_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 (the message is compared below, literally)
        parse_type(text)
    assert reason in str(raised.value)


@given(st.text('intlsadecmp<>[](),=: 0123456789"', max_size=25))
def test_any_text_is_a_type_or_a_reason(text: str) -> None:
    try:
        parse_type(text)
    except ValueError:
        return
