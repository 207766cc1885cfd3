"""weft.AsyncExecutor: coroutines, for code that is not asynchronous itself."""

from __future__ import annotations

from typing import ClassVar

from .executor import HeldExecutor


class AsyncExecutor(HeldExecutor):
    """A ``concurrent.futures.Executor`` whose calls are coroutines in an event loop of weft's own.

    Args:
        max_workers: How many calls at once, 100 by default.

    ``submit(fetch, url)`` gives a future for what awaiting ``fetch(url)`` gives. A plain function is called in a
    thread beside the loop.
    """

    _kind: ClassVar[str] = "async"

    def __init__(self, max_workers: int | None = None) -> None:
        super().__init__(max_workers, None, ())
