from __future__ import annotations

from collections.abc import Callable

import pytest

from dfplan_assets.errors import InputError, UnknownNameError
from dfplan_assets.orchestration.definitions import project_definitions
from dfplan_assets.orchestration.selection import select_views
from dfplan_assets.orchestration.translator import DfplanTranslator
from dfplan_assets_tests.small_projects import plan_of, write_shop

Select = Callable[[str | None], frozenset[str]]


@pytest.fixture(scope="module")
def select(tmp_path_factory: pytest.TempPathFactory) -> Select:
    """What a selection means in the shop with two more views."""
    shop = write_shop(tmp_path_factory.mktemp("shop"), podium="select * from best", status="select 1 as tag")
    plan = plan_of(shop)
    definitions = project_definitions(plan)
    return lambda selection: select_views(selection, plan, definitions, DfplanTranslator().get_asset_key)


@pytest.mark.parametrize(
    ("selection", "views"),
    [
        ("revenue", {"revenue"}),
        ("+revenue", {"revenue"}),
        ("+podium", {"revenue", "best", "podium"}),
        ("1+podium", {"best", "podium"}),
        ("revenue+", {"revenue", "best", "podium"}),
        ("revenue+1", {"revenue", "best"}),
        ("+best+", {"revenue", "best", "podium"}),
        ("*podium", {"revenue", "best", "podium"}),
        ("mart.cheap", {"mart.cheap"}),
        ('"mart.cheap" or revenue', {"mart.cheap", "revenue"}),
        ("(revenue or best) and not best", {"revenue"}),
        ("status", {"status"}),
        ('key:"mart/cheap"', {"mart.cheap"}),
        ('key:"*e*"', {"revenue", "best", "mart.cheap"}),
        ('+key:"best"', {"revenue", "best"}),
        ("tag:domain=sales", {"revenue"}),
        ("tag:domain=sales or status", {"revenue", "status"}),
        ("group:marts", {"revenue", "best"}),
        ('group:"marts"', {"revenue", "best"}),
        ("kind:sql", {"revenue", "best", "podium", "mart.cheap", "status"}),
        ('owner:"team:finance"', {"revenue"}),
        ("roots(+podium)", {"revenue"}),
        ("*", {"revenue", "best", "podium", "mart.cheap", "status"}),
        (None, {"revenue", "best", "podium", "mart.cheap", "status"}),
    ],
)
def test_selections_mean_what_they_mean_in_dagster(
    select: Select, selection: str | None, views: set[str]
) -> None:
    assert select(selection) == views


@pytest.mark.parametrize("selection", ["revenu", "+revenu", "best or revenu", '"revenu"'])
def test_a_name_that_is_no_view_is_an_error_with_the_nearest(select: Select, selection: str) -> None:
    with pytest.raises(UnknownNameError, match=r"no view revenu\n.*Did you mean revenue"):
        select(selection)


@pytest.mark.parametrize("selection", ["tag:domain=nothing", 'key:"nothing"', "group:nothing"])
def test_a_selection_without_views_is_an_error(select: Select, selection: str) -> None:
    with pytest.raises(InputError, match="selects no view"):
        select(selection)


@pytest.mark.parametrize("selection", ["((", "", "revenue best", "best and", "nothing:x", 'key:"open'])
def test_a_selection_that_cannot_be_read_is_an_error(select: Select, selection: str) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        select(selection)
