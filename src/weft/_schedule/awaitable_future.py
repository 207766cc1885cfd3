"""Futures of the standard library's that can be awaited, and dropped when they have begun."""

from __future__ import annotations

import threading
from _thread import get_ident
from collections.abc import Generator
from concurrent.futures import Future
from typing import Any

from .._model.interruption import interruptible, uninterrupted


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


class SleptOnFuture(AwaitableFuture):
    """One whose result is waited for while somebody else sees to it; Ctrl-C ends the wait and leaves it as it was."""

    def __init__(self) -> None:
        super().__init__()
        self._condition.__class__ = _Condition  # another would take as long to make as all the rest

    def result(self, timeout: float | None = None) -> Any:
        """What the call came to; see :meth:`concurrent.futures.Future.result`."""
        if self._state == "FINISHED" and self._exception is None:
            return self._result
        return super().result(timeout)


# https://github.com/python/cpython/issues/74174: Ctrl-C between the taking of a lock and the block that it is taken for
# leaves it locked, and then whoever is to settle the future waits for ever.
class _Condition(threading.Condition):
    """One whose lock is never left behind: in its blocks Ctrl-C comes while it waits, and else at their end."""

    def __enter__(self) -> bool:
        if get_ident() == uninterrupted.main:
            uninterrupted.__enter__()
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        try:
            self.release()
        finally:
            if uninterrupted.blocks:
                uninterrupted.__exit__()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until somebody notifies, up to *timeout* seconds; whether somebody has."""
        bell = threading.Lock()
        bell.acquire()
        self._waiters.append(bell)  # type: ignore[attr-defined]  # not in typeshed, nor what follows
        lock, heard = self._release_save(), False  # type: ignore[attr-defined]
        try:
            with interruptible:
                heard = bell.acquire(timeout=-1 if timeout is None else max(0, timeout))
        finally:
            self._acquire_restore(lock)  # type: ignore[attr-defined]
            if not heard and bell in self._waiters:  # type: ignore[attr-defined]
                self._waiters.remove(bell)  # type: ignore[attr-defined]
        return heard
