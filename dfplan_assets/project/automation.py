"""When views run by themselves: schedules, automation, freshness, the drift sensor."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dfplan_assets.project.cron import EXAMPLE, wrong_cron
from dfplan_assets.project.document import Node
from dfplan_assets.project.model import Automation, AutomationKind, DriftSensor, Freshness, Schedule

UTC = "UTC"

_OWN_NAMES = "dfplan_"
_NAME = re.compile(r"[A-Za-z0-9_]+")
_ON_CRON = re.compile(r"on_cron\(\s*(['\"]?)(.*?)\1\s*\)")
_DURATION = re.compile(r"(\d+)\s*([a-z]+)")
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_STATUS = ("running", "stopped")
_LEAST_FRESHNESS_SECONDS = 60  # Dagster takes nothing shorter
_KINDS: tuple[AutomationKind, ...] = ("eager", "on_change")


def read_schedules(node: Node | None) -> tuple[Schedule, ...]:
    """Reads ``schedules``: by name, when (``cron``, ``timezone``) what (``select``) runs.

    What a selection means is found out when Dagster loads the views.
    """
    return tuple(
        _schedule(name, entry) for name, entry in (node.entries() if node is not None else {}).items()
    )


def read_automation(node: Node) -> Automation:
    """Reads ``automation``: ``eager``, ``on_change`` or ``on_cron(<cron>)``."""
    word = node.text().strip()
    for kind in _KINDS:
        if word == kind:
            return Automation(kind)
    match = _ON_CRON.fullmatch(word)
    if match is None:
        raise node.wrong(
            f"{node.key} cannot be {word!r}",
            "Write eager (when something upstream ran), on_change (when its meaning or the data that it "
            "reads changed), or on_cron(0 3 * * *).",
        )
    _check_cron(node, match.group(2))
    return Automation("on_cron", match.group(2))


def read_freshness(node: Node) -> Freshness:
    """Reads ``freshness``: how old a result may be, at any time or at the times of a cron."""
    entries = node.entries(known=("within", "cron", "timezone"))
    if "within" not in entries:
        raise node.wrong(f"{node.key} has no within", "Say how old the result may be, as in {within: 24h}.")
    if "timezone" in entries and "cron" not in entries:
        raise entries["timezone"].wrong(
            f"{node.key} has a timezone but no cron", "Add a cron, or remove timezone."
        )
    seconds = _seconds(entries["within"])
    if seconds < _LEAST_FRESHNESS_SECONDS:
        raise entries["within"].wrong(
            f"{entries['within'].key} must be at least a minute", "Write it as in within: 24h."
        )
    return Freshness(
        within_seconds=seconds,
        cron=_cron(entries["cron"]) if "cron" in entries else None,
        timezone=_timezone(entries.get("timezone")),
    )


def read_drift_sensor(node: Node | None) -> DriftSensor:
    """Reads ``drift_sensor``: how often it looks, and whether it is turned on from the start."""
    entries = {} if node is None else node.entries(known=("every", "status"))
    default = DriftSensor()
    every = _seconds(entries["every"]) if "every" in entries else default.every_seconds
    if every < 1:
        raise entries["every"].wrong("drift_sensor.every must be at least a second", "Write it as in 60s.")
    return DriftSensor(every, _running(entries.get("status")))


def _schedule(name: str, node: Node) -> Schedule:
    if not _NAME.fullmatch(name):
        raise node.wrong(
            f"{name!r} cannot be the name of a schedule", "Use letters, digits and underscores only."
        )
    if name.startswith(_OWN_NAMES):
        raise node.wrong(
            f"the schedule {name} has a name of this package's own sensors",
            f"Choose one that does not begin with {_OWN_NAMES}.",
        )
    entries = node.entries(known=("cron", "select", "timezone", "stale", "status"))
    if "cron" not in entries:
        raise node.wrong(f"the schedule {name} has no cron", f"Add one: cron: {EXAMPLE}")
    return Schedule(
        name=name,
        cron=_cron(entries["cron"], f"the schedule {name}: "),
        select=entries["select"].text().strip() if "select" in entries else None,
        timezone=_timezone(entries.get("timezone"), f"the schedule {name}: "),
        stale=entries["stale"].boolean() if "stale" in entries else False,
        running=_running(entries.get("status")),
        where=f"{node.document.where(node.line)}: schedule {name}",
    )


def _cron(node: Node, whose: str = "") -> str:
    text = node.text().strip()
    _check_cron(node, text, whose)
    return text


def _check_cron(node: Node, text: str, whose: str = "") -> None:
    wrong = wrong_cron(text)
    if wrong is not None:
        raise node.wrong(f"{whose}{text!r} is no cron: {wrong}", f"For example {EXAMPLE}")


def _timezone(node: Node | None, whose: str = "") -> str:
    if node is None:
        return UTC
    name = node.text().strip()
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as problem:
        raise node.wrong(
            f"{whose}{name!r} is no time zone", "Name one of the tz database, as in Europe/Berlin."
        ) from problem
    return name


def _seconds(node: Node) -> int:
    match = _DURATION.fullmatch(node.text().strip().lower())
    if match is None or match.group(2) not in _UNIT_SECONDS:
        raise node.wrong(
            f"{node.key} is no duration", "Write a whole number with s, m, h, d or w, as in 90s or 24h."
        )
    return int(match.group(1)) * _UNIT_SECONDS[match.group(2)]


def _running(node: Node | None) -> bool:
    return node is not None and node.choice(_STATUS) == "running"
