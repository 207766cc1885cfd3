"""What a worker process writes and anybody may read at any time: the item it is in, since when, and what it has done.

It costs no message, and it outlives the worker: what somebody died with, and where, is read from it afterwards.
"""

from __future__ import annotations

import _signal as signal  # the standard library's makes enums of it, which takes 3 ms
import mmap
import os
import struct
import sys
from collections import namedtuple
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

# The figures; a drawer, for frames that have not been sent; then the text of one stack dump, as faulthandler writes it,
# to the descriptor of the file: at the end, for nobody says how long it is.
FIGURES: Final = struct.Struct("QQQd")
DRAWER: Final = 64  # where it says how often it was emptied, and how much is in it, in one word
DRAWN: Final = DRAWER + 8  # and where that begins
FILLING: Final = struct.Struct("Q")
EMPTIED: Final = 2**32  # what that word has of the first for each of the second
STACK: Final = 64 * 1024
SIZE: Final = STACK + 16 * 1024

# A mapping needs no descriptor of its own, where it can do without.
UNTRACKED: Final[dict[str, Any]] = {"trackfd": False} if sys.version_info >= (3, 13) else {}

# The span of a worker that is unpickling a chunk: any of its items may be to blame.
WHOLE: Final = 2**32

# Asks a worker for its stack: a signal that hardly anybody's functions use.
DUMP_SIGNAL: Final = getattr(signal, "SIGRTMAX", signal.SIGUSR2) - (3 if hasattr(signal, "SIGRTMAX") else 0)


class Standing(namedtuple("Standing", ("chunk", "first", "span", "began"))):  # noqa: PYI024  typing takes 2 ms
    """Where a worker stands.

    Attributes:
        chunk: The number of the chunk that it is in, 0 for none.
        first: The index of the first item that it may be in.
        span: How many items it may be in: more than one where they are too short to be told apart.
        began: When it began, by the monotonic clock.
    """

    __slots__ = ()


class StatusPage:
    """The page of one worker, as its parent holds it: made before the worker is born, read at any time."""

    def __init__(self) -> None:
        self.fd = _unnamed_file()

    def read(self) -> Standing:
        """Where the worker stands, or stood when it died."""
        standing = FIGURES.unpack(os.pread(self.fd, FIGURES.size, 0))
        while (again := FIGURES.unpack(os.pread(self.fd, FIGURES.size, 0))) != standing:  # it was just writing
            standing = again
        return Standing(*standing)

    @property
    def drawer(self) -> bytes:
        """What the worker has put in its drawer, and not taken out; nothing if it is just taking it out."""
        times, length = divmod(self._filling(), EMPTIED)
        content = os.pread(self.fd, length, DRAWN) if length else b""
        return content if self._filling() // EMPTIED == times else b""

    def _filling(self) -> int:
        [filling] = FILLING.unpack(os.pread(self.fd, FILLING.size, DRAWER))
        return int(filling)

    @property
    def stack(self) -> str:
        """The stack dump that the worker has left; empty if it has not."""
        return os.pread(self.fd, SIZE - STACK, STACK).rstrip(b"\0").decode(errors="replace").strip()

    def close(self) -> None:
        """Let go of it; once."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)


class StatusPen:
    """The same page, as its worker writes it.

    Args:
        fd: The file that was inherited.
    """

    def __init__(self, fd: int) -> None:
        self._page = page = memoryview(mmap.mmap(fd, STACK, **UNTRACKED))
        self._whole, self._real = page.cast("Q"), page.cast("d")
        self._emptied = self._filled = 0  # of the drawer

    def part(self) -> None:
        """This is a forked copy of the worker: what it writes is not the worker's."""
        self._page = page = memoryview(bytearray(self._page))
        self._whole, self._real = page.cast("Q"), page.cast("d")

    def enter(self, chunk: int, first: int, span: int) -> None:
        """Begin with *span* items of *chunk*, from the index *first* on."""
        whole = self._whole
        whole[0], whole[1], whole[2] = chunk, first, span
        self._real[3] = monotonic()

    def put_away(self, data: bytes) -> bool:
        """Put *data* behind what is in the drawer, whole or not at all; whether there is room."""
        begin = DRAWN + self._filled
        end = begin + len(data)
        if end > STACK:
            return False
        self._page[begin:end] = data
        self._filled += len(data)
        self._say_filled()  # it is in there from now on
        return True

    def clear_drawer(self) -> None:
        """What was in the drawer has been sent."""
        self._emptied, self._filled = (self._emptied + 1) % EMPTIED, 0
        self._say_filled()

    def _say_filled(self) -> None:
        self._whole[DRAWER // FILLING.size] = self._emptied * EMPTIED + self._filled  # one store


def _unnamed_file() -> int:
    """A file without a name, so that no death can leave it behind, with room for the page."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("weft-status", os.MFD_CLOEXEC)
    else:
        import tempfile

        fd, path = tempfile.mkstemp(prefix="weft-status-")
        os.unlink(path)  # noqa: PTH108
    try:
        os.truncate(fd, SIZE)
        os.lseek(fd, STACK, os.SEEK_SET)  # where faulthandler begins to write
    except OSError:
        os.close(fd)
        raise
    return fd
