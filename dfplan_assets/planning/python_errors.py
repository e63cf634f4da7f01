"""Errors of a project's functions, read out of the messages in which DataFusion reports them."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

from dfplan_assets.planning.extensions import without_packages

_RAISED = re.compile(
    r"PyErr \{ type: <class '(?P<type>[^']*)'>, value: (?P<value>.*?), traceback: (?P<trace>None|Some\(.*)",
    re.DOTALL,
)
_FRAME = re.compile(r'File \\?"(.*?)\\?", line (\d+)')
_PLAIN = re.compile(r"(?:^|: )(?P<type>[A-Z]\w*(?:Error|Exception)): (?P<message>.*)", re.DOTALL)
_LIBRARIES = frozenset({"site-packages", "dist-packages"})


@dataclass(frozen=True)
class PythonError:
    """What Python raised, and the file and line where, which DataFusion does not always tell."""

    type: str
    message: str
    file: str | None
    line: int | None

    def __str__(self) -> str:
        what = f"{self.type}: {self.message}" if self.message else self.type
        return what if self.file is None else f"{what} ({self.file}, line {self.line})"


def python_error(text: str, *, unmarked: bool = False) -> PythonError | None:
    """The Python error that a message of DataFusion reports; None where it reports none.

    Of aggregate functions DataFusion reports the error without a mark and without a place: with ``unmarked``
    a message that reads like one is taken for one.

    >>> print(python_error("PyErr { type: <class 'ValueError'>, value: ValueError('no'), traceback: None }"))
    ValueError: no
    """
    raised = _RAISED.search(text)
    if raised is None:
        plain = _PLAIN.search(text) if unmarked else None
        return None if plain is None else PythonError(plain["type"], plain["message"].strip(), None, None)
    frames = [(file, int(line)) for file, line in _FRAME.findall(raised["trace"])]
    own = [frame for frame in frames if not _LIBRARIES & set(Path(frame[0]).parts)]
    file, line = (own or frames)[-1] if frames else (None, None)
    kind = without_packages(raised["type"])
    return PythonError(kind, without_packages(_message(raised["value"])), file, line)


def _message(value: str) -> str:
    """What an exception says, of its ``repr``."""
    try:
        call = ast.parse(value, mode="eval").body
    except SyntaxError:
        return value
    if not isinstance(call, ast.Call):
        return value
    said = [each.value if isinstance(each, ast.Constant) else ast.unparse(each) for each in call.args]
    return ", ".join(map(str, said))
