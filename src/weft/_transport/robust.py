"""Locks and waits in memory that processes share, which no death can leave locked.

A lock is the C library's robust mutex: when its holder dies the kernel unlocks it, and the next holder is told. To wait
is the kernel's futex: on a number in that memory, until it changes or somebody wakes.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from time import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

SIZE: Final = 64  # bytes that a lock gets; none of the C libraries wants more
SPELL: Final = (
    0.5  # seconds: nobody waits longer without looking whether there is a signal, or whom he waits for is dead
)

_SHARED, _ROBUST, _ERRORCHECK = 1, 1, 2
_EBUSY, _EDEADLK, _ETIMEDOUT, _EOWNERDEAD = 16, 35, 110, 130
_WAIT, _WAKE, _ALL = 0, 1, 2**31 - 1

# The number of the system call futex, which the C library has no function for.
_FUTEX: Final = {"x86_64": 202, "aarch64": 98, "riscv64": 98, "loongarch64": 98, "ppc64le": 221, "s390x": 238}


class Reentered(RuntimeError):
    """A thread wants a lock that it holds: a signal handler, or a finalizer, came in between.

    Args:
        lock: The lock.
    """

    def __init__(self, lock: Any) -> None:
        super().__init__("this was called from a signal handler or a finalizer in the middle of such a call")
        self.lock = lock


@cache
def possible() -> bool:
    """Whether this machine has all that it takes."""
    if not sys.platform.startswith("linux") or os.uname().machine not in _FUTEX or sys.maxsize < 2**32:
        return False
    import ctypes

    return hasattr(ctypes.CDLL(None), "pthread_mutexattr_setrobust")


class Locks:
    """The functions of locks and waits, which take addresses. One for a process: :func:`locks`.

    Attributes:
        trylock: Take a lock; not 0 if that did not go by itself: then call :meth:`struggle`. Keeps the GIL.
        unlock: Give it back; if the thread does not hold it, nothing happens. Keeps the GIL.
        processor: The number of the processor that the calling thread is on; -1 where that can't be told.
        nowhere: The address of a lock that is nobody's, in place of those that are gone.
    """

    def __init__(self) -> None:
        import ctypes

        free, held = ctypes.CDLL(None), ctypes.PyDLL(None)  # without the GIL, and with it
        self.trylock: Callable[[Any], int] = held.pthread_mutex_trylock
        self.unlock: Callable[[Any], object] = held.pthread_mutex_unlock
        held.pthread_mutex_unlock.restype = None
        self.processor: Callable[[], int] = getattr(held, "sched_getcpu", lambda: -1)
        self._consistent = held.pthread_mutex_consistent
        self._timedlock = free.pthread_mutex_timedlock
        self._syscall, self._number = free.syscall, _FUTEX[os.uname().machine]
        self._init, self._library = held.pthread_mutex_init, held
        self._ctypes = ctypes

        class Timespec(ctypes.Structure):
            _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))

        self._timespec = Timespec
        self.nowhere = self.pointer(ctypes.create_string_buffer(SIZE), 0)

    def pointer(self, memory: Any, offset: int) -> Any:
        """The address of what lies *offset* bytes behind the first byte of a *memory*, which it keeps.

        As what ctypes makes of an address when it passes it on: anything else it would have to make that of, each time.
        """
        return self._ctypes.byref(memory, offset)

    def make(self, lock: Any) -> None:
        """Make a lock of the memory there."""
        attributes = self._ctypes.create_string_buffer(SIZE)
        self._library.pthread_mutexattr_init(attributes)
        self._library.pthread_mutexattr_setpshared(attributes, _SHARED)
        self._library.pthread_mutexattr_setrobust(attributes, _ROBUST)
        self._library.pthread_mutexattr_settype(attributes, _ERRORCHECK)
        status = self._init(lock, attributes)
        if status:
            raise OSError(status, os.strerror(status))

    def struggle(self, lock: Any, status: int) -> bool:
        """Take a lock that ``trylock`` did not get, which returned *status*; whether its last holder died with it.

        Raises:
            Reentered: This thread has it already.
        """
        while status != _EOWNERDEAD:
            if not status:
                return False
            if status == _EDEADLK:
                raise Reentered(lock)
            if status not in {_EBUSY, _ETIMEDOUT}:
                raise OSError(status, os.strerror(status))
            ending = time() + SPELL
            until = self._timespec(int(ending), int(ending % 1 * 1e9))
            status = self._timedlock(lock, self._ctypes.byref(until))
        self._consistent(lock)
        return True

    def wait(self, number: Any, value: int, timeout: float) -> None:
        """Wait until somebody wakes those who wait on the 32-bit *number*, unless it is not *value*; or *timeout* s."""
        span = self._timespec(int(timeout), int(timeout % 1 * 1e9))
        expected = self._ctypes.c_uint(value & 0xFFFFFFFF)
        self._syscall(self._number, number, _WAIT, expected, self._ctypes.byref(span), None, 0)

    def wake(self, number: Any, count: int = _ALL) -> None:
        """Wake *count* of those who wait on the *number*."""
        self._syscall(self._number, number, _WAKE, count, None, None, 0)


@cache
def locks() -> Locks:
    """The process's."""
    return Locks()
