"""Records that could not be stored, kept as files beside the results and stored at the next chance.

Each record is one file of JSON lines, made whole before it gets its name: a header with the format,
the record, and the contents that it refers to, in base64. Storing a record twice is storing it once,
since its key is its content; so a file is deleted only after the store has committed it, and it does
not matter when a process dies in between or two processes empty the queue at once.
"""

from __future__ import annotations

import base64
import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from dfplan_assets.errors import StoreError
from dfplan_assets.planning.bundle import PlanBundle
from dfplan_assets.project.model import Project
from dfplan_assets.store import bundle_format, run_format, schedules
from dfplan_assets.store.bundle_format import EncodedBundle, TopologyFigures, encode_bundle
from dfplan_assets.store.content import Content, pack, unpack
from dfplan_assets.store.record import RunRecord, ScheduleRecord
from dfplan_assets.store.rows import rows_of_bundle, rows_of_run
from dfplan_assets.store.run_format import EncodedRun, encode_run, utc
from dfplan_assets.store.schedules import EncodedSchedule
from dfplan_assets.store.store import Store

FORMAT = 1

_SUFFIX = ".jsonl"


@dataclass(frozen=True)
class Drained:
    """What became of a queue: records stored, and those left with the reason for each.

    ``stopped`` says why the store took no more; those files wait for the next time.
    """

    stored: int
    unreadable: tuple[StoreError, ...]
    stopped: StoreError | None


class Queue:
    """A folder of records that wait for the store; it is made when the first one comes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __len__(self) -> int:
        return len(self._files())

    def add_bundle(self, bundle: PlanBundle, *, at: datetime) -> str:
        """Queue a bundle; its key is returned. ``StoreError`` when it cannot be written here either."""
        try:
            encoded = encode_bundle(bundle)
            rows_of_bundle(encoded, at)
        except ValueError as error:
            raise self._refused(f"bundle of view {bundle.view}", error) from error
        record = {
            "record": "bundle",
            "format": bundle_format.FORMAT,
            "key": encoded.key,
            "at": utc(at).isoformat(),
            "planning_seconds": encoded.planning_seconds,
            "figures": asdict(encoded.figures),
            "row": bundle_format.row_to_json(encoded.row),
        }
        self._write(record, encoded.texts)
        return encoded.key

    def add_run(self, record: RunRecord) -> str:
        """Queue a run; its key is returned. ``StoreError`` when it cannot be written here either."""
        try:
            encoded = encode_run(record)
            rows_of_run(encoded)
        except ValueError as error:
            raise self._refused(f"run of view {record.view}", error) from error
        self._write(
            {
                "record": "run",
                "format": run_format.FORMAT,
                "key": encoded.key,
                **run_format.run_to_json(encoded),
            },
            encoded.texts,
        )
        return encoded.key

    def add_schedule(self, record: ScheduleRecord) -> None:
        """Queue the order of a Dagster run. ``StoreError`` when it cannot be written here either."""
        try:
            encoded = schedules.encode_schedule(record)
        except ValueError as error:
            raise self._refused(f"schedule of the Dagster run {record.dagster_run_id}", error) from error
        header = {"record": "schedule", "format": schedules.FORMAT, "key": encoded.key}
        self._write({**header, **schedules.to_json(encoded)}, {})

    def drain(self, store: Store) -> Drained:
        """Store what waits, the oldest first. A file that cannot be read stays where it is."""
        stored = 0
        unreadable: list[StoreError] = []
        for path in self._files():
            try:
                lines = path.read_text(encoding="utf-8").splitlines()
            except FileNotFoundError:
                continue  # another process stored it just now
            except (OSError, UnicodeDecodeError) as error:
                unreadable.append(self._unreadable(path, str(error)))
                continue
            try:
                encoded, at = _decode(lines)
            except (ValueError, TypeError, KeyError, IndexError) as error:
                unreadable.append(self._unreadable(path, f"{type(error).__name__}: {error}"))
                continue
            try:
                if isinstance(encoded, EncodedBundle):
                    store.put_encoded_bundle(encoded, at)
                elif isinstance(encoded, EncodedSchedule):
                    store.put_encoded_schedule(encoded)
                else:
                    store.put_encoded_run(encoded)
            except StoreError as error:
                return Drained(stored, tuple(unreadable), error)
            path.unlink(missing_ok=True)
            stored += 1
        return Drained(stored, tuple(unreadable), None)

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob(f"*{_SUFFIX}"))

    def _write(self, record: dict[str, Any], texts: Mapping[str, bytes]) -> None:
        contents = [pack(sha256, texts[sha256]) for sha256 in sorted(texts)]
        header = {"dfplan_queue": FORMAT, "contents": len(contents)}
        lines = [header, record, *(_content_to_json(each) for each in contents)]
        # The name sorts by time, so that what came first is stored first.
        now = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S%f")
        path = self.folder / f"{now}-{uuid.uuid4().hex}{_SUFFIX}"
        partial = path.with_suffix(".partial")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                with partial.open("w", encoding="utf-8", newline="\n") as file:
                    file.writelines(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
                    file.flush()
                    os.fsync(file.fileno())
                partial.rename(path)
            except OSError:
                partial.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise StoreError(
                f"store queue {self.folder}",
                f"a record cannot be written: {error}",
                "Free some space or give the right to write there; the result itself is published.",
            ) from error

    def _refused(self, what: str, error: ValueError) -> StoreError:
        return StoreError(
            f"store queue {self.folder}, {what}",
            f"it cannot be stored: {error}",
            "Please report this: dfplan made a record that it cannot keep.",
        )

    def _unreadable(self, path: Path, cause: str) -> StoreError:
        return StoreError(
            f"store queue {path}",
            f"the record cannot be read: {cause}",
            "It was left as it is; a newer dfplan-assets may read it. Otherwise move it away.",
        )


def queue_of(project: Project) -> Queue:
    """The queue of a project: a folder in its own, whatever its store and results are."""
    return Queue(project.root / ".dfplan" / "queue")


def _decode(lines: list[str]) -> tuple[EncodedBundle | EncodedRun | EncodedSchedule, datetime]:
    header, record, *rest = (json.loads(line) for line in lines)
    if header["dfplan_queue"] != FORMAT:
        raise ValueError(f"it is in format {header['dfplan_queue']}, this dfplan reads format {FORMAT}")
    if header["contents"] != len(rest):
        raise ValueError(f"it has {len(rest)} of {header['contents']} contents")
    texts = {content.sha256: unpack(content) for content in map(_content_of_json, rest)}
    known = {
        "bundle": (bundle_format.FORMAT,),
        "run": run_format.READABLE_FORMATS,
        "schedule": (schedules.FORMAT,),
    }
    if record["format"] not in known[record["record"]]:
        raise ValueError(f"the {record['record']} is in format {record['format']}")
    if record["record"] == "bundle":
        bundle = EncodedBundle(
            key=record["key"],
            row=bundle_format.row_of_json(record["row"]),
            planning_seconds=record["planning_seconds"],
            figures=TopologyFigures(**record["figures"]),
            texts=texts,
        )
        _require_key(bundle_format.bundle_key(bundle.row), bundle.key)
        at = datetime.fromisoformat(record["at"])
        rows_of_bundle(bundle, at)
        return bundle, at
    if record["record"] == "schedule":
        schedule = schedules.of_json(record)
        _require_key(schedule.key, record["key"])
        return schedule, schedule.schedule["started_at"]
    run = run_format.run_of_json(record, record["format"], texts)
    _require_key(run.key, record["key"])
    rows_of_run(run)
    return run, run.row.started_at


def _require_key(found: str, expected: str) -> None:
    if found != expected:
        raise ValueError(f"its content has the key {found} and not {expected}")


def _content_to_json(content: Content) -> dict[str, Any]:
    return {**vars(content), "data": base64.b64encode(content.data).decode("ascii")}


def _content_of_json(value: dict[str, Any]) -> Content:
    return Content(**{**value, "data": base64.b64decode(value["data"], validate=True)})
