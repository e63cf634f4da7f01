"""A check of golden plans as text, JUnit XML and Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from rich.text import Text

from dfplan_assets.errors import DfplanError
from dfplan_assets.golden.verdict import Check
from dfplan_assets.planning.diff import PlanDifference, TreeRow

_KIND_STYLE = {"physical only": "cyan", "columns added": "green"}
_MARKS = {"same": " ", "folded": " ", "removed": "-", "added": "+"}


def lines(check: Check) -> Iterator[Text]:
    """The answer for reading: what drifted, what is wrong, and the verdict last."""
    for view in check.drifted:
        yield Text.assemble(
            (view.view, "bold"), "  ", (str(view.kind), _KIND_STYLE.get(str(view.kind), "yellow"))
        )
        for cause in view.causes:
            yield Text(f"  {cause}")
        yield Text(f"  reaches {', '.join(view.downstream) or 'no view downstream'}", style="dim")
        for line in _changes(view.difference):
            yield Text(f"    {line}", style={"-": "red", "+": "green"}.get(line[0], "dim"))
        yield Text("")
    if check.settings_drifted:
        yield Text.assemble(("settings", "bold"), "  others than in the project's golden file")
        yield from (Text(f"  {line}") for line in check.settings)
        yield Text("")
    for problem in check.all_problems:
        yield Text.assemble((problem.where, "bold"), f": {problem.cause}")
        yield Text(f"  {problem.next_step}")
        yield Text("")
    yield from (Text(f"note: {note}", style="dim") for note in check.notes)
    yield Text(check.verdict, style="green" if check.exit_code == 0 else "yellow")


def _changes(found: PlanDifference | None) -> list[str]:
    """The changed lines of the plans in the form of a diff: the logical plan's, else the physical one's."""
    if found is None:
        return []
    for rows in (found.logical_tree, found.physical_tree or ()):
        if any(row.change not in ("same", "folded") for row in rows):
            return [line for row in rows for line in _diff_lines(row)]
    return []


def _diff_lines(row: TreeRow) -> Iterator[str]:
    if row.change == "changed":
        yield f"- {'  ' * row.depth_before}{row.before}"
        yield f"+ {'  ' * row.depth_after}{row.after}"
    elif row.before is not None:
        yield f"{_MARKS[row.change]} {'  ' * row.depth_before}{row.before}"
    else:
        yield f"{_MARKS[row.change]} {'  ' * row.depth_after}{row.after}"


def junit(check: Check) -> str:
    """The answer as JUnit XML: a test case for each view, and one for what is of no single view."""
    failures = len(check.drifted) + check.settings_drifted
    suite = ElementTree.Element(
        "testsuite",
        name="dfplan golden check",
        tests=str(len(check.views) + 1),
        failures=str(failures),
        errors=str(len(check.all_problems)),
        skipped="0",
    )
    for view in check.views:
        case = ElementTree.SubElement(suite, "testcase", classname="golden", name=view.view)
        if view.state == "drift":
            failure = ElementTree.SubElement(case, "failure", type=str(view.kind), message=_clean(view.cause))
            reaches = f"reaches {', '.join(view.downstream) or 'no view downstream'}"
            failure.text = _clean("\n".join([*view.causes, reaches, *_changes(view.difference)]))
        elif view.problem is not None:
            _error(case, view.problem)
    project = ElementTree.SubElement(suite, "testcase", classname="golden", name="(project)")
    if check.settings_drifted:
        failure = ElementTree.SubElement(
            project, "failure", type="settings", message=_clean(check.settings[0])
        )
        failure.text = _clean("\n".join(check.settings))
    for problem in check.problems:
        _error(project, problem)
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suite, encoding="unicode")


def _error(case: ElementTree.Element, problem: DfplanError) -> None:
    error = ElementTree.SubElement(case, "error", type=type(problem).__name__, message=_clean(problem.cause))
    error.text = _clean(str(problem))


def _clean(text: str) -> str:
    """A text without the signs that XML cannot hold."""
    return "".join(sign if sign.isprintable() or sign in "\n\t" else "�" for sign in text)


def markdown(check: Check) -> str:
    """The answer as a comment on a pull request: the verdict, a table, the plans folded away."""
    parts = [f"**Golden plans: {check.verdict}**"]
    if check.drifted:
        rows = [
            f"| `{view.view}` | {view.kind} | {_cell(view.cause)} | "
            f"{', '.join(f'`{name}`' for name in view.downstream) or '—'} |"
            for view in check.drifted
        ]
        parts.append("\n".join(["| view | kind | cause | reaches |", "|---|---|---|---|", *rows]))
    if check.settings_drifted:
        parts.append("\n".join(["Settings:", "", *(f"- {_cell(line)}" for line in check.settings)]))
    if check.all_problems:
        rows = [
            f"- `{problem.where}`: {_cell(problem.cause)}. {_cell(problem.next_step)}"
            for problem in check.all_problems
        ]
        parts.append("\n".join(["To put right:", "", *rows]))
    if check.notes:
        parts.append("\n".join(f"- note: {_cell(note)}" for note in check.notes))
    for view in check.drifted:
        changes = _changes(view.difference)
        if changes:
            fence = "`" * max(3, 1 + max((len(run) for line in changes for run in _ticks(line)), default=0))
            body = "\n".join([f"{fence}diff", *changes, fence])
            parts.append(f"<details><summary><code>{view.view}</code></summary>\n\n{body}\n\n</details>")
    return "\n\n".join(parts)


def _ticks(text: str) -> list[str]:
    return re.findall("`+", text)


def _cell(text: str) -> str:
    """A text as a cell of a table, or one line."""
    return text.replace("|", "\\|").replace("\n", " ")
