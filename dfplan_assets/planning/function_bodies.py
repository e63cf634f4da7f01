"""What a function in Python means: a hash over its source and over all of its project that it uses.

A module is read as its syntax. The hash of a name in it covers the statements that bind the name there, and
in the same way every name that those read: helpers, constants, classes and their bases, also in
other modules of the project. A constant counts as its value, however it is written; an installed package
as its name and version; Python's own library and DataFusion (a part of the identity by itself) not at all.

What no syntax shows has a notice, and the text of the whole module in its place.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from types import ModuleType

from dfplan_assets.errors import DfplanError
from dfplan_assets.planning.extensions import (
    import_beside,
    is_of_project,
    project_folder,
    shown_name,
    source_of,
)
from dfplan_assets.planning.stable_values import NoStableFormError, stable_value
from dfplan_assets.planning.syntax_form import (
    Form,
    bound_names,
    changed_names,
    form_of,
    global_names,
    plain_statement,
)

_SILENT_PACKAGES = frozenset({"datafusion", "dfplan_assets"})
_OF_EVERY_MODULE = vars(ModuleType("")).keys() | {"__builtins__", "__cached__", "__file__", "__path__"}
# Words that reach what no syntax shows.
_OPAQUE_CALLS = frozenset({"eval", "exec", "globals", "compile", "__import__"})
_REGISTERING = frozenset({"udf", "udaf", "udwf"})


@dataclass(frozen=True)
class Body:
    """The hash of what a name of a module means, where it is bound, and what the hash cannot cover."""

    sha256: str
    module: str
    line: int | None
    notices: tuple[str, ...]


def body_of(module: ModuleType, name: str) -> Body:
    """The body behind a name of a module, over all of the project that it uses."""
    walk = _Walk()
    module, name = _origin(module, name)
    walk.take(module, name)
    found = sorted([place[0], place[1], form] for place, form in walk.forms.items())
    packages = sorted(walk.packages.items())
    content = json.dumps([found, packages], sort_keys=True)
    index = _index(module)
    statements = [] if index is None else index.binding.get(name, [])
    return Body(
        sha256=hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest(),
        module=shown_name(module),
        line=statements[0].line if statements else None,
        notices=tuple(sorted(walk.notices)),
    )


class _Statement:
    """A statement of a module; what DataFusion is told of a function in it stands apart."""

    def __init__(self, module: ModuleType, statement: ast.stmt) -> None:
        signatures = _Signatures(module)
        self.line = statement.lineno
        self.node = plain_statement(signatures.visit(statement))
        self.signatures = signatures.taken

    @cached_property
    def form(self) -> Form:
        """All of it, signatures too."""
        return form_of([self.node, *self.signatures])

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of the module or of Python itself that it reads."""
        return global_names([self.node])

    @cached_property
    def attributes(self) -> dict[str, list[tuple[str, ...]]]:
        """The attributes that it reads of each name, as paths; an empty path where a name stands alone."""
        found: dict[str, list[tuple[str, ...]]] = {}

        def visit(node: ast.AST, path: tuple[str, ...]) -> None:
            if isinstance(node, ast.Attribute):
                visit(node.value, (node.attr, *path))
                return
            if isinstance(node, ast.Name):
                found.setdefault(node.id, []).append(path)
                return
            for child in ast.iter_child_nodes(node):
                visit(child, ())

        visit(self.node, ())
        return found


class _Index:
    """The statements of a module, and by the names that they bind or whose objects they may change."""

    def __init__(self, module: ModuleType, text: str) -> None:
        self.text = text
        self.all: list[_Statement] = []
        self.binding: dict[str, list[_Statement]] = {}
        self.changing: dict[str, list[_Statement]] = {}
        for node in ast.parse(text).body:
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                continue  # the module's docstring
            statement = _Statement(module, node)
            self.all.append(statement)
            for name in dict.fromkeys(bound_names(statement.node)):
                self.binding.setdefault(name, []).append(statement)
            for name in dict.fromkeys(changed_names(statement.node)):
                self.changing.setdefault(name, []).append(statement)


@lru_cache(maxsize=512)
def _index(module: ModuleType) -> _Index | None:
    """The index of a module, None where it has no source."""
    text = source_of(module)
    return None if text is None else _Index(module, text)


def _origin(module: ModuleType, name: str) -> tuple[ModuleType, str]:
    """The module and name that a name is imported from, itself where it is bound in its own module."""
    seen = set()
    while (module, name) not in seen:
        seen.add((module, name))
        imported = _imported_from(module, name)
        if imported is None or not _is_own(imported[0]):
            break
        module, name = imported
    return module, name


def _imported_from(module: ModuleType, name: str) -> tuple[ModuleType, str] | None:
    """The module and name of ``from … import``, where that is how a module got a name."""
    index = _index(module)
    if index is None:
        return None
    statements = index.binding.get(name, [])
    node = statements[0].node if len(statements) == 1 else None
    if isinstance(node, ast.ImportFrom):
        (alias,) = (each for each in node.names if (each.asname or each.name) == name)
        source = _module_of(module, node)
        if source is not None and not isinstance(vars(module).get(name), ModuleType):
            return source, alias.name
    if not statements:
        for statement in index.binding.get("*", []):
            star = statement.node
            source = _module_of(module, star) if isinstance(star, ast.ImportFrom) else None
            if source is not None and vars(source).get(name, _index) is vars(module).get(name):
                return source, name
    return None


def _module_of(module: ModuleType, statement: ast.ImportFrom) -> ModuleType | None:
    """The module that a ``from … import`` of a module names; None where it cannot be had."""
    wanted = statement.module or ""
    if statement.level:
        package = module.__package__ or ""
        wanted = importlib.util.resolve_name("." * statement.level + wanted, package)
        return sys.modules.get(wanted)
    return _found(module, wanted)


def _found(module: ModuleType, name: str) -> ModuleType | None:
    """What ``import name`` finds in a module, if that can be imported."""
    try:
        beside = import_beside(module, name)
    except (Exception, SystemExit) as cause:  # an import runs code, which may raise anything
        if isinstance(cause, DfplanError):
            raise
        return None
    return beside if beside is not None else sys.modules.get(name)


def _is_own(module: ModuleType) -> bool:
    """Whether a module's source is looked into: one of the project, or one that is edited in place."""
    if is_of_project(module):
        return True
    file = getattr(module, "__file__", None)
    return not _is_silent(module.__name__) and (
        file is None or not {"site-packages", "dist-packages"} & set(Path(file).parts)
    )


def _is_silent(name: str) -> bool:
    top = name.partition(".")[0]
    return top in sys.stdlib_module_names or top in _SILENT_PACKAGES


@lru_cache(maxsize=512)
def _package(module: str) -> tuple[str, str] | None:
    """The installed package that a module is of, with its version; None for what nothing installed."""
    top = module.partition(".")[0]
    if _is_silent(top):
        return None
    try:
        return top, version(top)
    except PackageNotFoundError:
        names = packages_distributions().get(top)
    return None if not names else (names[0], version(names[0]))


class _Walk:
    """Follows names from statement to statement."""

    def __init__(self) -> None:
        self.forms: dict[tuple[str, str], object] = {}
        self.packages: dict[str, str] = {}
        self.notices: set[str] = set()

    def take(self, module: ModuleType, name: str) -> None:
        """Takes in what a name of a module means, and all that this uses."""
        waiting = [(module, name)]
        while waiting:
            module, name = _origin(*waiting.pop())
            place = shown_name(module), name
            if place in self.forms:
                continue
            if not _is_own(module):
                self._foreign(module.__name__)
                continue
            self.forms[place] = None
            self.forms[place], more = self._form(module, name)
            waiting += more

    def _form(self, module: ModuleType, name: str) -> tuple[object, list[tuple[ModuleType, str]]]:
        """The form of what a name of a module means, and the names that this reads."""
        value = vars(module).get(name)
        if isinstance(value, ModuleType):
            return self._whole(value)
        index = _index(module)
        if name == "*" or index is None:
            return self._whole(module)
        state: object = None
        if not _has_source(value):
            try:
                state, complete = stable_value(value, project_folder(module))
            except NoStableFormError:
                self.notices.add(
                    f"{shown_name(module)}.{name} is a {_type_name(value)}, whose content is not "
                    "looked into: only a change of its module is seen"
                )
                state, complete = _sha256(index.text), False
            if complete:
                return ["value", state], []
        statements = [*index.binding.get(name, []), *index.changing.get(name, [])]
        if name not in index.binding:
            self.notices.add(
                f"{shown_name(module)}.{name} is bound in a way that the module's text does not show: "
                "any change of its module is taken for one of the function"
            )
            form, more = self._whole(module)
            return ["bound", form, state], more
        form, more = self._statements(module, statements)
        return ["statements", form, state], more

    def _whole(self, module: ModuleType) -> tuple[object, list[tuple[ModuleType, str]]]:
        """The form of all of a module."""
        if not _is_own(module):
            self._foreign(module.__name__)
            return ["module", module.__name__], []
        index = _index(module)
        if index is None:
            if getattr(module, "__path__", None) is not None and module.__file__ is None:
                return ["folder"], []
            self.notices.add(
                f"{shown_name(module)} has no source in Python: only a change of its file is seen"
            )
            return ["file", _file_sha256(module)], []
        return self._statements(module, index.all)

    def _statements(
        self, module: ModuleType, statements: list[_Statement]
    ) -> tuple[object, list[tuple[ModuleType, str]]]:
        found: list[tuple[ModuleType, str]] = []
        statements = list(dict.fromkeys(statements))
        forms: list[object] = [each.form for each in statements]
        for statement in statements:
            for opaque in sorted((statement.names & _OPAQUE_CALLS) - vars(module).keys()):
                self.notices.add(
                    f"{shown_name(module)} calls {opaque}(): any change of its module is taken for one of "
                    "the function"
                )
                forms.append(_sha256(source_of(module) or ""))
            for name in sorted((statement.names & vars(module).keys()) - _OF_EVERY_MODULE):
                value = vars(module)[name]
                if isinstance(value, ModuleType):
                    for path in statement.attributes.get(name, [()]):
                        found.append(self._attribute(value, path))
                else:
                    found.append((module, name))
            found += self._imports(module, statement.node)
        return forms, found

    def _attribute(self, module: ModuleType, path: tuple[str, ...]) -> tuple[ModuleType, str]:
        """The module and name that ``module.a.b`` reads, the name ``*`` for a module as a whole."""
        for attribute in path:
            value = vars(module).get(attribute)
            if not isinstance(value, ModuleType):
                return module, attribute
            module = value
        return module, "*"

    def _imports(self, module: ModuleType, statement: ast.stmt) -> Iterator[tuple[ModuleType, str]]:
        """What a statement imports as it runs."""
        for node in ast.walk(statement):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield from self._imported(alias.name, _found(module, alias.name), "*")
            elif isinstance(node, ast.ImportFrom):
                source = _module_of(module, node)
                for alias in node.names:
                    below = None if source is None else vars(source).get(alias.name)
                    if isinstance(below, ModuleType):
                        yield below, "*"
                    else:
                        yield from self._imported(node.module or "", source, alias.name)

    def _imported(self, wanted: str, found: ModuleType | None, name: str) -> Iterator[tuple[ModuleType, str]]:
        if found is not None:
            yield found, name
        elif wanted and not _is_silent(wanted):
            self._foreign(wanted)

    def _foreign(self, module: str) -> None:
        package = _package(module)
        if package is not None:
            self.packages[package[0]] = package[1]


class _Signatures(ast.NodeTransformer):
    """Takes out of statements what DataFusion is told of a function: names of types are no package's code."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self.taken: list[ast.expr] = []

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._decorated(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._decorated(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if self._registers(node) and node.args:
            self.taken += [*node.args[1:], *(each.value for each in node.keywords)]
            node.args, node.keywords = node.args[:1], []
        return node

    def _decorated(self, node: ast.FunctionDef | ast.ClassDef) -> ast.AST:
        signatures = [each for each in node.decorator_list if self._registers(each)]
        node.decorator_list = [each for each in node.decorator_list if each not in signatures]
        self.taken += signatures
        return self.generic_visit(node)

    def _registers(self, node: ast.expr) -> bool:
        """Whether a call is one of ``udf``, ``udaf`` and ``udwf`` of DataFusion."""
        if not isinstance(node, ast.Call):
            return False
        path: list[str] = []
        callee = node.func
        while isinstance(callee, ast.Attribute):
            path.insert(0, callee.attr)
            callee = callee.value
        if not isinstance(callee, ast.Name) or callee.id not in vars(self._module):
            return False
        value = vars(self._module)[callee.id]
        for attribute in path:
            value = getattr(value, attribute, None)
        of = getattr(value, "__module__", None) or ""
        return of.startswith("datafusion.") and getattr(value, "__name__", "") in _REGISTERING


def _has_source(value: object) -> bool:
    """Whether a value is what its statement makes it, with no state of its own: a function, a class."""
    return isinstance(value, (types.FunctionType, type))


def _type_name(value: object) -> str:
    kind = type(value)
    return f"{shown_name(kind.__module__)}.{kind.__qualname__}"


def _file_sha256(module: ModuleType) -> str:
    if module.__file__ is None:
        return ""
    with open(module.__file__, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
