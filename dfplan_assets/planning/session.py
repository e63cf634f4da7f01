"""DataFusion sessions: one way to make them, for planning and for execution."""

from __future__ import annotations

from datafusion import RuntimeEnvBuilder, SessionConfig, SessionContext

from dfplan_assets.errors import ProjectError
from dfplan_assets.project.model import Engine


def planning_context(engine: Engine) -> SessionContext:
    """A session to plan views in, with the project's settings and no tables.

    ``information_schema`` is off, so that a view can read the project's own tables alone and SHOW
    means nothing.
    """
    return SessionContext(_config(engine).with_information_schema(False))


def analysis_context(engine: Engine) -> SessionContext:
    """A session that analyses plans, which settles their types, and optimises nothing."""
    return SessionContext(_config(engine).set("datafusion.optimizer.max_passes", "0"))


def execution_context(engine: Engine, runtime: RuntimeEnvBuilder | None) -> SessionContext:
    """A session to run a view in, over the given runtime (memory pool and spill folder)."""
    config = _config(engine).with_information_schema(False)
    return SessionContext(config, runtime) if runtime is not None else SessionContext(config)


def introspection_context(engine: Engine) -> SessionContext:
    """A session whose ``information_schema`` tells what there is; no view is planned in it."""
    return SessionContext(_config(engine).with_information_schema(True))


def _config(engine: Engine) -> SessionConfig:
    # A folder is read whole; by default DataFusion passes over its subfolders without a word.
    config = SessionConfig().set("datafusion.execution.listing_table_ignore_subdirectory", "false")
    if engine.target_partitions is not None:
        config = config.with_target_partitions(engine.target_partitions)
    for key, value in engine.settings.items():
        try:
            config = config.set(key, value)
        except ValueError as cause:
            raise ProjectError(
                "dfplan.yaml: engine.settings",
                f"DataFusion does not take {key} = {value!r}: {str(cause).splitlines()[-1]}",
                "Correct the setting's name or value; DataFusion's configuration page lists them all.",
            ) from cause
    return config
