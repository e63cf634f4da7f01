"""The file that says which results of a view are published.

``<output>/<view>/published.json`` lists the results on the disk, the newest first. Replacing it publishes:

    {"format": 1, "view": "revenue",
     "results": [{"version": "20260102T030405-1f0c9a2e", "files": ["part-0.parquet"],
                  "rows": 25, "bytes": 2048, "published_at": "2026-01-02T03:04:05.678901+00:00",
                  "provenance": {"fingerprint": "9f2c…", "data_version": "77ab…",
                                 "inputs": {"orders": "03de…"}, "identity": {"meaning": "1c9e…"},
                                 "sources": {"orders": {"orders.parquet": "51d0…"}}}}]}

Results of earlier versions of this package have no ``provenance``. The manifest of a partition lies in the
partition's own folder and names its key, as ``"partition"``. Files are named relative to the result's folder,
so that the output folder can be moved.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from dfplan_assets.errors import ExecutionError
from dfplan_assets.execution.durable import replace_text
from dfplan_assets.execution.publication import Provenance, Publication

MANIFEST = "published.json"
_FORMAT = 1


def read_manifest(folder: Path, view: str) -> tuple[Publication, ...]:
    """The results that the folder of a view lists, the newest first; none where it has no manifest.

    Raises ExecutionError where the manifest is damaged or of a format that this version does not know.
    """
    path = folder / MANIFEST
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise ExecutionError(
            f"{path} (view {view})",
            f"the list of the view's published results cannot be read: {error}",
            "Check that output: in dfplan.yaml is a folder that you may read.",
        ) from error
    except UnicodeDecodeError as error:
        raise _unreadable(path, view, f"it is damaged ({error})") from error
    try:
        document = json.loads(text)
        if document["format"] != _FORMAT:
            reason = f"its format is {document['format']!r}, this version knows {_FORMAT}"
            raise _unreadable(path, view, reason)
        key = document.get("partition")
        return tuple(
            Publication(
                view=view,
                version=str(result["version"]),
                files=tuple(str(folder / result["version"] / file) for file in result["files"]),
                rows=int(result["rows"]),
                bytes=int(result["bytes"]),
                published_at=datetime.fromisoformat(result["published_at"]),
                partition_key=None if key is None else str(key),
                provenance=_provenance(result.get("provenance")),
            )
            for result in document["results"]
        )
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(path, view, f"it is damaged ({type(error).__name__}: {error})") from error


def published_bytes(folder: Path) -> int | None:
    """The size of the newest result that the folder of a view lists; None where it lists none that is sound.

    For thousands of views: reads no more of a manifest than that.
    """
    try:
        with open(f"{folder}{os.sep}{MANIFEST}", "rb") as file:
            results = json.loads(file.read())["results"]
        return int(results[0]["bytes"]) if results else None
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None


def write_manifest(
    folder: Path, view: str, results: Sequence[Publication], partition_key: str | None = None
) -> None:
    """Replace the list of a view's or partition's results in one step; the caller holds its lock.

    A line for each result: Python's encoder is slow where it is to indent, and this is written at each run.
    """
    of_partition = {} if partition_key is None else {"partition": partition_key}
    head = json.dumps({"format": _FORMAT, "view": view, **of_partition})
    lines = ",\n  ".join(json.dumps(_document(folder, result)) for result in results)
    replace_text(folder / MANIFEST, f'{head[:-1]},\n "results": [\n  {lines}]}}\n')


def _document(folder: Path, result: Publication) -> dict[str, object]:
    own = os.path.join(folder, result.version)
    return {
        "version": result.version,
        "files": [os.path.relpath(file, own) for file in result.files],
        "rows": result.rows,
        "bytes": result.bytes,
        "published_at": result.published_at.isoformat(),
        **({} if result.provenance is None else {"provenance": vars(result.provenance)}),
    }


def _provenance(document: dict[str, Any] | None) -> Provenance | None:
    if document is None:
        return None
    return Provenance(
        fingerprint=str(document["fingerprint"]),
        data_version=str(document["data_version"]),
        inputs=dict(document["inputs"]),
        identity=dict(document["identity"]),
        sources={table: dict(parts) for table, parts in document["sources"].items()},
    )


def _unreadable(path: Path, view: str, reason: str) -> ExecutionError:
    return ExecutionError(
        f"{path} (view {view})",
        f"the list of the view's published results cannot be used: {reason}",
        f"Remove the folder {path.parent} and materialise {view} again.",
    )
