"""Options of a view as the YAML of its front matter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks, and those that would end the SQL comment in quotes."""


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    if "*/" in text or "/*" in text:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def front_matter(options: Mapping[str, Any]) -> str:
    """The comment that a view's file begins with; nothing where there are no options."""
    if not options:
        return ""
    written = to_yaml(options)
    # Texts with these signs stand in YAML's double quotes, where an asterisk can be written as its number.
    written = written.replace("*/", r"\u002a/").replace("/*", r"/\u002a")
    return f"/* ---\n{written}--- */\n"


def to_yaml(document: Mapping[str, Any]) -> str:
    """A document with its keys in the order given."""
    return yaml.dump(
        dict(document),
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=100,
        default_flow_style=None,
    )
