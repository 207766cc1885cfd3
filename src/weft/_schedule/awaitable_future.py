"""Futures of the standard library's that can be awaited, and dropped when they have begun."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import Future, InvalidStateError
from typing import Any, Final

from .._model.locks import Condition

_OPEN: Final = ("PENDING", "RUNNING")  # the states of a future that can be settled


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

    # Both as the standard library has them, but with the bare lock: who runs and settles calls is uninterrupted, or not
    # in the main thread. It is taken twice for each call, and a condition's block costs three times as much.
    def set_running_or_notify_cancel(self) -> bool:
        """Its call begins; whether it is to: see :meth:`concurrent.futures.Future.set_running_or_notify_cancel`."""
        with self._condition._lock:  # type: ignore[attr-defined]  # noqa: SLF001
            if self._state == "PENDING":
                self._state = "RUNNING"
                return True
        return super().set_running_or_notify_cancel()

    def set_result(self, result: Any) -> None:
        """This is what it came to; see :meth:`concurrent.futures.Future.set_result`."""
        condition: Any = self._condition
        with condition._lock:  # noqa: SLF001
            if self._state not in _OPEN:
                raise InvalidStateError(f"{self._state}: {self!r}")
            self._result, self._state = result, "FINISHED"
            for waiter in self._waiters:
                waiter.add_result(self)
            if condition._waiters:  # noqa: SLF001
                condition.notify_all()
        self._invoke_callbacks()  # type: ignore[attr-defined]  # not in typeshed

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
