"""The files that ``dfplan init`` begins a project with: sources, views, and what goes beside them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from dfplan_assets.project.names import canonical_name

_FILES = Path(__file__).parent / "project"
_RENAMED = {"gitignore": ".gitignore"}  # a file of that name here would rule this folder
_COUNTRIES = ("Denmark", "France", "Germany", "Italy", "Portugal", "Spain")
_FIRST_DAY = date(2026, 1, 1)
_DAYS = 90
_CUSTOMERS = 60
_ORDERS = 1_200


def starter_files(name: str) -> dict[Path, str]:
    """The files of a new project by their path in it; the same ones for the same name.

    Raises ValueError where the name cannot stand for a project.
    """
    canonical_name(name)
    files = {
        Path(*(_RENAMED.get(part, part) for part in path.relative_to(_FILES).parts)): path.read_text("utf-8")
        for path in sorted(_FILES.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    files = {path: text.replace("@NAME@", name) for path, text in files.items()}
    return {
        **files,
        Path("data/customers.csv"): "\n".join(["id,name,country", *_customers()]) + "\n",
        Path("data/orders.csv"): "\n".join(["id,customer,day,status,price", *_orders()]) + "\n",
    }


def _customers() -> Iterator[str]:
    for number in range(1, _CUSTOMERS + 1):
        yield f"{number},Customer {number:02},{_COUNTRIES[number * 7 % len(_COUNTRIES)]}"


def _orders() -> Iterator[str]:
    chance = random.Random(2026)
    for number in range(1, _ORDERS + 1):
        day = _FIRST_DAY + timedelta(days=(number - 1) * _DAYS // _ORDERS)
        status = "cancelled" if chance.random() < 0.08 else "open" if day.month == 3 else "paid"
        customer, price = chance.randint(1, _CUSTOMERS), chance.randint(500, 20_000) / 100
        yield f"{number},{customer},{day},{status},{price:.2f}"
