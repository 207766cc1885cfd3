"""Whether a process lives: by its number and the moment it was started, for numbers are used again."""

from __future__ import annotations

import os
from functools import cache
from typing import Final, TypeAlias

Identity: TypeAlias = tuple[int, int]  # a process's number, and when it was started, in ticks since the system was

_STATE, _START = 0, 19  # places in /proc/<pid>/stat after the name


@cache
def identity(pid: int) -> Identity:
    """This process's, whose number is *pid*."""
    return pid, int(_stat(pid)[_START])


def is_alive(who: Identity) -> bool:
    """Whether it is; one that has ended is not, even if nobody has noticed."""
    pid, start = who
    if pid == os.getpid():
        return identity(pid) == who
    try:
        fields = _stat(pid)
    except OSError:
        return False
    return fields[_STATE] not in _ENDED and int(fields[_START]) == start


_ENDED: Final = (b"Z", b"X", b"x")


def _stat(pid: int) -> list[bytes]:
    fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, 1024).rpartition(b")")[2].split()
    finally:
        os.close(fd)
