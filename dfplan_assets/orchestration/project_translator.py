"""The translator that ``dfplan.yaml`` names, for all that has no other: commands, ``dagster dev``, sensors."""

from __future__ import annotations

import importlib
import sys
from threading import Lock

from dfplan_assets.errors import ProjectError
from dfplan_assets.orchestration.translator import DfplanTranslator
from dfplan_assets.project.model import Project

_importing = Lock()


def translator_of(project: Project) -> DfplanTranslator:
    """The translator that the project names with ``translator: module:name``, else one of the package's own.

    The name is that of a subclass of DfplanTranslator, made without arguments, or of a translator. The
    module may lie in the project's folder. Raises ProjectError where there is none.
    """
    if project.translator is None:
        return DfplanTranslator()
    where = f"{project.root / 'dfplan.yaml'}: translator"
    module_name, _, name = project.translator.partition(":")
    beside = str(project.root)
    with _importing:  # the path of imports is one for all threads
        sys.path.insert(0, beside)
        try:
            module = importlib.import_module(module_name)
        except Exception as error:  # an import runs the user's code, which may raise anything
            raise ProjectError(
                where,
                f"the module {module_name} cannot be imported: {type(error).__name__}: {error}",
                f"Correct translator:, or the module; it may lie in {project.root}.",
            ) from error
        finally:
            sys.path.remove(beside)
    found = getattr(module, name, None)
    if isinstance(found, DfplanTranslator):
        return found
    if isinstance(found, type) and issubclass(found, DfplanTranslator):
        return found()
    raise ProjectError(
        where,
        f"the module {module_name} has no translator {name}",
        f"Let {name} be a subclass of dfplan_assets.DfplanTranslator, or an object of one.",
    )
