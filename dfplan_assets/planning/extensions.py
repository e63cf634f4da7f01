"""The Python modules that a project names under ``extends:``, imported for this project alone.

A module is looked for beside ``dfplan.yaml`` first, then in the environment. Those of the project's
folder live below a package of their own (``dfplan_extensions_<hash of the folder>``), so that modules of
two projects with one name are two modules; what they import is looked for in the same way, also when a
function imports as it is called. They are compiled from their text at every load, never from
byte code that an edit in the same second would leave behind.

A folder's modules are imported once in a process, and anew when one of their files was edited: in a
package of the next number, so that whoever holds functions of before keeps them whole.
"""

from __future__ import annotations

import builtins
import hashlib
import importlib
import importlib.util
import itertools
import re
import sys
import threading
import traceback
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from dfplan_assets.errors import ProjectError
from dfplan_assets.project.model import Project

_PREFIX = "dfplan_extensions_"
_PACKAGE = re.compile(_PREFIX + r"[0-9a-f]{12}(?:_\d+)?\.")
_lock = threading.RLock()
_loaded: dict[tuple[Path, tuple[str, ...]], _Folder] = {}
_loading: set[Path] = set()
_numbers: dict[Path, itertools.count[int]] = {}


def load_extensions(project: Project) -> tuple[ModuleType, ...]:
    """The modules under ``extends:``, in that order; an edited one is imported anew.

    Modules of the environment stay as the process has imported them. Raises ProjectError for a module
    that is missing, or that fails to import.
    """
    if not project.extends:
        return ()
    key = (project.root, project.extends)
    with _lock:
        known = _loaded.get(key)
        if known is not None and known.is_current():
            return known.modules
        if project.root in _loading:
            raise _error(
                project,
                f"the modules ({', '.join(project.extends)}) load the very project that they extend",
                "Let modules under extends: define functions and assets, and load the project elsewhere.",
            )
        _loading.add(project.root)
        try:
            folder = _Folder(project.root, next(_numbers.setdefault(project.root, itertools.count())))
            folder.modules = tuple(_import(project, folder, name) for name in project.extends)
        except ProjectError:
            folder.forget()
            raise
        finally:
            _loading.discard(project.root)
        _loaded[key] = folder
        return folder.modules


def shown_name(module: ModuleType | str) -> str:
    """The name by which a project's own code knows a module.

    >>> shown_name("dfplan_extensions_0123456789ab.shop.functions"), shown_name("numpy")
    ('shop.functions', 'numpy')
    """
    name = module if isinstance(module, str) else module.__name__
    return name.partition(".")[2] if name.startswith(_PREFIX) else name


def without_packages(text: str) -> str:
    """A message of Python with the names of modules as the project's own code knows them."""
    return _PACKAGE.sub("", text)


def is_of_project(module: ModuleType) -> bool:
    """Whether a module is one of a project's folder, imported by ``load_extensions``."""
    return module.__name__.startswith(_PREFIX)


def project_folder(module: ModuleType) -> str:
    """The folder of the project that a module is of, with its last slash; nothing for any other module."""
    loader = getattr(module.__spec__, "loader", None)
    return f"{loader.folder.root}/" if isinstance(loader, _Loader) else ""


def source_of(module: ModuleType) -> str | None:
    """The text that a module was compiled from; None where there is none, as for a C extension."""
    loader = None if module.__spec__ is None else module.__spec__.loader
    if isinstance(loader, _Loader):
        return loader.text
    if not isinstance(loader, InspectLoader):
        return None
    try:
        source = loader.get_source(module.__name__)
    except (ImportError, OSError, UnicodeDecodeError, SyntaxError):
        return None
    return source


def import_beside(module: ModuleType, name: str) -> ModuleType | None:
    """What ``import name`` gives in a module of the project's folder, if that is in the folder too.

    Raises what the import raises.
    """
    loader = getattr(module.__spec__, "loader", None)
    if not isinstance(loader, _Loader) or not loader.folder.has(name.partition(".")[0]):
        return None
    return importlib.import_module(f"{loader.folder.package}.{name}")


@dataclass(eq=False)
class _Folder:
    """A project's folder as a package: what was read of it, and what was looked for in vain."""

    root: Path
    number: int
    modules: tuple[ModuleType, ...] = ()
    read: dict[Path, bytes] = field(default_factory=dict)
    looked_for: dict[str, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        importlib.invalidate_caches()  # finders remember folders by a clock that ticks slowly
        self.builtins = {**vars(builtins), "__import__": self._import}
        package = ModuleType(self.package, "The modules of a project's folder.")
        package.__path__ = [str(self.root)]
        package.__spec__ = ModuleSpec(self.package, None, is_package=True)
        sys.modules[self.package] = package
        _finder.folders[self.package] = self
        if _finder not in sys.meta_path:
            sys.meta_path.insert(0, _finder)

    @property
    def package(self) -> str:
        """The package's name, another one for each load."""
        folder = hashlib.sha256(str(self.root).encode("utf-8", "surrogateescape")).hexdigest()[:12]
        return f"{_PREFIX}{folder}" + (f"_{self.number}" if self.number else "")

    def forget(self) -> None:
        """Takes what was imported of the folder out of the process again."""
        for name in [name for name in sys.modules if f"{name}.".startswith(f"{self.package}.")]:
            del sys.modules[name]
        del _finder.folders[self.package]

    def is_current(self) -> bool:
        """Whether importing again would find the same texts in the same places."""
        return all(_content(file) == content for file, content in self.read.items()) and all(
            self._find(name) == found for name, found in self.looked_for.items()
        )

    def has(self, name: str) -> bool:
        """Whether a top-level module of this name is in the folder."""
        if name not in self.looked_for:
            self.looked_for[name] = self._find(name)
        return self.looked_for[name]

    def _find(self, name: str) -> bool:
        place = self.root / name
        if (place / "__init__.py").is_file() or any(
            place.with_name(name + suffix).is_file() for suffix in importlib.machinery.all_suffixes()
        ):
            return True
        # As on Python's path, a folder without __init__.py comes after every real module.
        return place.is_dir() and importlib.util.find_spec(name) is None

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """``__import__`` as modules of the folder have it: the folder comes first."""
        if level or not self.has(name.partition(".")[0]):
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        if fromlist:
            return builtins.__import__(f"{self.package}.{name}", globals, locals, fromlist, 0)
        importlib.import_module(f"{self.package}.{name}")
        return sys.modules[f"{self.package}.{name.partition('.')[0]}"]


class _Loader(SourceFileLoader):
    """Compiles a module of a project's folder from its text and keeps that text."""

    def __init__(self, name: str, path: str, folder: _Folder) -> None:
        super().__init__(name, path)
        self.folder = folder
        self.text = ""

    def get_code(self, fullname: str) -> types.CodeType:
        """The module's code, compiled from what the file holds now."""
        content = self.get_data(self.path)
        self.folder.read[Path(self.path)] = content
        code: types.CodeType = self.source_to_code(content, self.path)
        self.text = importlib.util.decode_source(content)
        return code

    def exec_module(self, module: ModuleType) -> None:
        """Runs the module with the folder's ``__import__``."""
        vars(module)["__builtins__"] = self.folder.builtins
        super().exec_module(module)


class _Finder(MetaPathFinder):
    """Finds the modules of projects' folders, and nothing else."""

    def __init__(self) -> None:
        self.folders: dict[str, _Folder] = {}

    def find_spec(
        self, fullname: str, path: Iterable[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The place of a module below the package of a project's folder."""
        folder = self.folders.get(fullname.partition(".")[0])
        if folder is None or path is None:
            return None
        spec = PathFinder.find_spec(fullname, [*path], target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader) and spec.origin is not None:
            spec.loader = _Loader(fullname, spec.origin, folder)
        return spec


_finder = _Finder()


def _import(project: Project, folder: _Folder, name: str) -> ModuleType:
    full = f"{folder.package}.{name}" if folder.has(name.partition(".")[0]) else name
    try:
        return importlib.import_module(full)
    except ModuleNotFoundError as cause:
        if cause.name is None or not f"{full}.".startswith(f"{cause.name}."):
            raise _failed(project, name, cause) from cause
        raise _error(
            project,
            f"there is no module {name}: neither in {project.root} nor in the environment",
            f"Write {name.replace('.', '/')}.py beside dfplan.yaml, install the package that has it, "
            "or correct the name.",
        ) from cause
    except (Exception, SystemExit) as cause:  # an import runs code, which may raise anything
        raise _failed(project, name, cause) from cause


def _failed(project: Project, name: str, cause: BaseException) -> ProjectError:
    what = f"{type(cause).__name__}: {cause}" if str(cause) else type(cause).__name__
    if isinstance(cause, SyntaxError):
        what = f"{type(cause).__name__}: {cause.msg}"
        file, line = cause.filename, cause.lineno
    else:
        frames = traceback.extract_tb(cause.__traceback__)
        own = [frame for frame in frames if Path(frame.filename).is_relative_to(project.root)]
        last = own[-1] if own else frames[-1]
        file, line = last.filename, last.lineno
    place = f" ({file}, line {line})" if file is not None else ""
    return _error(
        project,
        f"the module {name} cannot be imported: {without_packages(what)}{place}",
        "Correct the module; its own import must succeed before the project's views can be planned.",
    )


def _error(project: Project, cause: str, next_step: str) -> ProjectError:
    return ProjectError(f"{project.root / 'dfplan.yaml'}: extends", cause, next_step)


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError:
        return None
