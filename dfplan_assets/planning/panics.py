"""What DataFusion raises: errors, and panics, which are no ``Exception``."""

from __future__ import annotations


def raise_unless_datafusion(cause: BaseException) -> None:
    """Raises again what did not come from DataFusion: an interrupt, an exit.

    To be called first where ``except BaseException`` is needed, since a panic in Rust arrives as
    ``pyo3_runtime.PanicException``, a BaseException that cannot be imported by name.
    """
    if not isinstance(cause, Exception) and type(cause).__name__ != "PanicException":
        raise cause
