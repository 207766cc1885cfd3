"""An executor's initializer, called in a worker before anything else; and what is said of one that fails."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..errors import InitializerFailed


def prepare(
    initializer: Callable[..., object], initargs: tuple[Any, ...], worker: str, *, logs: bool = True
) -> InitializerFailed | None:
    """Call the initializer; why the worker is unfit, if it is."""
    try:
        initializer(*initargs)
    except BaseException as error:  # noqa: BLE001  whatever it is, it is the executor's
        return unfit(error, worker, logs=logs)
    return None


def log(error: BaseException) -> None:
    """Say it where the standard library's executors do."""
    import logging

    logging.getLogger("concurrent.futures").critical("Exception in initializer:", exc_info=error)


def unfit(error: BaseException, worker: str, *, logs: bool) -> InitializerFailed:
    """What becomes of all calls, since the *worker* could not be prepared."""
    from ..errors import InitializerFailed

    if logs:
        log(error)
    failed = InitializerFailed(worker, f"{type(error).__name__}: {error}")
    failed.__cause__ = error
    return failed
