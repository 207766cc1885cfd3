"""What a function carries: large buffers written once, sealed, and mapped by every worker that is given them."""

from __future__ import annotations

import mmap
import os
from _pickle import PickleBuffer
from collections.abc import Sequence
from contextlib import suppress

from .area import GRAIN, POSSIBLE, read, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final, TypeAlias

Span: TypeAlias = tuple[int, int, bool]  # offset, bytes, whether it may only be read

SEALS: Final = ("F_SEAL_WRITE", "F_SEAL_SHRINK", "F_SEAL_GROW", "F_SEAL_SEAL")


def in_band(buffers: Sequence[memoryview]) -> list[Any]:
    """The *buffers* to be pickled with the rest: for ways on which no descriptor can be sent."""
    return list(map(PickleBuffer, buffers))


class Bundle:
    """Buffers in memory without a name; empty until it is filled.

    Close it when nobody will be given it any more: who has it keeps it.
    """

    def __init__(self) -> None:
        self._fd = -1

    def __bool__(self) -> bool:
        return self._fd >= 0

    def share(self) -> int:
        """A descriptor of it to be given away; -1 if there is nothing in it."""
        return os.dup(self._fd) if self._fd >= 0 else -1

    def fill(self, buffers: Sequence[memoryview]) -> list[Any]:
        """Where each of *buffers* is now; themselves, to be pickled, where there is no such memory."""
        if not buffers or not POSSIBLE:
            return in_band(buffers)
        spans: list[Span] = []
        end = 0
        try:
            self._fd = os.memfd_create("weft", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            for buffer in buffers:
                write(self._fd, buffer, end)
                spans.append((end, buffer.nbytes, buffer.readonly))
                end = -(-(end + buffer.nbytes) // GRAIN) * GRAIN
            os.ftruncate(self._fd, end)
        except OSError:  # no memory, no descriptors
            self.close()
            return in_band(buffers)
        self._seal()
        return spans

    def close(self) -> None:
        """Let go of it."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _seal(self) -> None:
        import fcntl

        with suppress(OSError, AttributeError):  # it is ours, sealed or not: the seals are for mistakes
            fcntl.fcntl(self._fd, fcntl.F_ADD_SEALS, sum(getattr(fcntl, name) for name in SEALS))


def open_bundle(fd: int, spans: Sequence[Span | bytes | bytearray]) -> list[Any]:
    """The buffers of a bundle, shared with whoever else has it until they are written to; closes *fd*.

    What one process writes into them no other sees: the page is then its own.
    """
    if fd < 0:
        return list(spans)
    try:
        area = _map(fd)
        return [_view(area, fd, *span) if isinstance(span, tuple) else span for span in spans]
    finally:
        os.close(fd)


def _map(fd: int) -> mmap.mmap | None:
    try:
        return mmap.mmap(fd, os.fstat(fd).st_size, flags=mmap.MAP_PRIVATE)
    except (OSError, ValueError, MemoryError):
        return None


def _view(area: mmap.mmap | None, fd: int, offset: int, nbytes: int, readonly: bool) -> memoryview:  # noqa: FBT001
    whole = memoryview(area) if area is not None else None
    view = whole[offset : offset + nbytes] if whole is not None else memoryview(read(fd, offset, nbytes))
    return view.toreadonly() if readonly else view
