"""DataFusion sessions: one way to make them, for planning and for execution."""

from __future__ import annotations

from datafusion import RuntimeEnvBuilder, SessionConfig, SessionContext

from dfplan_assets.errors import ProjectError
from dfplan_assets.planning.stable_plan import OTHER_RULES, STABLE_RULES
from dfplan_assets.planning.user_functions import NO_FUNCTIONS, UserFunctions
from dfplan_assets.project.model import Engine


def planning_context(engine: Engine, functions: UserFunctions = NO_FUNCTIONS) -> SessionContext:
    """A session to plan views in, with the project's settings and functions, and no tables.

    ``information_schema`` is off, so that a view can read the project's own tables alone and SHOW
    means nothing.
    """
    ctx = SessionContext(_config(engine).with_information_schema(False))
    functions.register(ctx)
    return ctx


def analysis_context(engine: Engine) -> SessionContext:
    """A session that settles the types of plans, and optimises no further.

    Coercion does most of it; constants are folded as well, since some functions have the type that
    an argument's value asks for: ``round(x, 2)`` of a decimal has two places. Pruning columns is
    what makes projections take up their expressions' new types.
    """
    ctx = SessionContext(_config(engine))
    for rule in (STABLE_RULES | OTHER_RULES) - {"simplify_expressions", "optimize_projections"}:
        ctx.remove_optimizer_rule(rule)
    return ctx


def execution_context(engine: Engine, runtime: RuntimeEnvBuilder | None) -> SessionContext:
    """A session to run a view in, over the given runtime (memory pool and spill folder)."""
    config = _config(engine).with_information_schema(False)
    return SessionContext(config, runtime) if runtime is not None else SessionContext(config)


def introspection_context(engine: Engine, functions: UserFunctions = NO_FUNCTIONS) -> SessionContext:
    """A session whose ``information_schema`` tells what there is; no view is planned in it."""
    ctx = SessionContext(_config(engine).with_information_schema(True))
    functions.register(ctx)
    return ctx


def _config(engine: Engine) -> SessionConfig:
    # A folder is read whole; by default DataFusion passes over its subfolders without a word.
    config = SessionConfig().set("datafusion.execution.listing_table_ignore_subdirectory", "false")
    if engine.target_partitions is not None:
        config = config.with_target_partitions(engine.target_partitions)
    for key, value in engine.settings.items():
        try:
            config = config.set(key, value)
        except ValueError as cause:
            said = str(cause).splitlines()[-1]
            # What DataFusion has no setting for may be a credential; its own settings are none.
            setting = key if "not found" in said else f"{key} = {value!r}"
            raise ProjectError(
                "dfplan.yaml: engine.settings",
                f"DataFusion does not take {setting}: {said}",
                "Correct the setting's name or value; DataFusion's configuration page lists them all.",
            ) from cause
    return config
