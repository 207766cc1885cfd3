"""Waiting for a word in shared memory to change: the kernel's futex, which leaves nothing behind whoever dies."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
from functools import cache
from typing import Any, Final

_WAIT: Final = 0
_WAKE: Final = 1
ALL: Final = 2**31 - 1

# What the call is called by the machine; others than these have the number that all newer ones share.
_NUMBERS: Final = {"x86_64": 202, "i386": 240, "i686": 240, "armv7l": 240, "ppc64le": 221, "ppc64": 221, "s390x": 238}
_NEWER: Final = 98


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


@cache
def _call() -> tuple[Any, int]:
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.syscall, _NUMBERS.get(platform.machine(), _NEWER)


def futex_wait(address: int, value: int, timeout: float | None = None) -> None:
    """Sleep as long as the 32 bits at *address* are *value*, nobody wakes, no signal comes and time is left.

    May return for no reason; look again.
    """
    syscall, number = _call()
    span = None
    if timeout is not None:
        seconds = int(timeout)
        span = ctypes.byref(_Timespec(seconds, int((timeout - seconds) * 1e9)))
    if syscall(ctypes.c_long(number), ctypes.c_void_p(address), _WAIT, ctypes.c_uint(value), span, None, 0) < 0:
        error = ctypes.get_errno()
        if error not in {errno.EAGAIN, errno.EINTR, errno.ETIMEDOUT}:
            raise OSError(error, os.strerror(error))


def futex_wake(address: int, count: int = ALL) -> None:
    """Wake up to *count* of those that sleep there."""
    syscall, number = _call()
    syscall(ctypes.c_long(number), ctypes.c_void_p(address), _WAKE, ctypes.c_uint(count), None, None, 0)
