"""Futures of the standard library's that can be awaited, and dropped when they have begun."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import Future
from typing import Any

from .._model.locks import Condition


class AwaitableFuture(Future[Any]):
    """A future of the standard library's that can be awaited as well; Ctrl-C leaves its lock as it was."""

    def __init__(self) -> None:
        super().__init__()
        self._condition.__class__ = Condition  # another would take as long to make as all the rest

    def result(self, timeout: float | None = None) -> Any:
        """What the call came to; see :meth:`concurrent.futures.Future.result`."""
        if self._state == "FINISHED" and self._exception is None:
            return self._result
        return super().result(timeout)

    def set_running_or_notify_cancel(self) -> bool:
        """Its call begins; whether it is to: see :meth:`concurrent.futures.Future.set_running_or_notify_cancel`."""
        with self._condition._lock:  # type: ignore[attr-defined]  # noqa: SLF001  whoever runs calls is uninterrupted
            if self._state == "PENDING":
                self._state = "RUNNING"
                return True
        return super().set_running_or_notify_cancel()

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
