"""The form of golden files: JSON that Git shows well, with a hash of itself.

One line for each line of a text and each row of a list; keys in the order they were given; lines end
in ``\\n``. The hash covers every other line, so that an edit by hand does not pass for a plan.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dfplan_assets.errors import GoldenError

FORMAT = 1

_CONFLICT = re.compile(r"^(<{7}|={7}|>{7}|\|{7})(?: |$)", re.MULTILINE)
_SEAL = re.compile(r'^ "sha256": "([0-9a-f]{64})",\n', re.MULTILINE)


def sealed(document: Mapping[str, Any]) -> str:
    """A document as the text of a golden file. Values are scalars, lists, or objects of those."""
    lines = [
        f' "format": {FORMAT},',
        *(f" {_json(key)}: {_value(value)}," for key, value in document.items()),
    ]
    body = "{\n" + "\n".join(lines).removesuffix(",") + "\n}\n"
    head, _, rest = body.partition(",\n")
    return f'{head},\n "sha256": "{text_sha256(body)}",\n{rest}'


def unsealed(text: str, file: Path, view: str | None) -> dict[str, Any]:
    """The document of a golden file. Raises GoldenError for a text that is none, saying what it is."""
    where = str(file)
    restore = restoring(view)
    if _CONFLICT.search(text):
        raise GoldenError(
            where,
            "it holds the conflict markers of a merge",
            f"Keep one side (git checkout --ours {file.name}), then write the others: dfplan golden update"
            if view is None
            else f"Finish the merge of the view's SQL, then write its plan: dfplan golden update {view}",
        )
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise GoldenError(
            where,
            f"it is cut short or no JSON: {error.msg} in line {error.lineno}",
            restore,
        ) from error
    found = document.get("format") if isinstance(document, dict) else None
    if not isinstance(found, int):
        raise GoldenError(where, "it is no golden file: it names no format", restore)
    if found > FORMAT:
        raise _newer(where, found)
    seal = _SEAL.search(text)
    if seal is None or text_sha256(text[: seal.start()] + text[seal.end() :]) != seal.group(1):
        raise GoldenError(
            where,
            "it was changed by hand: its content does not have the hash that it names",
            restore,
        )
    return dict(document)


def refuse_newer(text: str, file: Path) -> None:
    """Raises GoldenError where a text says that it is a golden file of a newer format.

    Whatever else is wrong with it, it may be replaced.
    """
    try:
        document = json.loads(text)
    except json.JSONDecodeError:
        return
    found = document.get("format") if isinstance(document, dict) else None
    if isinstance(found, int) and found > FORMAT:
        raise _newer(str(file), found)


def _newer(where: str, found: int) -> GoldenError:
    return GoldenError(
        where,
        f"it has format {found}, of a newer dfplan than this one, which writes format {FORMAT}",
        "Upgrade dfplan-assets to the version that wrote it.",
    )


def restoring(view: str | None) -> str:
    """What to do about a damaged file of a view, or of the project (None).

    The project's file holds what cannot be made again, and is never replaced unasked.
    """
    if view is not None:
        return f"Restore the file from version control, or write it anew: dfplan golden update {view}"
    return (
        "Restore the file from version control; or remove it, and write all golden plans with the sizes "
        "that tables have now: dfplan golden update"
    )


def text_sha256(text: str) -> str:
    """The SHA-256 of a text, in hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _value(value: Any) -> str:
    if isinstance(value, Mapping) and value:
        return "{\n" + ",\n".join(f"  {_json(key)}: {_json(each)}" for key, each in value.items()) + "\n }"
    if isinstance(value, (list, tuple)) and value:
        return "[\n" + ",\n".join(f"  {_json(each)}" for each in value) + "\n ]"
    return _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
