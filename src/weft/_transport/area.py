"""A piece of memory without a name, shared by two processes: made, mapped, read and written.

It begins with a table of one byte for each block, which :mod:`.arena` and :mod:`.leases` keep, and a place for one
small message (:mod:`.tray`); the blocks follow.
"""

from __future__ import annotations

import mmap
import os
import sys
from contextlib import suppress
from errno import ENOMEM
from functools import cache

from ..errors import check_limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

GRAIN: Final = max(mmap.PAGESIZE, 4096)  # bytes; blocks begin and end at multiples of it
TABLE: Final = max(GRAIN, 16 * 1024)  # bytes: as many blocks of 64 KiB as the largest budget has
TRAY: Final = GRAIN  # bytes, behind it
HEAD: Final = TABLE + TRAY  # bytes before the first block
ROOM: Final = 2  # addresses for each byte of budget: what is not touched costs nothing, and holes need not fit

# All arenas of as many workers as there are processors, both ways, may together take half of the memory.
MOST: Final = 2**30  # bytes of budget
LEAST: Final = 64 * 2**20  # bytes of budget
SHARE: Final = 4

POSSIBLE: Final = hasattr(os, "memfd_create") and hasattr(mmap, "MADV_REMOVE")


def size_class(nbytes: int) -> int:
    """The size of the blocks that *nbytes* go into: four sizes for each power of two, a quarter wasted at most."""
    step = max(GRAIN, 1 << max(0, (nbytes - 1).bit_length() - 3))
    return -(-nbytes // step) * step


def area_size(budget: int) -> int:
    """The addresses of an area of which *budget* bytes may be in use."""
    return HEAD + ROOM * budget


class Area:
    """An area that this process has open.

    Args:
        fd: Its descriptor, owned from now on.
        base: Where it begins, if it is a part of what the descriptor is of.
        size: How many bytes it is long; by default all there is.
        reads: Whether this process reads it: then the mapping has a descriptor of its own, for its forked copies.

    Attributes:
        memory: It, mapped; ``None`` where there were no addresses for it.
    """

    def __init__(self, fd: int, base: int = 0, size: int | None = None, *, reads: bool = False) -> None:
        self.fd, self.base = fd, base
        self._size = os.fstat(fd).st_size if size is None else size
        self.memory = mapped(fd, base, self._size, tracked=reads)
        self._inode = os.fstat(fd).st_ino

    @property
    def budget(self) -> int:
        """How many bytes of it may be in use."""
        return (self._size - HEAD) // ROOM

    @property
    def descriptors(self) -> set[int]:
        """What this process has open for it: a mapping, too, has a descriptor of its own up to Python 3.12."""
        every = map(int, os.listdir("/proc/self/fd"))  # noqa: PTH208  no pathlib here: a server is light
        return {fd for fd in every if _inode_of(fd) == self._inode}

    def close_fd(self) -> None:
        """Let go of the descriptor: what is mapped stays."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)


def create_area(budget: int | None = None, *, reads: bool = False) -> Area | None:
    """An area of which *budget* bytes may be in use, which this process *reads*; ``None`` where there can be none.

    It takes no memory until it is written to, and none when the last process that has it open or mapped is gone.
    """
    if not POSSIBLE:
        return None
    try:
        fd = os.memfd_create("weft")
    except OSError:
        return None
    try:
        os.ftruncate(fd, area_size(default_budget() if budget is None else budget))
        os.pwrite(fd, bytes(HEAD), 0)  # now, where a lack of memory is an error and not a signal
    except OSError:
        os.close(fd)
        return None
    area = Area(fd, reads=reads)
    if area.memory is None:
        area.close_fd()
        return None
    return area


def _inode_of(fd: int) -> int | None:
    try:
        return os.fstat(fd).st_ino
    except OSError:  # the one that listed them
        return None


_UNTRACKED: Final[dict[str, Any]] = {"trackfd": False} if sys.version_info >= (3, 13) else {}


def mapped(fd: int, base: int, size: int, *, tracked: bool = False) -> mmap.mmap | None:
    """So much of it, from *base* on; ``None`` where there are no addresses for it.

    *tracked*: it has a descriptor of its own.
    """
    try:
        return _map(fd, base, size, tracked=tracked)
    except (OSError, ValueError, MemoryError):
        return None


def map_for(what: str, fd: int, base: int, size: int) -> mmap.mmap:
    """The same for *what* can't be without it.

    Raises:
        MemoryError: There are no addresses for it.
        LimitReached: There is no descriptor for it: up to Python 3.12 each mapping has one of its own.
    """
    try:
        return _map(fd, base, size)
    except (OSError, ValueError, MemoryError) as error:
        if not (isinstance(error, OSError) and error.errno == ENOMEM):
            check_limits(error, what)
        raise MemoryError(f"there are no addresses for {what}") from error


def _map(fd: int, base: int, size: int, *, tracked: bool = False) -> mmap.mmap:
    memory = mmap.mmap(fd, size, offset=base, **({} if tracked else _UNTRACKED))
    with suppress(OSError):
        memory.madvise(mmap.MADV_DONTDUMP)  # a core dump would bring all of it to life
    return memory


def write(fd: int, data: memoryview, offset: int) -> None:
    """Write all of *data*.

    Raises:
        OSError: There is no memory for it.
    """
    while data:
        written = os.pwrite(fd, data, offset)
        data, offset = data[written:], offset + written


def read(fd: int, offset: int, nbytes: int) -> bytearray:
    """A copy of what is there."""
    data = bytearray(nbytes)
    rest = memoryview(data)
    while rest:
        got = os.preadv(fd, [rest], offset)
        rest, offset = rest[got:], offset + got
    return data


@cache
def default_budget() -> int:
    """Bytes that one arena may use, by the memory that this process may."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError), open("/sys/fs/cgroup/memory.max") as file:  # noqa: PTH123
        memory = min(memory, int(file.read()))  # if there is such a file, and a limit in it
    return max(LEAST, min(MOST, memory // (SHARE * (os.cpu_count() or 1)))) // GRAIN * GRAIN
