"""A project as a component of Dagster: what ``type: dfplan_assets.DfplanProject`` in a ``defs.yaml`` means.

Every ``dg`` command imports this module, whatever it is about. So it imports nothing but Dagster; the rest
comes when definitions are built.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import dagster as dg
from dagster.components.utils.translation import TranslationFnResolver

from dfplan_assets.errors import ProjectError
from dfplan_assets.orchestration.component_scaffolder import DfplanProjectScaffolder

if TYPE_CHECKING:
    from dfplan_assets.orchestration.translator import DfplanTranslator
    from dfplan_assets.project.model import Project, View

    Translation = Callable[[dg.AssetSpec, View], dg.AssetSpec]
else:
    Translation = Callable


class TranslationSettings(dg.Resolvable, dg.Model):
    """The fields of DfplanTranslatorSettings, as they are written in YAML."""

    asset_key_prefix: Annotated[
        Sequence[str],
        dg.Resolver.default(
            description="Stands before the key of every view and source.", examples=[["shop"]]
        ),
    ] = ()
    top_level_group: Annotated[
        str | None, dg.Resolver.default(description="The group of views that lie in no folder.")
    ] = None
    source_group: Annotated[str, dg.Resolver.default(description="The group of the sources.")] = "sources"
    show_sql: Annotated[
        bool, dg.Resolver.default(description="Whether a view's description ends with its query.")
    ] = True


def _project_folder(context: dg.ResolutionContext, written: str) -> str:
    """The absolute folder of a project, from a path relative to the file that names it."""
    folder = context.resolve_source_relative_path(context.resolve_value(written, as_type=str))
    if not (folder / "dfplan.yaml").is_file():
        missing = "there is no dfplan.yaml in it" if folder.is_dir() else "there is no such folder"
        raise ProjectError(
            f"project: {written}",
            f"it means {folder}, and {missing}",
            "Name the folder of a dfplan project; a relative path begins at the folder of this file.",
        )
    return str(folder)


@dg.scaffold_with(DfplanProjectScaffolder)
class DfplanProject(dg.Component, dg.Resolvable, dg.Model):
    """A dfplan project: a folder with a dfplan.yaml and views in SQL, each of them an asset.

    What the views depend on, in which order they run, when they are stale: all that comes from their query
    plans.
    """

    project: Annotated[
        str,
        dg.Resolver(
            _project_folder,
            model_field_type=str,
            description="The folder with dfplan.yaml; a relative path begins at the folder of this file.",
            examples=[".", "../../../../shop"],
        ),
    ]
    select: Annotated[
        str | None,
        dg.Resolver.default(
            description="Which views, in the syntax of asset selections; all of them without it.",
            examples=["group:marts", "+revenue"],
        ),
    ] = None
    exclude: Annotated[
        str | None,
        dg.Resolver.default(
            description="Which of them not; they stay dependencies of those that read them.",
            examples=["tag:heavy"],
        ),
    ] = None
    translation_settings: TranslationSettings | None = None
    translation: Annotated[
        Translation | None,
        TranslationFnResolver["View"](template_vars_for_translation_fn=lambda view: {"view": view}),
    ] = None
    executor: Annotated[
        bool,
        dg.Resolver.default(
            description="Whether runs of this code location use the executor that orders steps by measured "
            "cost; false where other definitions bring an executor."
        ),
    ] = True

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The definitions of the project. Raises what ``build_definitions`` does."""
        from dfplan_assets.orchestration.building import build_definitions
        from dfplan_assets.project import load_project

        project = load_project(Path(self.project))
        return build_definitions(
            project,
            select=self.select,
            exclude=self.exclude,
            translator=self.translator(project),
            with_executor=self.executor,
        )

    def translator(self, project: Project) -> DfplanTranslator:
        """The project's own translator, with these settings and this translation on top."""
        from dfplan_assets.orchestration.project_translator import translator_of
        from dfplan_assets.orchestration.translation import translated
        from dfplan_assets.orchestration.translator import DfplanTranslatorSettings

        translator = translator_of(project)
        if self.translation_settings is not None:
            translator = copy.copy(translator)
            translator.settings = DfplanTranslatorSettings(**self.translation_settings.model_dump())
        return translator if self.translation is None else translated(translator, project, self.translation)
