"""Python source as what it means to the interpreter: one form for texts that differ in layout alone.

The form leaves out comments, docstrings, places and annotations that nothing reads, and is the same under
all releases of Python that parse a text to the same syntax: ``ast.dump`` and ``ast.unparse`` are not.
"""

from __future__ import annotations

import ast
import dis
import types
from collections.abc import Iterable, Iterator
from typing import TypeAlias

Form: TypeAlias = "str | list[Form]"

_SILENT = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SCOPES = (*_FUNCTIONS, ast.ClassDef, ast.Lambda)
_GLOBAL_LOADS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})


def plain_statement(statement: ast.stmt) -> ast.stmt:
    """A statement without docstrings, and without the annotations that nothing reads; changed in place.

    Those of a class are read by many decorators, those of a decorated function by some.
    """
    plain: ast.stmt = _Plain().visit(statement)
    return plain


class _Plain(ast.NodeTransformer):
    """Takes docstrings and unread annotations out of a syntax tree."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.body = _without_docstring(node.body)
        for each in node.body:
            # What stands in the class itself keeps its annotation.
            self.generic_visit(each) if isinstance(each, ast.AnnAssign) else self.visit(each)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.copy_location(ast.Constant(None), node.annotation)
        return self.generic_visit(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        node.body = _without_docstring(node.body)
        if not node.decorator_list:
            node.returns = None
            arguments = node.args
            for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
                each.annotation = None
            for rest in (arguments.vararg, arguments.kwarg):
                if rest is not None:
                    rest.annotation = None
        return self.generic_visit(node)


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0]
    is_text = (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    )
    return (body[1:] or [ast.copy_location(ast.Pass(), first)]) if is_text else body


def form_of(value: object) -> Form:
    """The form of a statement, an expression, or a list of them.

    >>> form_of(ast.parse("x = 1  # one").body) == form_of(ast.parse("x=1").body)
    True
    """
    if isinstance(value, ast.Constant):
        return ["Constant", type(value.value).__name__, repr(value.value)]
    if isinstance(value, ast.JoinedStr):
        return ["JoinedStr", *_string_parts(value)]
    if isinstance(value, ast.AST):
        fields = [
            [name, form_of(item)]
            for name, item in ast.iter_fields(value)
            if name not in _SILENT and item is not None and item != []
        ]
        return [type(value).__name__, *fields]
    if isinstance(value, list):
        return [form_of(item) for item in value]
    return [type(value).__name__, repr(value)]


def _string_parts(string: ast.JoinedStr) -> Iterator[Form]:
    """The parts of an f-string, neighbouring texts as one: releases of Python cut them differently."""
    text = ""
    for part in string.values:
        if isinstance(part, ast.Constant):
            text += str(part.value)
            continue
        if text:
            yield ["text", text]
        text = ""
        yield form_of(part)
    if text:
        yield ["text", text]


def bound_names(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement of a module binds there, ``*`` for all that another module has.

    >>> sorted(bound_names(ast.parse("if a:\\n    import b.c as d\\nelse:\\n    e, f = 1, 2").body[0]))
    ['d', 'e', 'f']
    """
    for node in _of_scope(statement):
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            yield node.name
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                yield alias.asname or alias.name.partition(".")[0]
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
            yield node.name


def changed_names(statement: ast.stmt) -> Iterator[str]:
    """The names whose objects a statement of a module may change: ``a.b = 1``, ``a[0] = 1``, ``a.append(1)``.

    >>> sorted(changed_names(ast.parse("a.b = c").body[0])), sorted(changed_names(ast.parse("f(a)").body[0]))
    (['a'], ['a', 'f'])
    """
    for node in _of_scope(statement):
        if isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load):
            root: ast.expr = node
            while isinstance(root, (ast.Attribute, ast.Subscript)):
                root = root.value
            if isinstance(root, ast.Name):
                yield root.id
        elif isinstance(node, ast.Expr):
            yield from (each.id for each in ast.walk(node) if isinstance(each, ast.Name))


def _of_scope(statement: ast.stmt) -> Iterator[ast.AST]:
    """The nodes of a statement that run in the module's own scope, functions and classes as one node."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _SCOPES):
            waiting.extend(ast.iter_child_nodes(node))


def global_names(statements: Iterable[ast.stmt]) -> frozenset[str]:
    """The names that statements read from their module or from Python itself, in all scopes within them.

    >>> sorted(global_names(ast.parse("def f(x, y=a):\\n    b = 1\\n    return g(x, b)").body))
    ['a', 'g']
    """
    module = ast.Module(body=list(statements), type_ignores=[])
    return frozenset(_loads(compile(module, "<extension>", "exec", dont_inherit=True, optimize=0)))


def _loads(code: types.CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname in _GLOBAL_LOADS:
            yield str(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _loads(constant)
