"""Golden plans: the plans of a project as files, committed beside its views and checked against them.

Nothing is imported here, so that reading a golden plan loads no planner. ``check.check`` compares,
``update.update`` and ``update.accept`` write.
"""
