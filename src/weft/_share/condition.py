"""weft.Condition: wait until something is the case that a lock protects."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any, TypeVar

from .aside import aside
from .lock import Lock, RLock
from .sleepers import MOST, Waiters

T = TypeVar("T")


class Condition:
    """A condition variable for threads, processes and coroutines, as ``threading``'s and ``multiprocessing``'s.

    Args:
        lock: A :class:`weft.Lock` or :class:`weft.RLock`; by default an ``RLock`` of its own.

    Coroutines take it by ``async with``, and wait by :meth:`await_` and :meth:`await_for`. It is an ordinary argument
    for workers of every kind. A process that is killed while it waits is passed over by :meth:`notify`; one that is
    killed with the lock in its hands opens it, see :attr:`weft.Lock.abandoned`.
    """

    def __init__(self, lock: Lock | RLock | None = None) -> None:
        if lock is not None and not isinstance(lock, Lock | RLock):
            raise TypeError(f"lock must be a weft.Lock or a weft.RLock, not a {type(lock).__name__}")
        self._begin(RLock() if lock is None else lock, Waiters.new())

    def _begin(self, lock: Lock | RLock, waiters: Waiters) -> None:
        self._lock, self._waiters = lock, waiters

    def acquire(self, block: bool = True, timeout: float | None = None, *, blocking: bool = True) -> bool:
        """Take the lock; as :meth:`weft.Lock.acquire`."""
        return self._lock.acquire(block, timeout, blocking=blocking)

    def release(self) -> None:
        """Let the lock go."""
        self._lock.release()

    @property
    def abandoned(self) -> bool:
        """The lock's: whether whoever had it before died with it in its hands."""
        return self._lock.abandoned

    def wait(self, timeout: float | None = None) -> bool:
        """Let the lock go, wait until somebody notifies, and take the lock again.

        Returns:
            Whether somebody has; ``False`` if *timeout* seconds were over before.

        Raises:
            RuntimeError: The lock has not been acquired.
        """
        self._must_have("wait on")
        place = self._waiters.enter()
        depth = self._depth()
        for _ in range(depth):
            self._lock.release()
        try:
            self._waiters.sleep(place, timeout)
        finally:
            for _ in range(depth):
                self._lock.acquire()
            notified = self._waiters.leave(place)
        return notified

    def wait_for(self, predicate: Callable[[], T], timeout: float | None = None) -> T:
        """Wait until *predicate*, which is called with the lock, gives something true, and give that back.

        If *timeout* seconds are over before, give back what it gave last.
        """
        ending = None if timeout is None else time.monotonic() + timeout
        while not (found := predicate()):
            left = None if ending is None else ending - time.monotonic()
            if left is not None and left <= 0:
                break
            self.wait(left)
        return found

    async def aacquire(self, timeout: float | None = None) -> bool:
        """Take the lock, for coroutines; others of the same event loop go on meanwhile."""
        return await self._lock.aacquire(timeout)

    async def await_(self, timeout: float | None = None) -> bool:
        """As :meth:`wait`, for coroutines that have taken the lock by ``async with``.

        One that is cancelled while it waits has the lock again when ``CancelledError`` is raised, and what it had been
        told is told to another.
        """
        self._must_have("wait on")
        place = self._waiters.enter()
        depth = self._depth()
        for _ in range(depth):
            self._lock.release()
        went_on = False
        try:
            await aside(partial(self._waiters.sleep, place), timeout=timeout)
            went_on = True
        finally:
            again = await self._take_again(depth)
            notified = self._waiters.leave(place)
            if notified and not (went_on and again is None):
                self._waiters.notify(1)
            if again is not None:
                raise again
        return notified

    async def await_for(self, predicate: Callable[[], T], timeout: float | None = None) -> T:
        """As :meth:`wait_for`, for coroutines that have taken the lock by ``async with``."""
        ending = None if timeout is None else time.monotonic() + timeout
        while not (found := predicate()):
            left = None if ending is None else ending - time.monotonic()
            if left is not None and left <= 0:
                break
            await self.await_(left)
        return found

    def notify(self, n: int = 1) -> None:
        """Wake *n* of those who wait, the longest first.

        Raises:
            RuntimeError: The lock has not been acquired.
        """
        self._must_have("notify on")
        self._waiters.notify(n)

    def notify_all(self) -> None:
        """Wake all who wait."""
        self._must_have("notify on")
        self._waiters.notify(MOST)

    def anybody_dead(self) -> bool:
        """Whether the process of one of those who wait is dead; with the lock."""
        return self._waiters.anybody_dead()

    async def _take_again(self, depth: int) -> BaseException | None:
        """Take the lock so many times, whoever cancels that; the cancellation, if there was one."""
        from asyncio import CancelledError

        cancelled = None
        for _ in range(depth):
            while True:
                try:
                    await self._lock.aacquire()
                    break
                except CancelledError as error:
                    cancelled = error
        return cancelled

    def _must_have(self, what: str) -> None:
        has = self._lock.locked() if isinstance(self._lock, Lock) else self._lock.depth
        if not has:
            raise RuntimeError(f"cannot {what} un-acquired lock")

    def _depth(self) -> int:
        return 1 if isinstance(self._lock, Lock) else self._lock.depth

    def __enter__(self) -> bool:
        return self._lock.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        self._lock.__exit__(kind, error, frames)

    async def __aenter__(self) -> bool:
        return await self._lock.aacquire()

    async def __aexit__(self, *_: object) -> None:
        self._lock.release()

    def __reduce__(self) -> tuple[Any, ...]:
        return _condition, (self._lock, self._waiters)

    def __repr__(self) -> str:
        return f"<weft.Condition({self._lock!r})>"


def _condition(lock: Lock | RLock, waiters: Waiters) -> Condition:
    made = Condition.__new__(Condition)
    made._begin(lock, waiters)  # noqa: SLF001  it is made so
    return made
