from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from dfplan_assets.errors import DfplanError
from dfplan_assets.project import load_project
from dfplan_assets_tests.small_projects import write_project

VIEWS = {"one.sql": "select 1 as one"}


def test_a_table_that_an_asset_makes_lies_in_the_output_folder_under_its_name(tmp_path: Path) -> None:
    declared = {"asset": "models/scores", "columns": {"customer": "int64", "score": "float64"}}
    project = load_project(write_project(tmp_path, VIEWS, {"ml.scores": declared}, output="results"))
    source = project.sources["ml.scores"]
    assert (source.format, source.asset) == ("published", "models/scores")
    assert source.path == f"{tmp_path}/results/ml.scores/"
    assert source.columns == pa.schema([("customer", pa.int64()), ("score", pa.float64())])
    assert source.is_published


def test_its_columns_need_not_be_declared(tmp_path: Path) -> None:
    project = load_project(write_project(tmp_path, VIEWS, {"scores": {"asset": "scores"}}))
    assert project.sources["scores"].columns is None


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"asset": "scores", "path": "scores.parquet"}, "path means nothing for a table that an asset"),
        ({"asset": "scores", "format": "csv"}, "format means nothing"),
        ({"asset": "scores", "options": {"has_header": True}}, "options means nothing"),
        ({"asset": "scores", "version": 3}, "version means nothing"),
        ({"asset": "scores", "data_version": "files"}, "data_version means nothing"),
        ({"asset": "models//scores"}, "'models//scores' is no key of a Dagster asset"),
        ({"asset": "a*"}, "'a*' is no key of a Dagster asset"),
        ({"asset": 7}, "asset"),
        ({"format": "parquet"}, "asset:, the Python asset that makes it"),
    ],
)
def test_what_means_nothing_for_such_a_table_is_refused(
    tmp_path: Path, declared: dict[str, Any], said: str
) -> None:
    write_project(tmp_path, VIEWS, {"scores": declared})
    with pytest.raises(DfplanError) as caught:
        load_project(tmp_path)
    assert said in str(caught.value)
    assert "dfplan.yaml" in caught.value.where


def test_one_asset_makes_one_table(tmp_path: Path) -> None:
    write_project(tmp_path, VIEWS, {"a": {"asset": "scores"}, "b": {"asset": "scores"}})
    with pytest.raises(DfplanError, match="the asset scores makes two sources, a and b"):
        load_project(tmp_path)
