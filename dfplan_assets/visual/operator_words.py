"""An operator in a few words: its name, what tells it from others of its kind, what it gave and spilled."""

from __future__ import annotations

import re

from dfplan_assets.execution.profile import OperatorProfile
from dfplan_assets.visual.durations import duration

_FILES = re.compile(r"file_groups=\{[^\[]*\[+([^\],:]*)")
_FILE_TYPE = re.compile(r"file_type=(\w+)")
_SINK = re.compile(r"sink=(\w+)Sink")
_DETAILS = {
    "AggregateExec": re.compile(r"gby=\[(.*?)\], aggr"),
    "BoundedWindowAggExec": re.compile(r"wdw=\[(.*?)(?:: (?:Ok\()?Field|\]$)"),
    "FilterExec": re.compile(r"^FilterExec: (.*?)(?:, projection=\[.*)?$"),
    "GlobalLimitExec": re.compile(r": (.*)"),
    "HashJoinExec": re.compile(r"join_type=(\w+), on=\[(.*?)\](?:, |$)"),
    "LazyMemoryExec": re.compile(r"batch_generators=\[(\w+)"),
    "LocalLimitExec": re.compile(r": (.*)"),
    "NestedLoopJoinExec": re.compile(r"join_type=(\w+)(?:, filter=(.*?))?(?:, projection=\[.*)?$"),
    "ProjectionExec": re.compile(r"expr=\[(.*)\]$"),
    "RecursiveQueryExec": re.compile(r"name=(\w+)"),
    "SortExec": re.compile(r"expr=\[(.*?)\], preserve"),
    "SortMergeJoinExec": re.compile(r"join_type=(\w+), on=\[(.*?)\](?:, |$)"),
    "SortPreservingMergeExec": re.compile(r": \[(.*?)\]"),
    "SymmetricHashJoinExec": re.compile(r"join_type=(\w+), on=\[(.*?)\](?:, |$)"),
    "WindowAggExec": re.compile(r"wdw=\[(.*?)(?:: (?:Ok\()?Field|\]$)"),
    "WorkTableExec": re.compile(r"name=(\w+)"),
}
_LEAST_SECONDS = 0.00005
_MINUTE, _HOUR = 60, 3600
_TENTHS_BELOW = 9.95
_HASHED = re.compile(r"partitioning=Hash\(\[(.*)\], (\d+)\)")
_SPREAD = re.compile(r"partitioning=RoundRobinBatch\((\d+)\)")
_STRING = re.compile(r'\b(?:Utf8|Utf8View|LargeUtf8)\("([^"]*)"\)')
_NUMBER = re.compile(r"\b(?:U?Int|Float|Decimal)\d+\((-?[\d.]+)\)")
_PLACE = re.compile(r"@\d+")  # of a column among those of its input
_SAME_NAME = re.compile(r"\b(\w+) as \1\b")
_PAIR = re.compile(r"\((\w+), (\w+)\)")
_DEFAULT_ORDER = re.compile(r" ASC NULLS LAST| NULLS FIRST(?<=DESC NULLS FIRST)")
_MODES = {"Partial": "partial", "FinalPartitioned": "final", "Final": "final", "SinglePartitioned": "single"}
_MODE = re.compile(r"mode=(\w+)")


def name(operator: OperatorProfile) -> str:
    """The operator's name as people say it.

    A step of an aggregation says which, since it takes two of them as a rule.
    """
    short = operator.name.removesuffix("Exec")
    if operator.name == "AggregateExec":
        mode = _MODE.search(operator.display)
        step = _MODES.get(mode[1]) if mode else None
        return short if step is None or step == "single" else f"{short}, {step}"
    return short


def named(operator: OperatorProfile) -> str:
    """The operator's name, of a scan with what it scans, where it is told of outside of its plan."""
    scanned = detail(operator).partition(",")[0] if operator.name == "DataSourceExec" else ""
    return f"{name(operator)} {scanned}".rstrip()


def detail(operator: OperatorProfile, characters: int = 120) -> str:
    """What tells an operator from others of its kind: a file, a condition, keys; empty where nothing does.

    It is made of the first ``characters`` of that, so that long lists cost nothing.
    """
    if operator.name == "DataSourceExec":
        return _scanned(operator.display)
    if operator.name == "DataSinkExec":
        sink = _SINK.search(operator.display)
        return f"writes {sink[1]}" if sink else ""
    if operator.name == "RepartitionExec":
        words = _spread(operator.display, characters * 3)
    else:
        pattern = _DETAILS.get(operator.name)
        found = None if pattern is None else pattern.search(operator.display)
        words = "" if found is None else " ".join(part[: characters * 3] for part in found.groups() if part)
    words = _NUMBER.sub(r"\1", _STRING.sub(r"'\1'", words))
    words = _SAME_NAME.sub(r"\1", _PLACE.sub("", words))
    if "Join" in operator.name:
        words = _PAIR.sub(lambda pair: pair[1] if pair[1] == pair[2] else f"{pair[1]} = {pair[2]}", words)
    return _DEFAULT_ORDER.sub("", words)[:characters]


def _spread(display: str, characters: int) -> str:
    hashed = _HASHED.search(display)
    if hashed is not None:
        return f"into {hashed[2]} by {hashed[1][:characters]}"
    spread = _SPREAD.search(display)
    return f"into {spread[1]}" if spread else ""


def _scanned(display: str) -> str:
    """The table that a scan reads, as its files tell, and their format."""
    files, kind = _FILES.search(display), _FILE_TYPE.search(display)
    words = []
    if files is not None:
        parts = files.group(1).split("/")
        # Results of views are files of one name in folders of their versions.
        words.append(parts[-3] if parts[-1].startswith("part-") and len(parts) > 2 else parts[-1])
    if kind is not None and not (words and words[0].endswith(kind.group(1))):
        words.append(kind.group(1))
    if not words and "partition_sizes=" in display:
        words.append("values in memory")
    return ", ".join(words)


def leaving_rows(operator: OperatorProfile) -> int | None:
    """The rows that leave an operator, or that it wrote where it writes the result; None if unknown."""
    return operator.output_rows if operator.output_rows is not None else operator.metrics.get("rows_written")


def short_duration(seconds: float) -> str:
    """A duration in eight characters or fewer; nothing where it would read as 0.0 ms.

    >>> [short_duration(seconds) for seconds in (0.012, 0.00004, 90, 1000, 5000, 7_000_000)]
    ['12 ms', '', '1.5 min', '17 min', '1.4 h', '1,944 h']
    """
    if seconds < _LEAST_SECONDS:
        return ""
    if seconds < _MINUTE - 0.5:
        return duration(seconds)
    number, unit = (seconds / _MINUTE, "min") if seconds < _HOUR - _MINUTE / 2 else (seconds / _HOUR, "h")
    return f"{number:,.0f} {unit}" if number >= _TENTHS_BELOW else f"{number:.1f} {unit}"


def size(byte_count: int) -> str:
    """A size as people read it, in powers of 1,000.

    >>> size(999), size(12_345_678), size(1_200_000_000)
    ('999 B', '12.3 MB', '1.2 GB')
    """
    if byte_count < 1000:
        return f"{byte_count} B"
    value, unit = byte_count / 1000, "kB"
    for larger in ("MB", "GB", "TB", "PB"):
        if value < 999.95:
            break
        value, unit = value / 1000, larger
    return f"{value:,.1f} {unit}"


def spilled_bytes(operator: OperatorProfile) -> int:
    """What an operator wrote to disk since its memory did not suffice."""
    return operator.metrics.get("spilled_bytes", 0)
