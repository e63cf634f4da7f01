"""What is installed is what is named: every package pinned, for every supported Python."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
CONSTRAINTS = [
    Requirement(line)
    for line in (ROOT / "constraints.txt").read_text().splitlines()
    if not line.startswith("#")
]


def requirements() -> list[Requirement]:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    lists = [setup["options"]["install_requires"], *setup["options.extras_require"].values()]
    return [Requirement(line) for text in lists for line in text.split("\n") if line]


@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12", "3.13"])
def test_each_requirement_is_pinned_once(python: str) -> None:
    pins: dict[str, str] = {}
    for constraint in CONSTRAINTS:
        if constraint.marker is None or constraint.marker.evaluate({"python_version": python}):
            assert canonicalize_name(constraint.name) not in pins
            (specifier,) = constraint.specifier
            assert specifier.operator == "=="
            pins[canonicalize_name(constraint.name)] = specifier.version
    for requirement in requirements():
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)])


def test_constraints_are_names_and_versions_alone() -> None:
    assert all(constraint.url is None and not constraint.extras for constraint in CONSTRAINTS)
    for file in ("constraints.txt", "setup.cfg", "Makefile", ".ci/run"):
        assert "index-url" not in (ROOT / file).read_text()
        assert "find-links" not in (ROOT / file).read_text()
