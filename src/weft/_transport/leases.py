"""Shared memory from one process to another: the side that reads.

What is large is not copied: the reader's objects lie in the block itself, and the block goes back to the writer when
the last of them is gone. See docs/design/arena.md.
"""

from __future__ import annotations

import mmap
import os
import weakref
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from functools import cache

from .._model.copies import at_fork
from .area import HEAD, Area, read, size_class
from .arena import GIVEN_BACK, layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ctypes
    from typing import Any, Final, TypeAlias

# Blocks that are smaller are copied out at once: who keeps a few KiB must not keep a block, of which there are not so
# many. From here on a lease, 2 µs, is cheaper than a copy: a call that returns 70 KiB takes 80 µs there and back and,
# copied, 86; if they are kept 106 and 118; one of 260 KiB 87 and 109, kept 158 and 276 (medians).
LEASABLE: Final = 2**16  # bytes

# Of mmap(2), on Linux, which alone has these areas; the standard library has not the first, and the second since 3.13.
MAP_FIXED: Final = 0x10
MAP_NORESERVE: Final = 0x4000

Parts: TypeAlias = Sequence[tuple[int, bool]]  # of each its bytes, and whether it may only be read


# Areas whose writer is gone stay mapped as long as somebody looks into them, each with a descriptor and addresses of
# its own. Where there are so many, what else arrives is copied.
ENDED: Final = 32


class Forks:
    """How often this process has been forked, or has been born by that.

    From then on two processes see a block, and nobody knows when the other has done with it.

    Attributes:
        count: That. It grows before a fork and after it: what another thread takes in between is in both, too.
        readers: Who may hold something.
        ended: Those who do, and their writer is gone.
    """

    def __init__(self) -> None:
        self.count = 0
        self.readers: weakref.WeakSet[Leases] = weakref.WeakSet()
        self.ended: set[Leases] = set()
        at_fork(before=self._another, after_in_parent=self._another, after_in_child=self._in_copy)

    def _another(self) -> None:
        self.count += 1

    def _in_copy(self) -> None:
        self.count += 1
        for leases in list(self.readers):
            leases.part()


FORKS: Final = Forks()


class Lease(weakref.ref[object]):
    """The right to a block: ends when the holder does, which everything that looks into the block keeps alive."""

    __slots__ = ("forks", "offset", "size", "slot")

    slot: int
    offset: int
    size: int
    forks: int


class Leases:
    """The reading end of an area.

    Args:
        area: The area, owned from now on; if it could not be mapped, everything is copied.
    """

    def __init__(self, area: Area) -> None:
        self._area = area
        self._memory = area.memory
        self._allowance = area.budget // 2  # the writer has the other half to work with
        if area.memory is not None:
            area.close_fd()
        self._pid = os.getpid()
        self._forks = FORKS  # of our own: names of the module may be gone when the last lease ends
        self._live: dict[int, Lease] = {}  # by slot
        self._held = 0  # bytes
        self._ended: deque[int] = deque()  # bytes of leases that have ended, in whatever thread
        self._over = False  # the writer is gone
        self._forks.readers.add(self)

    @property
    def held(self) -> int:
        """How many bytes are not given back."""
        while self._ended:
            self._held -= self._ended.popleft()
        return self._held

    @property
    def descriptors(self) -> set[int]:
        """What this process has open for it."""
        return self._area.descriptors

    def take(self, slot: int, offset: int, parts: Parts) -> list[Any]:
        """What the writer has put into a block: in place if it is large, copied if it is not."""
        places = layout([nbytes for nbytes, _ in parts])
        size = size_class(places[-1])
        if self._memory is not None and size >= LEASABLE and self._has_room(size):
            whole = memoryview(self._lease(self._memory, slot, offset, size)).cast("B")
            views = [whole[at : at + nbytes] for at, (nbytes, _) in zip(places, parts, strict=False)]
            return [view.toreadonly() if readonly else view for view, (_, readonly) in zip(views, parts, strict=True)]
        copies = [self._copy(offset + at, *part) for at, part in zip(places, parts, strict=False)]
        self.give_back(slot)
        return copies

    def give_back(self, slot: int) -> None:
        """Say that the block is not needed."""
        if self._memory is not None:
            self._memory[slot] = GIVEN_BACK
        else:
            os.pwrite(self._area.fd, bytes([GIVEN_BACK]), self._area.base + slot)

    def close(self) -> None:
        """Nothing will be taken any more: only the memory of what is held is kept, and that only as long as it is."""
        self._over = True
        if self._memory is not None and self._pid == os.getpid():
            at = HEAD
            for offset, size in sorted((lease.offset, lease.size) for lease in list(self._live.values())):
                self._punch(at, offset)
                at = offset + size
            self._punch(at, len(self._memory))
        self._area.close_fd()
        self._area.memory = None
        self._forks.ended.add(self)
        for slot, lease in list(self._live.items()):
            if lease() is None:  # it ended after a fork: its block stays as it is, for the copy
                self._live.pop(slot, None)
        if not self._live:
            self._memory = None
            self._forks.ended.discard(self)

    def part(self) -> None:
        """In a forked copy of the process: what is written into what it holds is from now on no other process's.

        As it is with all memory of such a copy; but pages that it has not written to show what its parent writes.
        """
        leases = list(self._live.values())
        if self._memory is not None and leases:
            begin, end = min(lease.offset for lease in leases), max(lease.offset + lease.size for lease in leases)
            with suppress(OSError):  # there is no way to find the descriptor
                for fd in self._area.descriptors:
                    return _make_private(self._memory, fd, self._area.base, begin, end)
        return None

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    def _has_room(self, size: int) -> bool:
        return self.held + size <= self._allowance and len(self._forks.ended) < ENDED

    def _lease(self, memory: mmap.mmap, slot: int, offset: int, size: int) -> ctypes.Array[Any]:
        holder = _hold(memory, offset, size)
        self._live[slot] = lease = Lease(holder, self._end)
        lease.slot, lease.offset, lease.size, lease.forks = slot, offset, size, self._forks.count
        self._held += size
        return holder

    def _copy(self, offset: int, nbytes: int, readonly: bool) -> bytes | bytearray:  # noqa: FBT001
        if self._memory is None:
            data = read(self._area.fd, self._area.base + offset, nbytes)
            return bytes(data) if readonly else data
        if readonly:
            return self._memory[offset : offset + nbytes]
        with memoryview(self._memory) as memory, memory[offset : offset + nbytes] as part:
            return bytearray(part)

    # Runs when the holder is gone, in any thread, at any moment: a few atomic steps, and no lock.
    def _end(self, lease: Any) -> None:
        ours = lease.forks == self._forks.count  # else another process may look at it still, or this one is that other
        if self._over:
            self._live.pop(lease.slot, None)
            if ours:
                self._punch(lease.offset, lease.offset + lease.size)
            if not self._live:
                self._forks.ended.discard(self)
        elif ours and self._memory is not None:
            self._live.pop(lease.slot, None)
            self._memory[lease.slot] = GIVEN_BACK
            self._ended.append(lease.size)

    def _punch(self, begin: int, end: int) -> None:
        if end > begin and self._memory is not None:
            self._memory.madvise(mmap.MADV_REMOVE, begin, end - begin)


# The holder lies on the mapping itself. As a slice of one array over all of it, it would be skipped: NumPy makes the
# base of a view the base's base, the holder would end while a view lives, and the writer would write into that view.
# And the garbage collector must not know it: where it finds a view in a cycle it would end the lease before it calls
# the __del__ of the others there, who may look at the view once more, or keep it.
def _hold(memory: mmap.mmap, offset: int, size: int) -> ctypes.Array[Any]:
    import ctypes

    holder = _array_type(size).from_buffer(memory, offset)
    ctypes.pythonapi.PyObject_GC_UnTrack(ctypes.py_object(holder))
    _mmap()
    return holder


def _make_private(memory: mmap.mmap, fd: int, base: int, begin: int, end: int) -> None:
    """Map a part of *memory*, which is *fd* from *base* on, anew where it is: what is written to it stays here."""
    import ctypes

    start = ctypes.addressof(ctypes.c_ubyte.from_buffer(memory))
    flags = mmap.MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED
    _mmap()(start + begin, end - begin, mmap.PROT_READ | mmap.PROT_WRITE, flags, fd, base + begin)


@cache
def _mmap() -> Any:
    """The system's; found before a fork, in whose copy a lock of the loader might be held by nobody."""
    import ctypes

    found = ctypes.PyDLL(None)["mmap"]
    found.restype = ctypes.c_void_p
    found.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_ssize_t]
    return found


@cache
def _array_type(size: int) -> type[ctypes.Array[Any]]:
    import ctypes

    return ctypes.c_ubyte * size
