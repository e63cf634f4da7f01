"""The translator that ``dfplan.yaml`` names, for all that is given no other."""

from __future__ import annotations

import dataclasses

from dfplan_assets.errors import ProjectError
from dfplan_assets.orchestration.translator import DfplanTranslator
from dfplan_assets.planning.extensions import load_extensions
from dfplan_assets.project.model import Project


def translator_of(project: Project) -> DfplanTranslator:
    """The translator that the project names with ``translator: module:name``, else one of the package's own.

    The name is that of a subclass of DfplanTranslator, made without arguments, or of a translator. The
    module is looked for as those under ``extends:`` are. Raises ProjectError where there is none.
    """
    if project.translator is None:
        return DfplanTranslator()
    where = f"{project.root / 'dfplan.yaml'}: translator"
    module_name, _, name = project.translator.partition(":")
    try:
        (module,) = load_extensions(dataclasses.replace(project, extends=(module_name,)))
    except ProjectError as error:
        raise ProjectError(where, error.cause, error.next_step) from error
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
