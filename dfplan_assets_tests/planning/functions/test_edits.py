"""Which edits of function modules change which functions: what a function does, and not how it is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dfplan_assets_tests.planning.functions.modules import functions_in, write

SHOP = '''
"""The functions of a shop."""
from __future__ import annotations
import functools
import json
import math
import os
import re
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from datafusion import Accumulator, udaf, udf, udtf, udwf
from datafusion.catalog import Table
from datafusion.user_defined import WindowEvaluator

import rates
from pack import deep as renamed
from pack.tables import HOLIDAYS, unused

F = pa.float64()
FACTOR = 2
LIMITS = {"low": 1, "high": 9}
PATTERN = re.compile("a+")
SPARE = [1, 2]
COUNTED = []
COUNTED.append(3)

# VAT
@udf([pa.float64()], pa.float64(), "immutable")
def vat(price: pa.Array) -> pa.Array:
    """The tax."""
    share: float = rates.full()  # of the price
    return pc.multiply(price, share)

def double(x, by=FACTOR):
    return pc.multiply(x, by)

doubled = udf(double, [F], F, "immutable", "doubled")
trebled = udf(lambda x: pc.multiply(x, 3.0), [F], F, "immutable", "trebled")
halved = udf(functools.partial(double, by=0.5), [F], F, "immutable", "halved")

def scaled(factor):
    def inner(x):
        return pc.multiply(x, factor)
    return inner

tenfold = udf(scaled(10.0), [F], F, "immutable", "tenfold")

def logged(function):
    @functools.wraps(function)
    def around(*args):
        return function(*args)
    return around

@udf([pa.string()], pa.bool_(), "immutable")
@logged
def matches(x):
    low = LIMITS["low"]
    double = x
    return pa.array([PATTERN.match(each) is not None and low > 0 for each in double.to_pylist()])

@dataclass
class State:
    total: float = 0.0

class Base(Accumulator):
    start = 0.0
    def state(self):
        return [pa.scalar(self.held.total)]
    def merge(self, states):
        self.update(states[0])

class Total(Base):
    """Adds up."""
    def __init__(self):
        self.held = State(self.start)
    def update(self, values):
        self.held.total += pc.sum(values).as_py() or 0.0
    def evaluate(self):
        return pa.scalar(self.held.total)

total = udaf(Total, F, F, [F], "immutable", "total")

class Rank(WindowEvaluator):
    def evaluate_all(self, values, num_rows):
        return pa.array([float(i) for i in range(num_rows)])

rank_of = udwf(Rank, F, F, "immutable", "rank_of")

def holidays(count):
    import pyarrow.dataset as ds
    from pack.late import offset
    return Table(ds.dataset(pa.table({"day": [d + offset for d in HOLIDAYS]})))

udtf_holidays = udtf(holidays, "holidays")

@udf([F], F, "immutable")
def deep_one(x):
    return renamed.step(x)

@udf([F], F, "immutable")
def counting(x):
    return pc.add(x, float(len(COUNTED)))
'''
FILES = {
    "shop.py": SHOP,
    "rates.py": "BASE = 0.19\ndef full():\n    return round(BASE, 2)\ndef half():\n    return BASE / 2\n",
    "pack/__init__.py": "SIDE_EFFECT = 1\n",
    "pack/tables.py": "HOLIDAYS = [1, 2]\nunused = 1\n",
    "pack/deep.py": "from .steps import one\ndef step(x):\n    return one(x)\n",
    "pack/steps.py": "def one(x):\n    return x\ndef two(x):\n    return x\n",
    "pack/late.py": "offset = 0\nother = 0\n",
}
ALL = {
    "vat", "doubled", "trebled", "halved", "tenfold", "matches", "total", "rank_of", "holidays", "deep_one",
    "counting",
}  # fmt: skip
NONE: set[str] = set()

# What is edited: the file, a text of it and what stands in its place; and the functions that this changes.
EDITS: list[tuple[str, str, str, str, set[str]]] = [
    ("a comment", "shop.py", "# VAT", "# The tax of value added", NONE),
    ("a comment in a body", "shop.py", "# of the price", "", NONE),
    ("a docstring", "shop.py", '"""The tax."""', '"""What is owed."""', NONE),
    ("no docstring", "shop.py", '    """Adds up."""\n', "", NONE),
    ("the module's docstring", "shop.py", "The functions of a shop", "Functions", NONE),
    ("layout", "shop.py", "pc.multiply(price, share)", "pc.multiply(\n        price, share,\n    )", NONE),
    ("quotes", "shop.py", 'LIMITS["low"]', "LIMITS['low']", NONE),
    ("annotations", "shop.py", "(price: pa.Array) -> pa.Array", "(price)", NONE),
    ("an annotation in a body", "shop.py", "share: float =", "share: int =", NONE),
    ("a new function", "shop.py", "# VAT", "def fresh(x):\n    return x\n", NONE),
    ("a constant nobody uses", "shop.py", "SPARE = [1, 2]", "SPARE = [1, 3]", NONE),
    ("another way to a constant", "rates.py", "0.19", "19 / 100", NONE),
    ("a helper nobody uses", "rates.py", "BASE / 2", "BASE / 3", NONE),
    ("a helper's neighbour", "pack/steps.py", "two(x):\n    return x", "two(x):\n    return -x", NONE),
    ("a name imported and not used", "pack/tables.py", "unused = 1", "unused = 2", NONE),
    ("an __init__ that nothing reads", "pack/__init__.py", "1", "2", NONE),
    ("an entry of a dict", "shop.py", '"high": 9', '"high": 8', {"matches"}),
    ("its body", "shop.py", "pc.multiply(price, share)", "pc.divide(price, share)", {"vat"}),
    ("a literal", "shop.py", "pc.multiply(x, 3.0)", "pc.multiply(x, 4.0)", {"trebled"}),
    ("an integer for a float", "shop.py", "pc.multiply(x, 3.0)", "pc.multiply(x, 3)", {"trebled"}),
    ("a helper in another module", "rates.py", "round(BASE, 2)", "round(BASE, 3)", {"vat"}),
    ("a constant of a helper", "rates.py", "0.19", "0.2", {"vat"}),
    ("a helper of two functions", "shop.py", "(x, by)", "(x, -by)", {"doubled", "halved"}),
    ("a constant as a default", "shop.py", "FACTOR = 2", "FACTOR = 3", {"doubled", "halved"}),
    ("an argument of partial", "shop.py", "by=0.5", "by=0.25", {"halved"}),
    ("a value closed over", "shop.py", "scaled(10.0)", "scaled(11.0)", {"tenfold"}),
    ("a function that makes one", "shop.py", "(x, factor)", "(factor, x)", {"tenfold"}),
    ("a decorator", "shop.py", "return function(*args)", "return function(*args[:1])", {"matches"}),
    ("a pattern", "shop.py", '"a+"', '"a*"', {"matches"}),
    ("a method", "shop.py", "+= pc.sum(values).as_py() or 0.0", "+= pc.max(values).as_py()", {"total"}),
    ("a method of a base class", "shop.py", "self.update(states[0])", "pass", {"total"}),
    ("an attribute of a class", "shop.py", "start = 0.0", "start = 1.0", {"total"}),
    ("a default of a dataclass", "shop.py", "total: float = 0.0", "total: float = 1.0", {"total"}),
    ("a field's annotation of a dataclass", "shop.py", "total: float", "total: int", {"total"}),
    ("a window evaluator", "shop.py", "[float(i)", "[float(-i)", {"rank_of"}),
    ("a constant of a table function", "pack/tables.py", "[1, 2]", "[1, 2, 3]", {"holidays"}),
    ("what is imported as it runs", "pack/late.py", "offset = 0", "offset = 1", {"holidays"}),
    ("what else is in that module", "pack/late.py", "other = 0", "other = 1", NONE),
    ("a helper behind a relative import", "pack/steps.py", "one(x):\n    return x", "one(x):\n    return -x",
     {"deep_one"}),
    ("an object changed by a statement", "shop.py", "append(3)", "append(4)", {"counting"}),
    ("the result's type", "shop.py", 'udf(double, [F], F,', "udf(double, [F], pa.float32(),", {"doubled"}),
    ("the parameter's type", "shop.py", "udf([pa.string()]", "udf([pa.large_string()]", {"matches"}),
    ("the type of a state", "shop.py", "F, F, [F]", "F, F, [pa.float32()]", {"total"}),
    ("volatility", "shop.py", 'F, "immutable", "rank_of"', 'F, "volatile", "rank_of"', {"rank_of"}),
    ("a constant set twice", "rates.py", "BASE = 0.19\n", "BASE = 0.2\nBASE = 0.19\n", NONE),
]  # fmt: skip


@pytest.fixture(scope="module")
def hashes(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, str]]:
    """Gives the hash of every function of the shop, one text of one file replaced by another."""

    def of(file: str = "", old: str = "", new: str = "") -> dict[str, str]:
        folder = tmp_path_factory.mktemp("shop")  # another one each time: no place is part of any hash
        files = dict(FILES)
        if file:
            assert files[file].count(old) >= 1
            files[file] = files[file].replace(old, new, 1)
        write(folder, files)
        return {each.name: each.sha256 for each in functions_in(folder, "shop")}

    return of


@pytest.fixture(scope="module")
def before(hashes: Callable[..., dict[str, str]]) -> dict[str, str]:
    return hashes()


def test_the_shop_has_functions_of_all_kinds(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    functions = functions_in(tmp_path, "shop")
    assert {each.name for each in functions} == ALL
    assert {each.kind for each in functions} == {"scalar", "aggregate", "window", "table"}
    assert [each.notices for each in functions] == [()] * len(ALL)


@pytest.mark.parametrize(
    ("file", "old", "new", "changed"), [edit[1:] for edit in EDITS], ids=[e[0] for e in EDITS]
)
def test_an_edit_changes_what_it_means_for(
    hashes: Callable[..., dict[str, str]],
    before: dict[str, str],
    file: str,
    old: str,
    new: str,
    changed: set[str],
) -> None:
    after = hashes(file, old, new)
    assert {name for name in before if before[name] != after[name]} == changed
