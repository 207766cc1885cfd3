"""POSIX semaphores in memory that is shared already, driven by the C code of multiprocessing's own.

Theirs have a name in /dev/shm, which a process that is killed leaves there; these have none. Their methods are C
functions: a robust mutex of pthread's, by way of ctypes, costs several times as much (bench/shared_data.py).
"""

from __future__ import annotations

import ctypes
import os
from _multiprocessing import SemLock
from functools import cache
from typing import Any, Final

from .._transport.segment import Segment

SIZE: Final = 32  # bytes; no system's has more
MOST: Final = 2**31 - 1  # as sem_post has it

RECURSIVE: Final = 0  # what the thread that has it may have again, and nobody else release
PLAIN: Final = 1


def make_semaphore(address: int, value: int) -> None:
    """Make the memory at *address* one that all processes can use."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.sem_init(ctypes.c_void_p(address), 1, ctypes.c_uint(value)):
        raise OSError(ctypes.get_errno(), "sem_init")


class Semaphore(SemLock):  # type: ignore[misc]  # in C, and declared nowhere
    """One that keeps the memory in which it lies, as its methods keep it."""

    __slots__ = ("_memory",)
    _memory: Segment

    @property
    def empty(self) -> bool:
        """Whether there is none left."""
        return bool(self._is_zero())


def semaphore_at(memory: Segment, at: int, most: int = 1, kind: int = PLAIN) -> Semaphore:
    """The one that is there."""
    made: Any = Semaphore._rebuild(memory.address + at, kind, most, None)  # noqa: SLF001  multiprocessing calls it so
    made._memory = memory  # noqa: SLF001  it is made so
    if not _closes_only_its_own():
        _FOR_GOOD.append(made)
    return made  # type: ignore[no-any-return]


_FOR_GOOD: Final[list[Any]] = []


# Its end is a call of sem_close. For one that was not opened by name that is an error with glibc, which nobody looks
# at; with musl it is undefined, so there it never ends.
@cache
def _closes_only_its_own() -> bool:
    try:
        return bool(os.confstr("CS_GNU_LIBC_VERSION"))
    except (ValueError, OSError):
        return False
