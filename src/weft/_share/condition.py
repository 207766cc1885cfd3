"""weft.Condition: wait until something is the case that a lock protects."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

from .lock import Lock, RLock
from .sleepers import MOST, Waiters

T = TypeVar("T")


class Condition:
    """A condition variable for threads and processes, as ``threading.Condition`` and ``multiprocessing.Condition``.

    Args:
        lock: A :class:`weft.Lock` or :class:`weft.RLock`; by default an ``RLock`` of its own.

    It is an ordinary argument for workers of every kind. A process that is killed while it waits is passed over by
    :meth:`notify`; one that is killed with the lock in its hands opens it, see :attr:`weft.Lock.abandoned`.
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

    def __reduce__(self) -> tuple[Any, ...]:
        return _condition, (self._lock, self._waiters)

    def __repr__(self) -> str:
        return f"<weft.Condition({self._lock!r})>"


def _condition(lock: Lock | RLock, waiters: Waiters) -> Condition:
    made = Condition.__new__(Condition)
    made._begin(lock, waiters)  # noqa: SLF001  it is made so
    return made
