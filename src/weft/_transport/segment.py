"""Memory without a name that any process may be handed: it is there as long as somebody has it, and no longer.

See docs/design/shared-data.md.
"""

from __future__ import annotations

import mmap
import os
import sys
from collections.abc import Iterable
from functools import cached_property
from weakref import WeakValueDictionary

from .._model.copies import free_in_copies
from .._model.locks import RLock
from ..errors import check_limits
from .area import POSSIBLE, write
from .bundle import SEALS
from .moorings import MOORINGS
from .passage import board, dismiss, land

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

WHAT: Final = "shared memory"

_UNTRACKED: Final[dict[str, Any]] = {"trackfd": False} if sys.version_info >= (3, 13) else {}


class Segment(mmap.mmap):
    """A piece of memory that processes share, mapped; whatever looks into it keeps it.

    Made by :func:`create_segment`, :func:`fill_segment` or by being unpickled; in one process there is one of each.

    Attributes:
        name: Its own, in all of the world.
        fd: Its descriptor.
        length: Its length in bytes.
        writable: Whether it may be written to.
    """

    name: str
    fd: int
    length: int
    writable: bool

    def __reduce__(self) -> tuple[Any, ...]:
        return open_segment, (self.name, self.length, self.writable, board(self))

    def __del__(self) -> None:
        fd, self.fd = getattr(self, "fd", -1), -1
        if fd >= 0 and not MOORINGS.hold(self.name, fd):
            os.close(fd)

    @cached_property
    def address(self) -> int:
        """Where it begins."""
        return address_of(self)


_OPEN: Final[WeakValueDictionary[str, Segment]] = WeakValueDictionary()
_OPENING = free_in_copies(RLock())  # the garbage collector may end one while another is being opened


def create_segment(size: int) -> Segment:
    """A new one of *size* bytes, all 0, for everybody to write to; it takes memory where it is written to.

    Raises:
        LimitReached: There is no memory or no descriptor for it.
    """
    name, fd = _create()
    try:
        os.ftruncate(fd, size)
        return _map(fd, name, size, writable=True)
    except BaseException as error:
        os.close(fd)
        check_limits(error, WHAT)
        raise


def fill_segment(parts: Iterable[tuple[int, memoryview]], size: int, *, writable: bool) -> Segment:
    """A new one, with each of the *parts* at its offset; if it is not *writable*, nobody can ever write to it.

    Raises:
        LimitReached: There is no memory or no descriptor for it.
    """
    name, fd = _create()
    try:
        os.ftruncate(fd, size)
        for offset, part in parts:
            write(fd, part, offset)  # faster than through a map where all memory is fresh, and a lack is an error
        if not writable:
            import fcntl

            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, sum(getattr(fcntl, seal) for seal in SEALS))
        return _map(fd, name, size, writable=writable)
    except BaseException as error:
        os.close(fd)
        check_limits(error, WHAT)
        raise


def open_segment(name: str, size: int, writable: bool, way: Any) -> Segment:  # noqa: FBT001  it is pickled so
    """The segment that somebody else has, by the *way* that it was sent.

    Raises:
        FileNotFoundError: Nobody has it any more.
        LimitReached: There is no descriptor for it.
    """
    with _OPENING:
        known = _OPEN.get(name)
        if known is not None:
            dismiss(way)
            return known
        fd = land(way, name, writable=writable)
        try:
            return _map(fd, name, size, writable=writable)
        except BaseException as error:
            os.close(fd)
            check_limits(error, WHAT)
            raise


def place_of(address: int, nbytes: int) -> tuple[Segment, int] | None:
    """In which segment of this process some memory lies, and at which offset; ``None`` if it is in none."""
    for segment in list(_OPEN.values()):
        if segment.address <= address and address + nbytes <= segment.address + segment.length:
            return segment, address - segment.address
    return None


def address_of(exporter: object) -> int:
    """Where the memory of something with a buffer begins."""
    import ctypes

    view: Any = (ctypes.c_size_t * 16)()  # a Py_buffer has ten words and ints, the address first
    exporter = ctypes.py_object(exporter)
    ctypes.pythonapi.PyObject_GetBuffer(exporter, ctypes.byref(view), 0)
    try:
        return int(view[0])
    finally:
        ctypes.pythonapi.PyBuffer_Release(ctypes.byref(view))


def _create() -> tuple[str, int]:
    MOORINGS.sweep()
    if not POSSIBLE:
        raise OSError("shared data needs memory without a name (memfd_create), which this system does not have")
    name = f"weft-{os.urandom(8).hex()}"
    try:
        return name, os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    except OSError as error:
        check_limits(error, WHAT)
        raise


def _map(fd: int, name: str, size: int, *, writable: bool) -> Segment:
    access = mmap.PROT_READ | mmap.PROT_WRITE if writable else mmap.PROT_READ
    segment = Segment(fd, size, mmap.MAP_SHARED, access, **_UNTRACKED)
    segment.name, segment.fd, segment.length, segment.writable = name, fd, size, writable
    with _OPENING:
        _OPEN[name] = segment
    return segment
