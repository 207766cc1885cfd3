"""Locks that Ctrl-C never leaves behind: in their blocks it comes at the end, and where a condition waits at once.

Python has it raise an exception after any call that the main thread makes. If that is the taking of a lock, just before
the block that it is taken for, nobody lets go of it, and all others wait for ever:
https://github.com/python/cpython/issues/74174. A condition's block has always begun with such a call. A lock's
does from Python 3.14 on, where one Ctrl-C in two found a loop of ``with lock: f()`` just there.
"""

from __future__ import annotations

import sys
import threading
from _thread import get_ident

from .interruption import interruptible, uninterrupted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def _enter(lock: Any) -> bool:
    """Take the *lock* for a block, and have the block uninterrupted."""
    if get_ident() == uninterrupted.main:
        uninterrupted.__enter__()
    return lock.acquire()  # type: ignore[no-any-return]


def _exit(lock: Any, *_: object) -> None:
    try:
        lock.release()
    finally:
        if uninterrupted.blocks:
            uninterrupted.__exit__()


class Condition(threading.Condition):
    """As the standard library's."""

    __enter__, __exit__ = _enter, _exit

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


class _Holding:
    """A lock whose blocks are uninterrupted.

    Args:
        lock: It does the work.
    """

    __enter__, __exit__ = _enter, _exit

    def __init__(self, lock: Any) -> None:
        self.acquire, self.release = lock.acquire, lock.release
        self.locked = getattr(lock, "locked", None)  # of one to be taken twice, from 3.14 on
        self._at_fork_reinit = lock._at_fork_reinit  # noqa: SLF001  as the standard library's own locks are made free


class _Lock(_Holding):
    """As the standard library's."""

    def __init__(self) -> None:
        super().__init__(threading.Lock())


class _RLock(_Holding):
    """As the standard library's."""

    def __init__(self) -> None:
        super().__init__(threading.RLock())


if TYPE_CHECKING or sys.version_info < (3, 14):
    from threading import Lock as Lock  # noqa: PLC0414  they are for others
    from threading import RLock as RLock  # noqa: PLC0414
else:
    Lock, RLock = _Lock, _RLock
