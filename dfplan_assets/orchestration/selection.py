"""Which views a selection means, in Dagster's asset selection syntax."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Collection
from collections.abc import Set as AbstractSet

import dagster as dg
from dagster._core.definitions.asset_selection import DagsterInvalidAssetSelectionError

from dfplan_assets.errors import InputError
from dfplan_assets.lookup import check_view
from dfplan_assets.planning.bundle import ProjectPlan

_TOKEN = re.compile(r'"[^"]*"?|[^\W\d][\w./-]*|\s+|.', re.DOTALL)
_OPERATORS = frozenset({"and", "or", "not"})
_EXAMPLES = 'Select as in Dagster: revenue, +revenue, group:marts, tag:domain=sales, key:"a" or key:"b".'


def select_views(
    selection: str | None,
    project: ProjectPlan,
    definitions: dg.Definitions,
    key_of: Callable[[str], dg.AssetKey],
) -> frozenset[str]:
    """The stored views that a selection means; all of them where it is None.

    Views that are not stored are never run: ``+`` goes through them to what they read. A name that
    stands alone is short for ``key:"name"``, so that ``+revenue`` means revenue and everything upstream
    of it. Raises UnknownNameError for such a name that is no view, InputError
    for a selection that cannot be read or selects nothing that is stored.
    """
    stored = frozenset(view for view in project.all_views if not project.is_virtual(view))
    if selection is None:
        if not stored:
            raise InputError(
                str(project.project.root / "dfplan.yaml"),
                "there is nothing to run: none of its views is stored",
                "Take materialized: view out of the views whose results are to be stored.",
            )
        return stored
    views = matching_views(selection, project, definitions, key_of)
    found = stored.intersection(views)
    if not found:
        names = ", ".join(views)
        raise InputError(
            _where(selection),
            f"it selects only what is not stored and never runs (materialized: view): {names}",
            f"Run the views that read it: dfplan run '{views[0]}+'",
        )
    return found


def matching_views(
    selection: str,
    project: ProjectPlan,
    definitions: dg.Definitions,
    key_of: Callable[[str], dg.AssetKey],
) -> tuple[str, ...]:
    """The views that a selection means, stored or not, upstream first; raises as ``select_views`` does."""
    keys = _matching_keys(selection, project, definitions, key_of, ())
    views = tuple(view for view in project.all_views if key_of(view) in keys)
    if not views:
        raise InputError(_where(selection), "it selects no view", _EXAMPLES)
    return views


def select_with_python(
    selection: str | None,
    project: ProjectPlan,
    definitions: dg.Definitions,
    key_of: Callable[[str], dg.AssetKey],
    python: Collection[dg.AssetKey],
) -> tuple[frozenset[str], frozenset[dg.AssetKey]]:
    """The stored views that a selection means, and those of these Python assets; everything where it is None.

    A Python asset is named by its key, as in models/scores. Raises as ``select_views`` does, where no Python
    asset is selected either.
    """
    if selection is None:
        stored = frozenset(view for view in project.all_views if not project.is_virtual(view))
        found = frozenset(python)
    else:
        keys = _matching_keys(selection, project, definitions, key_of, python) if python else set()
        stored = frozenset(
            view for view in project.all_views if key_of(view) in keys and not project.is_virtual(view)
        )
        found = frozenset(keys & frozenset(python))
    if not found:
        return select_views(selection, project, definitions, key_of), frozenset()
    return stored, found


def _matching_keys(
    selection: str,
    project: ProjectPlan,
    definitions: dg.Definitions,
    key_of: Callable[[str], dg.AssetKey],
    python: Collection[dg.AssetKey],
) -> AbstractSet[dg.AssetKey]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # raised by the selection syntax itself
        parsed = _parse(_with_keys(selection, project, key_of, python), selection)
        return parsed.resolve(definitions.resolve_asset_graph())


def _parse(with_keys: str, selection: str) -> dg.AssetSelection:
    """The parsed selection; Dagster's older form ``*revenue`` takes no ``key:``, so it is read as written."""
    for text in (with_keys, selection):
        try:
            return dg.AssetSelection.from_string(text)
        except DagsterInvalidAssetSelectionError:
            continue
    raise InputError(_where(selection), "the selection cannot be read", _EXAMPLES)


def _with_keys(
    selection: str,
    project: ProjectPlan,
    key_of: Callable[[str], dg.AssetKey],
    python: Collection[dg.AssetKey],
) -> str:
    """The selection with each name that stands alone written as a ``key:``."""
    python_keys = {key.to_user_string() for key in python}
    tokens = _TOKEN.findall(selection)
    solid = [token.strip() for token in tokens]
    written = []
    for position, token in enumerate(tokens):
        before = next((text for text in reversed(solid[:position]) if text), "")
        after = next((text for text in solid[position + 1 :] if text), "")
        is_name = token[0].isalpha() or token[0] == "_" or (token[0] == token[-1] == '"' and len(token) > 2)
        if not is_name or before in (":", "=") or after in (":", "(") or token.lower() in _OPERATORS:
            written.append(token)
            continue
        name = token.strip('"')
        if name in python_keys and name not in project.project.views:
            written.append(f'key:"{name}"')
            continue
        view = check_view(name, project.all_views, _where(selection))
        written.append(f'key:"{key_of(view).to_user_string()}"')
    return "".join(written)


def _where(selection: str) -> str:
    return f"selection {selection}"
