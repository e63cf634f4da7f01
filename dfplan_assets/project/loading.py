"""A project's folder, read as a whole."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from dfplan_assets.errors import ProjectError
from dfplan_assets.project.automation import read_automation, read_drift_sensor, read_schedules
from dfplan_assets.project.document import Document, decode, read_document
from dfplan_assets.project.model import Project
from dfplan_assets.project.parameters import Parameters, read_parameters
from dfplan_assets.project.settings import (
    no_project,
    read_data_version,
    read_engine,
    read_extends,
    read_folders,
    read_golden,
    read_keep_results,
    read_name,
    read_plan_checks,
    read_planning,
    read_scheduling,
    read_store,
    read_translator,
)
from dfplan_assets.project.sources import read_sources
from dfplan_assets.project.views import read_views
from dfplan_assets.project.yaml_language import ColumnTypeLoader

PROJECT_FILE = "dfplan.yaml"
_KEYS = (
    "name",
    "views",
    "output",
    "store",
    "sources",
    "params",
    "engine",
    "planning",
    "extends",
    "keep_results",
    "scheduling",
    "golden",
    "checks",
    "schedules",
    "automation",
    "drift_sensor",
    "data_version",
    "translator",
)


def load_project(directory: str | os.PathLike[str]) -> Project:
    """Reads the project in a folder: its ``dfplan.yaml`` and its views; no source is opened.

    Raises ProjectError, SourceError or ViewError where something cannot be used.
    """
    root = Path(os.path.abspath(directory))
    file = root / PROJECT_FILE
    if not file.is_file():
        raise no_project(root)
    document = Document(file, ProjectError)
    try:
        content = file.read_bytes()
    except OSError as problem:
        raise ProjectError(
            str(file), f"the file cannot be read: {problem.strerror}", "Correct its rights."
        ) from problem
    entries = read_document(document, decode(document, content), ColumnTypeLoader).entries(known=_KEYS)

    params = read_parameters(entries["params"]) if "params" in entries else Parameters({}, frozenset())
    folders = read_folders(root, entries)
    sources = read_sources(entries["sources"], root, folders.output) if "sources" in entries else {}
    settings = Project(
        name=read_name(root, entries.get("name")),
        root=root,
        views={},
        sources=sources,
        output=folders.output,
        keep_results=read_keep_results(entries.get("keep_results")),
        store=read_store(root, entries.get("store")),
        params=params.values,
        secret_params=params.secret,
        engine=read_engine(entries.get("engine")),
        planning=read_planning(entries.get("planning")),
        extends=read_extends(entries.get("extends")),
        scheduling=read_scheduling(entries.get("scheduling")),
        golden=read_golden(root, entries.get("golden")),
        plan_checks=read_plan_checks(entries.get("checks")),
        schedules=read_schedules(entries.get("schedules")),
        automation=read_automation(entries["automation"]) if "automation" in entries else None,
        drift_sensor=read_drift_sensor(entries.get("drift_sensor")),
        data_version=read_data_version(entries["data_version"]) if "data_version" in entries else "inputs",
        translator=read_translator(entries.get("translator")),
    )
    return dataclasses.replace(settings, views=read_views(folders.views, sources, document.where()))
