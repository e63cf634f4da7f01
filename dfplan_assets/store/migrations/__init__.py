"""The migrations of the plan artifact store, run from Python: nobody needs an ``alembic.ini``.

Each module in ``versions`` leads from one schema to the next and fills what it adds from what is
stored. Alembic costs a third of a second to import, so only creation and upgrade come here.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

_HERE = Path(__file__).parent

VERSIONS: tuple[Path, ...] = (_HERE / "versions",)
"""The folders that hold migrations."""


def configuration() -> Config:
    """Alembic's configuration for the migrations of this package."""
    config = Config()
    config.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(str(path).replace("%", "%%") for path in VERSIONS))
    return config


def migrate(connection: sa.Connection) -> None:
    """Bring the schema to the newest version, within the transaction of ``connection``."""
    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
