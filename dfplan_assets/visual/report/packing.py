"""Values as the page's JSON: safe inside HTML, and compressed where they are large."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any


def json_in_html(value: object) -> str:
    """A value as JSON that may stand inside a ``script`` element: no tag, no comment, plain ASCII.

    >>> json_in_html(["</script>", "\\u2028"])
    '["\\\\u003c/script\\\\u003e","\\\\u2028"]'
    """
    text = _json(value)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def packed(value: object) -> str:
    """A value as JSON, compressed (zlib, which browsers call ``deflate``), in base64."""
    return base64.b64encode(zlib.compress(_json(value).encode(), 6)).decode()


def unpacked(text: str) -> Any:
    """What ``packed`` packed, as JSON has it."""
    return json.loads(zlib.decompress(base64.b64decode(text)))


def _json(value: object) -> str:
    # Dataclasses become objects with the names of their fields; NaN, which JSON does not have, is a mistake.
    return json.dumps(value, default=vars, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
