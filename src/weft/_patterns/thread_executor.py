"""weft.ThreadExecutor: threads to hold on to."""

from __future__ import annotations

from typing import ClassVar

from .executor import NamedExecutor


class ThreadExecutor(NamedExecutor):
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
