"""Where a plan artifact store is: its URL, read and checked, with what is secret set apart."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

import sqlalchemy as sa

from dfplan_assets.errors import StoreError

_KINDS = {
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "postgresql+psycopg": "postgresql",
}
_SECRET_OPTIONS = ("password", "sslpassword", "passfile")
_EXAMPLES = (
    "Write sqlite:///path/to/plans.db, or postgresql://user:password@host/database with the extra "
    "dfplan-assets[postgres]."
)


@dataclass(frozen=True)
class Address:
    """A store's place. ``location`` is the URL without user, secrets and options, for every message.

    ``path`` is the file of a SQLite store. ``url`` holds no secret; those, under the names that
    psycopg knows, stand in ``secrets``, which no ``repr`` shows.
    """

    kind: Literal["sqlite", "postgresql"]
    location: str
    path: Path | None
    url: sa.URL
    secrets: Mapping[str, str] = field(repr=False)

    @property
    def where(self) -> str:
        """The store as error messages name it."""
        return f"plan store {self.location}"

    def without_secrets(self, text: str) -> str:
        """A text of the driver's with every secret replaced, should one be in it."""
        for secret in self.secrets.values():
            if secret:
                text = text.replace(secret, "***")
        return text


def read_address(url: str) -> Address:
    """Read a store's URL; ``StoreError`` when no store can be there. Never shows a secret."""
    scheme = re.match(r"[A-Za-z][\w+.-]*(?=://)", url)
    if scheme is None:
        raise StoreError("plan store", "the store's URL does not begin with a kind and '://'", _EXAMPLES)
    where = f"plan store {scheme[0]}://…"
    if scheme[0] not in _KINDS:
        known = "sqlite and postgresql"
        raise StoreError(where, f"{scheme[0]} is no kind of store; there are {known}", _EXAMPLES)
    if _KINDS[scheme[0]] == "sqlite":
        return _sqlite(url, where)
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        # The library's message may repeat a part of the URL, and that part may be the password.
        raise StoreError(where, "the store's URL cannot be read", _EXAMPLES) from None
    return _postgresql(parsed, where)


def _sqlite(url: str, where: str) -> Address:
    """Read the path as URLs have it; releases of SQLAlchemy differ in whether %20 is a space."""
    _, _, rest = url.partition("://")
    if rest in ("", "/", "/:memory:"):
        raise StoreError(where, "a store in memory would be gone with its process", _EXAMPLES)
    if not rest.startswith("/") or "?" in rest:
        raise StoreError(where, "a SQLite URL holds a path and nothing else", _EXAMPLES)
    path = Path(unquote(rest[1:]))
    return Address("sqlite", f"sqlite:///{path}", path, sa.URL.create("sqlite", database=str(path)), {})


def _postgresql(parsed: sa.URL, where: str) -> Address:
    if "@" in (parsed.host or "") or "@" in (parsed.database or ""):
        # What follows a stray @ may be the rest of the password: name neither.
        raise StoreError(where, "the URL holds more than one '@'", "Write an '@' in a password as %40.")
    query = {name: value if isinstance(value, str) else value[-1] for name, value in parsed.query.items()}
    secrets = {name: query.pop(name) for name in _SECRET_OPTIONS if name in query}
    if parsed.password is not None:
        secrets["password"] = str(parsed.password)
    host = parsed.host or query.get("host", "")
    port = f":{parsed.port}" if parsed.port else ""
    location = f"postgresql://{host}{port}/{parsed.database or query.get('dbname', '')}"
    plain = sa.URL.create(
        "postgresql+psycopg", parsed.username, None, parsed.host, parsed.port, parsed.database, query
    )
    return Address("postgresql", location, None, plain, secrets)
