"""Shared memory from one process to another: the side that writes.

The writer owns the blocks and finds room for what it writes; the reader only says which blocks it no longer needs,
by clearing the byte that each has in the table. See docs/design/arena.md.
"""

from __future__ import annotations

import mmap
from bisect import bisect
from collections.abc import Iterable, Sequence
from itertools import accumulate

from .area import HEAD, TABLE, Area, size_class, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

ALIGN: Final = 64  # bytes; where in a block the parts after the first may begin
OURS: Final = 1  # a block's byte as long as the reader has not given it back
GIVEN_BACK: Final = 0


def layout(sizes: Iterable[int]) -> list[int]:
    """Where parts of these *sizes* begin in a block, and after them where the last ends."""
    return [0, *accumulate([(size + ALIGN - 1) // ALIGN * ALIGN for size in sizes])]


class Block:
    """A piece of the area.

    Attributes:
        slot: Its place in the table.
        offset: Where it begins.
        size: What fits in.
        warm: How much of it has memory behind it.
    """

    __slots__ = ("offset", "size", "slot", "warm")

    def __init__(self, slot: int, offset: int, size: int) -> None:
        self.slot, self.offset, self.size = slot, offset, size
        self.warm = 0


class Arena:
    """The writing end of an area.

    Args:
        area: The area, mapped; owned from now on.
    """

    def __init__(self, area: Area) -> None:
        assert area.memory is not None
        self._area = area
        self._memory = area.memory
        self._bytes = memoryview(area.memory)
        self._budget = area.budget
        self._ground = Ground(HEAD, len(area.memory) - HEAD)
        self._slots: list[int] = []  # that were used and are not
        self._used = 0  # slots that ever were
        self._free: dict[int, list[Block]] = {}  # by size, the one used last on top
        self._lent: dict[int, Block] = {}  # by slot
        self._lent_size = 0  # bytes
        self.size = 0  # bytes of all blocks, free or lent

    @property
    def descriptors(self) -> set[int]:
        """What this process has open for it."""
        return self._area.descriptors

    def put(self, parts: Sequence[memoryview]) -> tuple[int, int] | None:
        """Write *parts*, one after the other, into one block; its slot and its offset, or ``None`` without room.

        Costs 2 to 4 µs and a copy.
        """
        places = layout([part.nbytes for part in parts])
        block = self._take(size_class(places[-1]))
        if block is None:
            return None
        try:
            self._fill(block, parts, places)
        except OSError:  # no memory: what there is of it goes back, too
            self._punch(block)
            return None
        self._lent[block.slot] = block
        self._lent_size += block.size
        return block.slot, block.offset

    def trim(self, keep: int = 0) -> None:
        """Give the memory of free blocks back to the system, but for *keep* bytes."""
        self._sweep()
        for size in sorted(self._free, reverse=True):
            blocks = self._free[size]
            while blocks and self.size - self._lent_size > keep:
                self._punch(blocks.pop(0))

    def close(self) -> None:
        """Let go of it; what the reader holds stays as it is."""
        self._bytes.release()
        self._memory.close()
        self._area.close_fd()

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    def _take(self, size: int) -> Block | None:
        self._sweep()  # even if there are others: what has just been given back is in the processor's cache still
        free = self._free.get(size)
        return free.pop() if free else self._break(size)

    def _sweep(self) -> None:
        """Find what the reader has given back."""
        table = bytes(self._bytes[: self._used])
        slot = table.find(GIVEN_BACK)
        while slot >= 0:
            self._memory[slot] = OURS
            block = self._lent.pop(slot)
            self._lent_size -= block.size
            self._free.setdefault(block.size, []).append(block)
            slot = table.find(GIVEN_BACK, slot + 1)

    def _break(self, size: int) -> Block | None:
        """A new block, if the budget has it; free ones of other sizes make room for it."""
        spare = self._budget - self._lent_size - size
        if spare < 0:
            return None
        if self.size - self._lent_size > spare:
            self.trim(spare)
        block = self._cut(size)
        if block is None:  # no place in the table, or only holes that are too small
            self.trim()
            block = self._cut(size)
        return block

    def _cut(self, size: int) -> Block | None:
        slot = self._slots[-1] if self._slots else self._used
        offset = self._ground.cut(size) if slot < TABLE else None
        if offset is None:
            return None
        if self._slots:
            self._slots.pop()
        else:
            self._used += 1
        self._memory[slot] = OURS
        self.size += size
        return Block(slot, offset, size)

    # The first time, by a system call: filling fresh memory through the map would cost a page fault every 4 KiB
    # (1.4 GB/s, against 2.7), and a lack of memory would be a signal and not an error.
    def _fill(self, block: Block, parts: Sequence[memoryview], places: list[int]) -> None:
        warm, begin, need = self._bytes, block.offset, places[-1]
        for at, part in zip(places, parts, strict=False):
            if need <= block.warm:
                warm[begin + at : begin + at + part.nbytes] = part
            else:
                write(self._area.fd, part, self._area.base + begin + at)
        block.warm = max(block.warm, need)

    def _punch(self, block: Block) -> None:
        """Give the block's memory back, and its addresses."""
        self._memory.madvise(mmap.MADV_REMOVE, block.offset, block.size)
        self._ground.mend(block.offset, block.size)
        self._slots.append(block.slot)
        self.size -= block.size


class Ground:
    """The addresses that no block has: holes, in order, no two of them adjacent."""

    def __init__(self, offset: int, size: int) -> None:
        self._holes = [(offset, size)]

    def cut(self, size: int) -> int | None:
        """The offset of *size* bytes that are from now on taken; ``None`` if no hole is that large."""
        for at, (offset, hole) in enumerate(self._holes):
            if hole >= size:
                self._holes[at : at + 1] = [(offset + size, hole - size)] if hole > size else []
                return offset
        return None

    def mend(self, offset: int, size: int) -> None:
        """Take back what was cut."""
        at, end = bisect(self._holes, (offset, 0)), offset + size
        if at < len(self._holes) and self._holes[at][0] == end:
            end += self._holes.pop(at)[1]
        if at and sum(self._holes[at - 1]) == offset:
            at -= 1
            offset, _ = self._holes.pop(at)
        self._holes.insert(at, (offset, end - offset))
