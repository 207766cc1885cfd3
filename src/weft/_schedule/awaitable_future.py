"""A future of the standard library's that can be awaited, and dropped when it has begun."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import Future
from typing import Any


class AwaitableFuture(Future[Any]):
    """A future of the standard library's that can be awaited as well."""

    def __await__(self) -> Generator[Any, None, Any]:
        from asyncio import wrap_future

        return wrap_future(self).__await__()

    def drop(self) -> None:
        """It is cancelled though it may have begun: whoever had it in hand has been stopped."""
        with self._condition:
            if self.done():
                return
            self._state = "PENDING"  # as far as the standard library is concerned, only such can be cancelled
        super().cancel()
        self.set_running_or_notify_cancel()
