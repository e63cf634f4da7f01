"""The project's golden file: the environment that all its golden plans are made in.

It holds the engine's release and settings, all tables and columns, all functions, and the sizes of
tables that plans are pinned to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from dfplan_assets.errors import GoldenError
from dfplan_assets.golden.columns import columns_of_json, columns_to_json
from dfplan_assets.golden.record import environment_rows
from dfplan_assets.golden.sealed import restoring, sealed, unsealed
from dfplan_assets.golden.stand_in import TableSize
from dfplan_assets.planning.bundle import EnvironmentPart


@dataclass(frozen=True)
class Surroundings:
    """What golden plans are pinned to.

    ``settings`` are all of DataFusion's, by name. ``sources`` are the columns of every source that a
    view reads. ``sizes`` are those of sources and views; None for a table whose size was not known.
    """

    engine: str
    settings: Mapping[str, str | None]
    sources: Mapping[str, pa.Schema]
    sizes: Mapping[str, TableSize | None]


def surroundings_text(surroundings: Surroundings, environment: Sequence[EnvironmentPart]) -> str:
    """The text of the project's golden file, with ``information_schema`` as ``environment`` has it."""
    rows = environment_rows(environment)
    return sealed(
        {
            "engine": surroundings.engine,
            "sizes": {
                name: None if size is None else [size.files, size.bytes, size.rows]
                for name, size in sorted(surroundings.sizes.items())
            },
            "sources": {
                name: columns_to_json(schema) for name, schema in sorted(surroundings.sources.items())
            },
            "df_settings": dict(surroundings.settings),
            **{name: rows[name] for name in ("tables", "columns", "views", "routines", "parameters")},
        }
    )


def read_surroundings(text: str, file: Path) -> Surroundings:
    """The project's golden file that a text is. Raises GoldenError where it is none."""
    document = unsealed(text, file, None)
    try:
        return Surroundings(
            engine=document["engine"],
            settings=dict(document["df_settings"]),
            sources={name: columns_of_json(rows) for name, rows in document["sources"].items()},
            sizes={name: _size(value) for name, value in document["sizes"].items()},
        )
    except (KeyError, TypeError, ValueError) as error:
        raise GoldenError(
            str(file),
            f"it lacks what it should have, or has it in another form: {type(error).__name__}: {error}",
            restoring(None),
        ) from error


def _size(value: Sequence[Any] | None) -> TableSize | None:
    return None if value is None else TableSize(*value)
