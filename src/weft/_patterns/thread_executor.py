"""weft.ThreadExecutor: threads to hold on to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from .executor import HeldExecutor


class ThreadExecutor(HeldExecutor):
    """A ``concurrent.futures.Executor`` of threads: what ``ThreadPoolExecutor`` is, on weft's workers.

    Args:
        max_workers: How many threads at most; by default the usable processors and 4, up to 32.
        thread_name_prefix: How their names begin.
        initializer: What each thread calls first.
        initargs: With what arguments.

    Calls see the context variables of whoever submitted them. An initializer that raises breaks the executor:
    whatever was submitted fails with :class:`weft.errors.InitializerFailed`.
    """

    _kind: ClassVar[str] = "thread"

    def __init__(
        self,
        max_workers: int | None = None,
        thread_name_prefix: str = "",
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        super().__init__(max_workers, initializer, initargs, prefix=thread_name_prefix)
