"""A user's YAML, read into nodes that know their file, line and key.

What YAML would let pass without a word (a key that stands twice, a second document, a type that
has no use here) is an error.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from dfplan_assets.errors import InputError
from dfplan_assets.project.suggestions import did_you_mean
from dfplan_assets.project.yaml_language import TAG, ColumnTypeLoader, PlainLoader, Scalar, read_scalar

_INT64 = range(-(2**63), 2**63)
_QUOTATION = re.compile(r"""(['"])(.*?)\1""")


@dataclass(frozen=True)
class Document:
    """A file with YAML in it, and how errors about it are raised.

    ``first_line`` is the line of the file, counted from 1, in which the YAML begins.
    """

    path: Path
    error: type[InputError]
    subject: str | None = None  # "view revenue"
    first_line: int = 1

    def where(self, line: int | None = None) -> str:
        """The file, the line in it, and what it is about, as errors name them."""
        place = str(self.path) if line is None else f"{self.path}:{line}"
        return place if self.subject is None else f"{place} ({self.subject})"


@dataclass(frozen=True)
class Node:
    """A value in a document, the line it stands on, and the dotted key that leads to it.

    Methods named after what is expected return it, or raise the document's error.
    """

    document: Document
    line: int
    key: str
    value: Scalar | tuple[Node, ...] | Mapping[str, Node]

    def wrong(self, cause: str, next_step: str, error: type[InputError] | None = None) -> InputError:
        """An error about this value."""
        return (error or self.document.error)(self.document.where(self.line), cause, next_step)

    def expected(self, what: str, next_step: str | None = None) -> InputError:
        """An error that says what this value must be, and of which kind it is. Never shows the value."""
        cause = f"{self.key or 'the document'} must be {what}, not {_kind_of(self.value)}"
        return self.wrong(cause, next_step or "Correct the value.")

    def entries(self, known: Sequence[str] | None = None) -> Mapping[str, Node]:
        """A mapping, empty where nothing is written; with ``known``, of no other keys than those."""
        if self.value is None:
            return {}
        if not isinstance(self.value, Mapping):
            raise self.expected("a mapping (key: value)")
        for key, node in self.value.items():
            if known is not None and key not in known:
                raise node.wrong(f"unknown key {node.key}", did_you_mean(key, known, "keys"))
        return self.value

    def items(self) -> tuple[Node, ...]:
        """A list, empty where nothing is written."""
        if self.value is None:
            return ()
        if not isinstance(self.value, tuple):
            raise self.expected("a list ([a, b])")
        return self.value

    def scalar(self) -> Scalar:
        """Any single value."""
        if isinstance(self.value, tuple | Mapping):
            raise self.expected("a single value")
        return self.value

    def text(self) -> str:
        """A text that is not blank."""
        if not isinstance(self.value, str):
            hint = "Put it in quotes." if self.value is not None and not self._is_collection() else None
            raise self.expected("text", hint)
        if not self.value.strip():
            raise self.wrong(f"{self.key} is empty", "Write a text, or leave the key out.")
        return self.value

    def boolean(self) -> bool:
        """``true`` or ``false``."""
        if not isinstance(self.value, bool):
            raise self.expected("true or false")
        return self.value

    def whole_number(self, minimum: int) -> int:
        """An integer of at least ``minimum``, in 64 bits."""
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            raise self.expected("a whole number")
        if self.value < minimum or self.value not in _INT64:
            raise self.wrong(
                f"{self.key} must be at least {minimum}, not {self.value}", "Choose another number."
            )
        return self.value

    def choice(self, choices: Iterable[str]) -> str:
        """One of some words."""
        listed = list(choices)
        word = self.text()
        if word not in listed:
            raise self.wrong(
                f"{self.key} cannot be {word!r}", did_you_mean(word, listed, f"values of {self.key}")
            )
        return word

    def _is_collection(self) -> bool:
        return isinstance(self.value, tuple | Mapping)


def read_document(
    document: Document, text: str, language: type[PlainLoader | ColumnTypeLoader] = PlainLoader
) -> Node:
    """Reads the YAML of a document; nothing at all is a node with the value None.

    Raises the document's error, with the line in the user's file, where the text is no YAML, holds
    several documents, a key twice, or a type that has no use here.
    """
    try:
        loader = language(text)
        root = loader.get_single_node()
        if root is None:
            return Node(document, document.first_line, "", None)
        return _node(document, root, "")
    except yaml.MarkedYAMLError as problem:
        raise _no_yaml(document, problem) from problem
    except yaml.YAMLError as problem:  # characters that YAML does not allow: no mark
        raise document.error(
            document.where(), f"no valid YAML: {str(problem).splitlines()[0]}", "Correct the file."
        ) from problem
    except RecursionError as problem:
        raise document.error(
            document.where(),
            "the YAML is nested too deeply, or an alias (*name) stands inside what it names",
            "Write it flat.",
        ) from problem


def decode(document: Document, content: bytes) -> str:
    """The text of a file's bytes in UTF-8, without a byte order mark; line ends stay as they are."""
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
        raise document.error(
            document.where(line),
            f"the file is not UTF-8: byte 0x{content[problem.start]:02x} at offset {problem.start}",
            "Save the file as UTF-8.",
        ) from problem


def _node(document: Document, node: yaml.Node, key: str) -> Node:
    line = node.start_mark.line + document.first_line
    if isinstance(node, yaml.MappingNode) and node.tag == TAG + "map":
        return Node(document, line, key, _entries(document, node, key))
    if isinstance(node, yaml.SequenceNode) and node.tag == TAG + "seq":
        items = tuple(_node(document, item, f"{key}[{i}]") for i, item in enumerate(node.value))
        return Node(document, line, key, items)
    if not isinstance(node, yaml.ScalarNode):
        raise document.error(
            document.where(line),
            f"{key or 'the document'} cannot be read: its YAML type (!) has no use here",
            "Write it without the !.",
        )
    try:
        return Node(document, line, key, read_scalar(node))
    except ValueError as problem:
        raise document.error(
            document.where(line), f"{key or 'the document'} cannot be read: {problem}", "Correct the value."
        ) from problem


def _entries(document: Document, node: yaml.MappingNode, key: str) -> dict[str, Node]:
    entries: dict[str, Node] = {}
    lines: dict[str, int] = {}
    for key_node, value_node in node.value:
        key_line = key_node.start_mark.line + document.first_line
        name = _node(document, key_node, key).value
        if not isinstance(name, str):
            raise document.error(
                document.where(key_line),
                f"a key{f' of {key}' if key else ''} must be text, not {_kind_of(name)}",
                "Put the key in quotes.",
            )
        full = f"{key}.{name}" if key else name
        if name in entries:
            raise document.error(
                document.where(key_line),
                f"the key {full} stands twice: in line {lines[name]} and in line {key_line}",
                "Remove one of them.",
            )
        lines[name] = key_line
        entries[name] = _node(document, value_node, full)
    return entries


def _no_yaml(document: Document, problem: yaml.MarkedYAMLError) -> InputError:
    mark = problem.problem_mark or problem.context_mark
    line = None if mark is None else mark.line + document.first_line
    column = "" if mark is None else f" in column {mark.column + 1}"
    words = ", ".join(part for part in (problem.context, problem.problem) if part)
    return document.error(
        document.where(line),
        f"no valid YAML{column}: {_without_quotations(words)}",
        "Correct the line; texts with : # [ ] { } or , in them need quotes.",
    )


def _without_quotations(words: str) -> str:
    """PyYAML's words without what they quote of the user's text, which may be a secret.

    What remains are single signs and kinds of tokens, as in '[' and '<scalar>'.
    """
    return _QUOTATION.sub(
        lambda match: match.group() if len(match.group(2)) == 1 or match.group(2).startswith("<") else "…",
        words,
    )


def _kind_of(value: Scalar | tuple[Node, ...] | Mapping[str, Node]) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, Mapping):
        return "a mapping"
    kinds: dict[type, str] = {
        int: "a whole number",
        float: "a decimal number",
        str: "text",
        tuple: "a list",
        datetime.datetime: "a time",
        datetime.date: "a date",
    }
    return kinds[type(value)]
