"""weft.submit: one call, somewhere else, and a future for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, Future
from typing import Any, ParamSpec, TypeVar, overload

from .._model.asked import Kind
from .._single import DISPATCHERS, kind_of

P = ParamSpec("P")
R = TypeVar("R")


@overload
def submit(
    fn: Callable[..., Awaitable[R]], /, *args: Any, on: Kind | Executor = "auto", **kwargs: Any
) -> Future[R]: ...
@overload
def submit(fn: Callable[..., R], /, *args: Any, on: Kind | Executor = "auto", **kwargs: Any) -> Future[R]: ...
def submit(fn: Callable[..., Any], /, *args: Any, on: Kind | Executor = "auto", **kwargs: Any) -> Future[Any]:
    """Have a worker call ``fn(*args, **kwargs)``; give back a ``concurrent.futures.Future`` for it.

    It begins at once, or as soon as a worker is free; a future that has not begun can be cancelled. When the
    interpreter exits, calls that were submitted are finished first, as with the standard library's executors; if it
    exits because of Ctrl-C, they are ended.

    Args:
        fn: What to call; by value where a process can't import it.
        *args: Its arguments.
        on: Kind of worker, as in :func:`weft.map`, or an executor. ``"auto"``: a coroutine for a coroutine
            function, else a thread: one call can't be measured beforehand, and a thread is always right. Say
            ``on="process"`` for one that computes.
        **kwargs: Its keyword arguments.

    Raises:
        BadOption: There is no such kind of worker.

    For many inputs :func:`weft.map` is the better tool: it sends many items in one message.
    """
    if not callable(fn):
        raise TypeError(f"the first argument must be something to call, not {fn!r}")
    kind = kind_of(fn, on)
    if not isinstance(kind, str):
        return kind.submit(fn, *args, **kwargs)
    return DISPATCHERS.submit(kind, fn, args, kwargs)
