"""Keeping the values of secret parameters out of plans and messages."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from dfplan_assets.project.model import ParameterValue, Project, View


def hider(project: Project, view: View) -> Callable[[str], str]:
    """A function that puts ``$name`` in the place of a secret parameter's value in a text.

    Bound values are literals in what DataFusion prints. Texts are hidden wherever they occur, numbers where
    they stand alone; dates are not, they are printed in too many forms.
    """
    values = project.params_of(view)
    secrets = {name: values[name] for name in project.secret_params if name in values}
    patterns = {name: pattern for name, value in secrets.items() if (pattern := _pattern(value))}
    return lambda text: _hide(text, patterns)


def _pattern(value: ParameterValue) -> re.Pattern[str] | None:
    if isinstance(value, str) and value:
        return re.compile(re.escape(value))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return re.compile(rf"(?<![\w.]){re.escape(str(value))}(?![\w.])")
    return None


def _hide(text: str, patterns: Mapping[str, re.Pattern[str]]) -> str:
    for name, pattern in patterns.items():
        text = pattern.sub(f"${name}", text)
    return text
