"""What a user declares: a project, its views and its sources, read and checked."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa

SourceFormat = Literal["parquet", "csv", "json", "arrow"]
OptionValue = bool | int | float | str
ParameterValue = bool | int | float | str | datetime.date | datetime.datetime | None


@dataclass(frozen=True)
class Source:
    """A table that exists outside the project.

    ``path`` is an absolute file, glob or folder (ending in ``/``). ``columns`` is None where the
    file's own schema is to be taken; with columns the views plan before the file exists.
    """

    name: str
    path: str
    format: SourceFormat
    options: Mapping[str, OptionValue]
    columns: pa.Schema | None


@dataclass(frozen=True)
class View:
    """One ``.sql`` file holding one query.

    ``sql`` is the file's whole text with the front matter comment left in, so that lines and
    columns in error messages are those of the file.
    """

    name: str
    path: Path
    sql: str
    group: str | None
    description: str | None
    owners: tuple[str, ...]
    tags: Mapping[str, str]
    params: Mapping[str, ParameterValue]

    @property
    def where(self) -> str:
        """The file and view, as error messages name them."""
        return f"{self.path} (view {self.name})"


@dataclass(frozen=True)
class Engine:
    """How DataFusion runs: partitions, memory pool in bytes, ``datafusion.*`` settings."""

    target_partitions: int | None
    memory_limit_bytes: int | None
    settings: Mapping[str, str]


@dataclass(frozen=True)
class Planning:
    """How plans are captured."""

    substrait: Literal["required", "preferred"]
    validate: Literal["off", "decode", "execute"]
    verbose: bool


@dataclass(frozen=True)
class Project:
    """A folder with a ``dfplan.yaml``, its views and sources by name.

    ``output`` is an absolute folder. ``store`` is a SQLAlchemy URL whose SQLite path is absolute.
    """

    name: str
    root: Path
    views: Mapping[str, View]
    sources: Mapping[str, Source]
    output: str
    keep_results: int
    store: str
    params: Mapping[str, ParameterValue]
    secret_params: frozenset[str]
    engine: Engine
    planning: Planning
    extends: tuple[str, ...]

    def params_of(self, view: View) -> dict[str, ParameterValue]:
        """The values bound as ``$name`` in a view: the project's, overridden by the view's own."""
        return {**self.params, **view.params}
