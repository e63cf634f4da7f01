"""Which columns an expression uses, and how: read from DataFusion's text of the expression.

Columns are found by the names in scope, longest first, since the text prints names without
quotes: ``sum(a.v)`` is a column where the input has a field of that name, else a function call.
String literals are found by the literals of the view's own text, since the text prints them
without escapes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dfplan_assets.planning.lineage.plan_text import PlanTextError, type_end
from dfplan_assets.planning.lineage.relation import Column, Use
from dfplan_assets.planning.lineage.scope import Item, Scope

_WORD = re.compile(r"[^\W\d]\w*")
_CALL = re.compile(r"[^\W\d][\w.]*(?=\()")
_NUMBER = re.compile(r"\d[\w.]*")
_FRAME = re.compile(
    r"(?:ROWS|RANGE|GROUPS) BETWEEN .*?(?:PRECEDING|FOLLOWING|CURRENT ROW) AND "
    r".*?(?:PRECEDING|FOLLOWING|CURRENT ROW)"
)
_UNNESTED = re.compile(r"__unnest_placeholder\((.*),depth=(\d+)\)", re.DOTALL)
_LITERAL = re.compile(r"\b([A-Z]\w*)\(")
_LAMBDA = re.compile(r"\(([^()]+)\) -> ")
_SUBQUERY = "<subquery>"
_IN_OR_QUANTIFIED = re.compile(r"(?:IN|ANY|ALL) \($")
_MEMBERSHIP = re.compile(r"(?:NOT IN|[=<>!]+ (?:ANY|ALL)) \(<subquery>\)")
_EXISTS = re.compile(r"EXISTS \($")

# How DataFusion prints a literal: its type, then its value in parentheses.
LITERAL_TYPES = frozenset(
    [
        *("Boolean", "Float16", "Float32", "Float64", "Decimal32", "Decimal64", "Decimal128", "Decimal256"),
        *("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64"),
        *("Utf8", "LargeUtf8", "Utf8View", "Binary", "BinaryView", "FixedSizeBinary", "LargeBinary"),
        *("FixedSizeList", "List", "LargeList", "ListView", "LargeListView", "Struct", "Map", "Union"),
        *("Date32", "Date64", "Time32Second", "Time32Millisecond", "Time64Microsecond", "Time64Nanosecond"),
        *("TimestampSecond", "TimestampMillisecond", "TimestampMicrosecond", "TimestampNanosecond"),
        *("IntervalYearMonth", "IntervalDayTime", "IntervalMonthDayNano"),
        *("DurationSecond", "DurationMillisecond", "DurationMicrosecond", "DurationNanosecond"),
        *("Dictionary", "RunEndEncoded"),
    ]
)
# Words that stand between operands or decorate one; none of them uses a column by itself.
_SILENT_WORDS = frozenset(
    [
        *("AND", "OR", "NOT", "BIT_XOR", "DIV", "IS", "NULL", "TRUE", "FALSE", "UNKNOWN", "DISTINCT", "FROM"),
        *("LIKE", "ILIKE", "SIMILAR", "TO", "IN", "ANY", "ALL", "EXISTS", "BETWEEN", "SETS"),
        *("NULLS", "FIRST", "LAST", "ASC", "DESC", "IGNORE", "RESPECT"),
    ]
)
# Those of them that end an operand; behind all others one begins.
_LAST_WORDS = frozenset({"NULL", "TRUE", "FALSE", "UNKNOWN", "NULLS", "FIRST", "LAST", "ASC", "DESC"})
# Operators below IN and = ANY in precedence end the left operand of those.
_OPERAND_ENDS = frozenset({"AND", "OR", "NOT", "WHEN", "THEN", "ELSE", "CASE", "BETWEEN"})


@dataclass
class _Frame:
    closer: str
    indirect: bool
    case_indirect: bool = False
    in_case: bool = False
    is_cast: bool = False
    operand_start: int = 0
    # What the lambda functions around it call their arguments; those hide columns of the same name.
    lambda_parameters: frozenset[str] = frozenset()


@dataclass
class _Placeholder:
    kind: str  # "scalar", "membership" or "exists"
    indirect: bool


class ExpressionReader:
    """Reads the expressions of one node.

    ``outer`` are the scopes that ``outer_ref`` reaches, innermost first. ``literals`` are the
    string literals of the view. ``functions`` collects the names of the functions called.
    """

    def __init__(
        self, scope: Scope, outer: Sequence[Scope], literals: Sequence[str], functions: set[str]
    ) -> None:
        self._scope = scope
        self._outer = outer
        self._literals = literals
        self._functions = functions
        self._placeholders: list[_Placeholder] = []
        self._item_of_placeholder: list[int] = []
        self._items: list[_OpenItem] = []

    def read(
        self,
        text: str,
        position: int = 0,
        closer: str = "",
        aliases: Sequence[str] = (),
        closer_required: bool = True,
    ) -> tuple[range, int]:
        """Reads a list of expressions up to ``closer`` (or the end); the range numbers its items.

        ``aliases`` are the output names that the items may be given with AS.
        """
        first = len(self._items)
        end = _Scan(self, text, position, closer, aliases).run(closer_required)
        return range(first, len(self._items)), end

    def finish(
        self, subqueries: Sequence[Callable[[str], Use]], or_direct_in: Sequence[int] = ()
    ) -> list[Item]:
        """All items read, with the uses of their subqueries, given in the planner's order.

        Subqueries beyond those that the text shows count as values of the items ``or_direct_in``.
        """
        shown = len(self._placeholders)
        for use_of in subqueries[shown:] if or_direct_in else ():
            use = use_of("scalar")
            for number in or_direct_in:
                self._items[number].add(use, indirect=False)
        if or_direct_in:
            subqueries = subqueries[:shown]
        if len(subqueries) != len(self._placeholders):
            raise PlanTextError(
                f"{len(self._placeholders)} subqueries stand in a node's expressions, "
                f"the plan has {len(subqueries)} below it"
            )
        for placeholder, item, use_of in zip(
            self._placeholders, self._item_of_placeholder, subqueries, strict=True
        ):
            use = use_of(placeholder.kind)
            self._items[item].add(use, placeholder.indirect)
        return [item.close() for item in self._items]


@dataclass
class _OpenItem:
    start: int
    text: str = ""
    direct: set[tuple[str, str]] = field(default_factory=set)
    indirect: set[tuple[str, str]] = field(default_factory=set)
    needed: set[tuple[str, str]] = field(default_factory=set)
    sole_column: Column | None = None
    parts: int = 0
    alias_qualifier: str | None = None

    def add(self, use: Use, indirect: bool) -> None:
        (self.indirect if indirect else self.direct).update(use.direct)
        self.indirect.update(use.indirect)
        self.needed.update(use.needed)

    def close(self) -> Item:
        use = Use(frozenset(self.direct), frozenset(self.indirect), frozenset(self.needed))
        column = self.sole_column if self.parts == 1 else None
        return Item(use, column, self.alias_qualifier, self.text)


class _Scan:
    """One pass over a text of expressions."""

    def __init__(
        self,
        reader: ExpressionReader,
        text: str,
        position: int,
        closer: str,
        aliases: Sequence[str],
    ) -> None:
        self.reader = reader
        self.text = text
        self.position = position
        self.closer = closer
        self.aliases = aliases
        self.last_column: Column | None = None
        # Whether an operand ends here. A name begins where none does: ``AND``, ``END`` and ``AS z`` are
        # names of columns there, and words of the language elsewhere.
        self.has_operand = False
        self.frames = [_Frame("", False, operand_start=len(reader._placeholders))]
        self.first_item = len(reader._items)

    def _frame(self, closer: str, indirect: bool | None = None) -> _Frame:
        return _Frame(
            closer,
            bool(indirect) or self._indirect(),
            operand_start=len(self.reader._placeholders),
            lambda_parameters=self.frames[-1].lambda_parameters,
        )

    def _indirect(self) -> bool:
        frame = self.frames[-1]
        return frame.indirect or (frame.in_case and frame.case_indirect)

    def _item(self) -> _OpenItem:
        return self.reader._items[-1]

    def run(self, closer_required: bool) -> int:
        text = self.text
        if self._at_closer() or self.position >= len(text):
            return self.position
        self._new_item()
        while self.position < len(text):
            if len(self.frames) == 1 and self._at_closer():
                self._item().text = text[self._item().start : self.position].strip()
                return self.position
            char = text[self.position]
            if char == " ":
                self._space()
            elif not (self._case_word() or self._lambda_parameter() or self._column() or self._token(char)):
                rest = text[self.position : self.position + 60]
                raise PlanTextError(f"{rest!r} in the expression {text!r}")
        if len(self.frames) != 1 or (self.closer and closer_required):
            raise PlanTextError(f"unbalanced expression {text!r}")
        self._item().text = text[self._item().start :].strip()
        return self.position

    def _new_item(self) -> None:
        self.reader._items.append(_OpenItem(start=self.position))

    def _at_closer(self) -> bool:
        return bool(self.closer) and self.text.startswith(self.closer, self.position)

    def _space(self) -> None:
        """White space, and the alias that may follow it."""
        if not (self.has_operand and self.text.startswith(" AS ", self.position)):
            self.position += 1
            return
        start = self.position + 4
        self._item().parts += 2
        generated = _generated_alias(self.last_column)
        self.last_column = None
        if generated and self.text.startswith(generated, start):
            self.position = start + len(generated)
        elif not (self._cast_type(start) or self._output_alias(start) or self._call_alias(start)):
            word = _WORD.match(self.text, start)
            if word is None:
                raise PlanTextError(f"an alias that is not known at {self.text[self.position :]!r}")
            self.position = word.end()

    def _cast_type(self, start: int) -> bool:
        """Steps over the type that a CAST ends with."""
        end = type_end(self.text, start) if self.frames[-1].is_cast else None
        if end is None or not self.text.startswith(")", end):
            return False
        self.position = end
        return True

    def _call_alias(self, start: int) -> bool:
        """Steps over a call as the query wrote it, which stands behind a function of another name.

        ``length(x)`` is planned as ``character_length(x) AS length(x)``, also where x has got another
        name by then, so nothing in the alias is a column here.
        """
        call = _CALL.match(self.text, start)
        if call is None:
            return False
        position = call.end() + 1
        depth = 1
        while depth and position < len(self.text):
            literal = _LITERAL.match(self.text, position)
            if literal is not None and literal.group(1) in LITERAL_TYPES:
                position = self._literal_end(literal.end())
                continue
            column = self.reader._scope.match(self.text, position)
            if column is not None and not {"(", ")"}.isdisjoint(column[0].name):
                position = column[1]
                continue
            depth += {"(": 1, ")": -1}.get(self.text[position], 0)
            position += 1
        if depth:
            raise PlanTextError(f"an alias without end at {self.text[start:]!r}")
        self.position = position
        return True

    def _output_alias(self, start: int) -> bool:
        """Steps over the name that the item has in the node's output, with or without a qualifier."""
        number = len(self.reader._items) - 1 - self.first_item
        if len(self.frames) != 1 or number >= len(self.aliases):
            return False
        name = re.escape(self.aliases[number])
        found = re.compile(rf"(?:([^\s()]+?)\.)?{name}(?=, |\]|$)").match(self.text, start)
        if found is None:
            return False
        self._item().alias_qualifier = found.group(1)
        self.position = found.end()
        return True

    def _case_word(self) -> bool:
        word = _WORD.match(self.text, self.position)
        if word is None:
            return False
        name, frame = word.group(), self.frames[-1]
        begins = name == "CASE" or (name == "WHEN" and self.text.endswith("CASE ", 0, self.position))
        if self.has_operand == begins:
            return False
        if name == "CASE" and self.reader._scope.match(self.text, self.position) is None:
            inner = self._frame("END")
            inner.in_case, inner.case_indirect = True, True
            self.frames.append(inner)
        elif frame.in_case and name in ("WHEN", "THEN", "ELSE"):
            frame.case_indirect = name == "WHEN"
        elif frame.in_case and name == "END":
            self.frames.pop()
        else:
            return False
        self._item().parts += 2
        self._end_operand()
        self.position = word.end()
        self.has_operand = name == "END"
        return True

    def _lambda_parameter(self) -> bool:
        """A name that a lambda function gave its argument: no column, whatever columns are in scope."""
        for name in self.frames[-1].lambda_parameters:
            if re.compile(rf"(?<!\w){re.escape(name)}(?![\w.(])").match(self.text, self.position):
                self.position += len(name)
                self._item().parts += 2
                self.has_operand = True
                return True
        return False

    def _column(self) -> bool:
        if self.has_operand:
            return False
        if self.text.startswith("outer_ref(", self.position) and self._outer_column():
            return True
        if self.position and (self.text[self.position - 1].isalnum() or self.text[self.position - 1] == "_"):
            return False
        found = self.reader._scope.match(self.text, self.position)
        if found is None:
            return False
        column, self.position = found
        self._use(column)
        self._item().sole_column = self.last_column = column
        return True

    def _outer_column(self) -> bool:
        if self.reader._scope.match(self.text, self.position):
            return False  # an expression below has this as its name
        start = self.position + len("outer_ref(")
        for scope in self.reader._outer:
            found = scope.match(self.text, start)
            if found and self.text.startswith(")", found[1]):
                self._use(found[0])
                self._item().parts += 1  # handed on by value, not as a column of this node
                self.position = found[1] + 1
                return True
        raise PlanTextError(f"{self.text[self.position :]!r} names a column of no enclosing query")

    def _use(self, column: Column) -> None:
        self._item().add(Use(column.direct, column.indirect, frozenset()), self._indirect())
        self._item().parts += 1
        self.has_operand = True

    def _token(self, char: str) -> bool:
        text, position, frame = self.text, self.position, self.frames[-1]
        if char == "(":
            parameters = _LAMBDA.match(text, position)
            if parameters is not None:
                frame.lambda_parameters |= set(parameters.group(1).split(", "))
                self.position = parameters.end()
                self.has_operand = False
                return True
            if text.startswith(_SUBQUERY, position + 1):
                return self._subquery()
            return self._open(")", 1)
        if char == "[":
            return self._open("]", 1)
        if char in ")]":
            if char != frame.closer:
                return False
            self.frames.pop()
            self.position += 1
            self.has_operand = True
            return True
        if char == ",":
            if len(self.frames) == 1:
                self._item().text = text[self._item().start : position].strip()
            self.position += 1
            if len(self.frames) == 1:
                self._new_item()
            else:  # a lambda function ends with its argument
                frame.lambda_parameters = self.frames[-2].lambda_parameters
            self._end_operand()
            self.has_operand = False
            return True
        if char in "<>=!":
            self._end_operand()
        if char == "$":
            parameter = re.compile(r"\$\w+").match(text, position)
            if parameter is None:
                return False
            self.position = parameter.end()
            self._item().parts += 2
            self.has_operand = True
            return True
        word = _WORD.match(text, position)
        if word is not None:
            return self._word(word.group())
        number = _NUMBER.match(text, position)
        if number is not None:
            self.position = number.end()
            self.has_operand = True
            return True
        if char.isalnum() or char in "\"'":
            return False
        self._item().parts += 2  # an operator
        self.position += 1
        self.has_operand = False
        return True

    def _open(self, closer: str, length: int, indirect: bool | None = None, cast: bool = False) -> bool:
        frame = self._frame(closer, indirect)
        frame.is_cast = cast
        self._item().parts += 2
        self.frames.append(frame)
        self.position += length
        self.has_operand = False
        return True

    def _end_operand(self) -> None:
        """Notes that what comes next is a new operand, unless it is the IN or ANY of the last one."""
        if not _MEMBERSHIP.match(self.text, self.position):
            self.frames[-1].operand_start = len(self.reader._placeholders)

    def _subquery(self) -> bool:
        """A ``(<subquery>)``; the planner numbers that of IN and = ANY before those of its left operand."""
        before = self.text[: self.position + 1]
        number = len(self.reader._items) - 1
        placeholder = _Placeholder("scalar", self._indirect())
        index = len(self.reader._placeholders)
        if _EXISTS.search(before):
            placeholder.kind = "exists"
        elif _IN_OR_QUANTIFIED.search(before):
            placeholder.kind = "membership"
            index = self.frames[-1].operand_start
        self.reader._placeholders.insert(index, placeholder)
        self.reader._item_of_placeholder.insert(index, number)
        self._item().parts += 2
        self.position += len(_SUBQUERY) + 2
        self.has_operand = True
        return True

    def _word(self, word: str) -> bool:
        text, position = self.text, self.position
        frame_clause = _FRAME.match(text, position)
        if frame_clause is not None:
            self.position = frame_clause.end()
            self.has_operand = True
            return True
        for opening, closer, indirect in (
            ("FILTER (WHERE ", ")", True),
            ("PARTITION BY [", "]", True),
            ("ORDER BY [", "]", True),
            ("ROLLUP (", ")", None),
            ("CUBE (", ")", None),
            ("GROUPING SETS (", ")", None),
            ("UNNEST(", ")", None),
        ):
            if text.startswith(opening, position):
                return self._open(closer, len(opening), indirect)
        for opening in ("CAST(", "TRY_CAST("):
            if text.startswith(opening, position):
                return self._open(")", len(opening), cast=True)
        if word in LITERAL_TYPES and text.startswith("(", position + len(word)):
            self._item().parts += 2
            self.position = self._literal_end(position + len(word) + 1)
            self.has_operand = True
            return True
        if word == "ESCAPE" and text.startswith(" '", position + 6):
            self.position += len("ESCAPE 'x'")
            return True
        if word in _SILENT_WORDS:
            if word in _OPERAND_ENDS:
                self._end_operand()
            self._item().parts += 2
            self.position += len(word)
            self.has_operand = word in _LAST_WORDS
            return True
        call = _CALL.match(text, position)
        if call is not None:
            self.reader._functions.add(call.group())
            return self._open(")", len(call.group()) + 1)
        return False

    def _literal_end(self, start: int) -> int:
        """The end of a literal's value that begins at ``start``, behind its closing parenthesis."""
        if not self.text.startswith('"', start):
            return _balanced_end(self.text, start) + 1
        for literal in self.reader._literals:  # longest first
            if self.text.startswith(f'{literal}")', start + 1):
                return start + 1 + len(literal) + 2
        end = self.text.find('")', start + 1)
        if end < 0:
            raise PlanTextError(f"a literal without end in {self.text!r}")
        return end + 2


def _generated_alias(column: Column | None) -> str | None:
    """The alias that the planner itself puts behind a column inside an expression.

    ``count(*)`` is planned as ``count(Int64(1))``, an unnested list as a placeholder; where they stand
    in an expression, the planner gives them back the name that the query had.

    >>> _generated_alias(Column(None, "__unnest_placeholder(a.tags,depth=1)", frozenset(), frozenset()))
    'UNNEST(a.tags)'
    """
    if column is None:
        return None
    if column.name.startswith("count(Int64(1))"):
        return column.name.replace("count(Int64(1))", "count(*)", 1)
    unnested = _UNNESTED.fullmatch(column.name)
    if unnested is None:
        return None
    depth = int(unnested.group(2))
    return f"{'UNNEST(' * depth}{unnested.group(1)}{')' * depth}"


def _balanced_end(text: str, position: int) -> int:
    """Where the parenthesis that is open at a position closes."""
    depth = 0
    while position < len(text):
        char = text[position]
        if char == ")" and depth == 0:
            return position
        depth += (char == "(") - (char == ")")
        position += 1
    raise PlanTextError(f"unbalanced parentheses in {text!r}")
