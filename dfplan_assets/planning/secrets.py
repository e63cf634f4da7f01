"""Keeping the values of secret parameters out of plans and messages."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from dfplan_assets.planning.sql_text import parameter_names
from dfplan_assets.project.model import ParameterValue, Project, View

# What may stand in a plan where a text is secret: some text, a number, a day, a moment.
_TEXTS = ("secret", "0", "1970-01-01", "1970-01-01T00:00:00")
_EPOCH = datetime.datetime(1970, 1, 1)


def secret_names(project: Project, view: View) -> tuple[str, ...]:
    """The secret parameters that a view's text names."""
    return tuple(name for name in parameter_names(view.sql) if name in project.secret_params)


def params_to_show(project: Project, view: View) -> Iterator[dict[str, ParameterValue]]:
    """A view's parameters with other values of the same types in the place of secret ones.

    A plan made with these can be shown to anyone. A secret text may be compared with a number or a
    day, which not every text becomes; so there are several proposals, the first that plans is to
    be taken.
    """
    params = project.params_of(view)
    secret = secret_names(project, view)
    for text in _TEXTS:
        yield {**params, **{name: _other(params[name], text) for name in secret if name in params}}


def _other(value: ParameterValue, text: str) -> ParameterValue:
    if isinstance(value, str):
        return text
    if isinstance(value, datetime.datetime):
        return _EPOCH.replace(tzinfo=value.tzinfo)
    if isinstance(value, datetime.date):
        return _EPOCH.date()
    return None if value is None else type(value)(0)


def hider(project: Project, view: View, inlined: Iterable[View] = ()) -> Callable[[str], str]:
    """A function that puts ``$name`` in the place of a secret parameter's value in a text.

    The values are those of the view and of the views ``inlined`` into it, which may have others.
    Bound values are literals in what DataFusion prints. Texts are hidden wherever they occur, numbers
    where they stand alone, days and moments in the forms that DataFusion prints them in.
    """
    patterns: dict[re.Pattern[str], str] = {}
    for each in (view, *inlined):
        values = project.params_of(each)
        for name in project.secret_params & values.keys():
            pattern = _pattern(values[name])
            if pattern is not None:
                patterns[pattern] = name
    return lambda text: _hide(text, patterns)


def _pattern(value: ParameterValue) -> re.Pattern[str] | None:
    if isinstance(value, str) and value:
        # Some messages have an argument in lower case.
        return re.compile(re.escape(value), re.IGNORECASE)
    if isinstance(value, datetime.datetime):
        moment = value if value.tzinfo is None else value.astimezone(datetime.timezone.utc)
        seconds = (moment.replace(tzinfo=None) - _EPOCH) // datetime.timedelta(microseconds=1)
        written = re.escape(str(moment.replace(tzinfo=None))).replace(r"\ ", "[ T]")
        return re.compile(rf"(?<!\d)(?:{seconds}|{written}Z?)(?!\d)")
    if isinstance(value, datetime.date):
        return re.compile(re.escape(value.isoformat()))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return re.compile(rf"(?<![\w.]){re.escape(str(value))}(?![\w.])")
    return None


def _hide(text: str, patterns: Mapping[re.Pattern[str], str]) -> str:
    for pattern, name in patterns.items():
        text = pattern.sub(f"${name}", text)
    return text
