"""The source hash of Python functions: what a body does, and not how it is written."""

from __future__ import annotations

import functools
import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dfplan_assets.planning.functions import engine_functions, source_sha256

Loader = Callable[[str], Callable[..., object]]


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Loader]:
    """Makes a module of a text and gives its function ``f``."""
    made: list[str] = []

    def loader(text: str) -> Callable[..., object]:
        name = f"functions_of_{tmp_path.name}_{len(made)}"
        path = tmp_path / f"{name}.py"
        path.write_text(text, encoding="utf-8")
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        made.append(name)
        spec.loader.exec_module(module)
        function: Callable[..., object] = module.f
        return function

    yield loader
    for name in made:
        del sys.modules[name]


BODY = "def f(x):\n    return x + 1\n"


@pytest.mark.parametrize(
    "text",
    [
        "def f(x):\n    # one more\n    return x+1\n",
        "import os\n\ndef g():\n    return 0\n\n\ndef f(x):\n\n    return (x + 1)\n",
        'def f(x):\n    """Adds one."""\n    return x + 1\n',
    ],
)
def test_layout_comments_and_neighbours_leave_the_hash(load: Loader, text: str) -> None:
    assert source_sha256(load(text)) == source_sha256(load(BODY))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (BODY, "def f(x):\n    return x + 2\n"),
        (BODY, "def f(x, y=3):\n    return x + 1\n"),
        ("K = 1\ndef f(x):\n    return x + K\n", "K = 2\ndef f(x):\n    return x + K\n"),
        ("K = {'a': 1}\ndef f(x):\n    return K[x]\n", "K = {'a': 2}\ndef f(x):\n    return K[x]\n"),
        (
            "def g(x):\n    return x\ndef f(x):\n    return g(x)\n",
            "def g(x):\n    return -x\ndef f(x):\n    return g(x)\n",
        ),
        (
            "def made(k):\n    def f(x):\n        return x + k\n    return f\nf = made(1)\n",
            "def made(k):\n    def f(x):\n        return x + k\n    return f\nf = made(2)\n",
        ),
        ("f = lambda x: x + 1\n", "f = lambda x: x + 2\n"),
        (
            "class f:\n    def update(self, x):\n        self.x = x\n",
            "class f:\n    def update(self, x):\n        self.x = -x\n",
        ),
        (
            "def g(x):\n    return x\nclass f:\n    def update(self, x):\n        self.x = g(x)\n",
            "def g(x):\n    return 2 * x\nclass f:\n    def update(self, x):\n        self.x = g(x)\n",
        ),
        ("import math\nf = math.sqrt\n", "import math\nf = math.sin\n"),
    ],
)
def test_what_a_function_does_changes_the_hash(load: Loader, one: str, other: str) -> None:
    assert source_sha256(load(one)) != source_sha256(load(other))
    assert source_sha256(load(one)) == source_sha256(load(one))


def test_bound_arguments_count() -> None:
    def add(x: int, y: int) -> int:
        return x + y

    assert source_sha256(functools.partial(add, 1)) != source_sha256(functools.partial(add, 2))


def test_recursion_ends(load: Loader) -> None:
    text = "def g(x):\n    return f(x)\ndef f(x):\n    return g(x) if x else 0\n"
    assert source_sha256(load(text)) == source_sha256(load(text))


def test_a_body_without_source_counts_as_its_code() -> None:
    bodies: dict[str, Callable[..., object]] = {}
    for name, text in (("a", "lambda x: x + 1"), ("b", "lambda x: x + 2"), ("c", "lambda x: x + 1")):
        bodies[name] = eval(text)
    assert source_sha256(bodies["a"]) != source_sha256(bodies["b"])
    assert source_sha256(bodies["a"]) == source_sha256(bodies["c"])


def test_the_engine_s_functions_have_signatures_and_no_source() -> None:
    functions = engine_functions()
    assert functions["upper"].deterministic
    assert not functions["random"].deterministic
    assert functions["upper"].source is None
    assert functions["date_trunc"].signatures != functions["upper"].signatures
