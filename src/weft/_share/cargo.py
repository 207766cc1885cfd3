"""What goes through a lane: values, as bytes, and what is large in them in memory that all members share.

Each member has an area for what it puts; who takes reads it in place, and says so in the area's table, by its own
number: so what a dead process looked at can be had again.
"""

from __future__ import annotations

import _pickle as pickle
import mmap
import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from struct import Struct
from typing import Any, Final

from .._model.locks import Lock
from .._transport.area import HEAD, TABLE, Area, mapped
from .._transport.arena import GIVEN_BACK, OURS, Arena
from .._transport.board import HAS_AREA, MEMBERS, Board
from .._transport.boxes import boxed
from .._transport.bundle import in_band
from .._transport.codec import APART, dumps_apart, loads, not_sendable
from .._transport.leases import Leases, Parts
from .._transport.line import grouped
from .ring import BLOCK, NUMBER, PARTED, PLAIN

# The numbers that are not pickled.
LEAST, MOST = -(2**63), 2**63 - 1

# Large bytes are not pickled either, nor looked at in place, since they are copied out of it at once: whose area, which
# slot there, where it begins, how many they are, and whether they are a bytearray.
BLOCK_FORM: Final = Struct("@qqqq?")

# In an area's table a block that a member looks at has this and his number; who has none of these copies.
_READER: Final = 2
_READERS: Final = 250

_BYTES: Final = frozenset({bytes, bytearray})
_ATOMS: Final = frozenset({int, float, bool, type(None), complex})


class Shelf(Leases):
    """An area of another member, read: what is given back stays until the item has arrived.

    Args:
        area: The area.
        reader: This member's number.
    """

    def __init__(self, area: Area, reader: int) -> None:
        super().__init__(area)
        self._mark = _READER + reader if reader < _READERS else OURS
        if reader >= _READERS:
            self._allowance = 0
        self._returned: dict[int, list[int]] = {}  # by the thread: another's item may not have arrived

    def take(self, slot: int, offset: int, parts: Parts) -> list[Any]:
        """What is in a block; it is this member's from now on."""
        if self._memory is not None:
            self._memory[slot] = self._mark
        return super().take(slot, offset, parts)

    def copy(self, slot: int, offset: int, nbytes: int, *, readonly: bool) -> bytes | bytearray:
        """A copy of what is in a block, which can be given back then."""
        if self._memory is not None:
            self._memory[slot] = self._mark
        self.give_back(slot)
        return self._copy(offset, nbytes, readonly)

    def give_back(self, slot: int) -> None:
        """Give it back, later."""
        self._returned.setdefault(threading.get_ident(), []).append(slot)

    def settle(self) -> None:
        """Give back what this thread does not need."""
        for slot in self._returned.pop(threading.get_ident(), ()):
            super().give_back(slot)


class Cargo:
    """Values as a board's lanes carry them, for this process.

    Args:
        board: The board.
    """

    def __init__(self, board: Board) -> None:
        self._board = board
        self._arena: Arena | None = None
        self._area: Area | None = None
        self._tried = False  # to have an arena
        self._shelves: dict[int, Shelf] = {}
        self._lock = Lock()
        board.needed = lambda: self.looked_at
        board.renewed.append(self._renew)
        board.closing.append(self._close)

    # ── values to records and back ────────────────────────────────────────────────────────────────────────

    def pack(self, value: Any) -> tuple[Any, int]:
        """The record of *value*, and its kind; of a number it is the number.

        Raises:
            NotSendable: It can't travel.
        """
        try:
            if type(value) is int and LEAST <= value <= MOST:
                return value, NUMBER
            if type(value) in _ATOMS:
                return pickle.dumps(value, 5), PLAIN
            stem, buffers = b"", list[memoryview]()
            if type(value) is str:
                stem = pickle.dumps(value, 5)
            elif type(value) in _BYTES and len(value) >= APART:
                if (data := self._block(value)) is not None:
                    return data, BLOCK
                stem, buffers = dumps_apart(boxed((value,))[0])
            else:
                stem, buffers = dumps_apart(value)
        except Exception as error:
            raise not_sendable(value, "the item", error) from error
        if not buffers and len(stem) < APART:
            return stem, PLAIN
        return self._parted(stem, buffers)

    def unpack(self, data: Any, kind: int) -> Any:
        """The value again."""
        if kind == NUMBER:
            return data
        if kind == PLAIN:
            return loads(data)
        if kind == BLOCK:
            member, slot, offset, nbytes, mutable = BLOCK_FORM.unpack_from(data)
            with self._lock:
                return self._shelf(member).copy(slot, offset, nbytes, readonly=not mutable)
        # Whose area, the pickle of the value or None if it is there, and where parts of it are.
        member, stem, blocks = loads(data)
        buffers = [part for block in blocks for part in self._parts(member, block)]
        if stem is None:
            stem = buffers.pop()
        return loads(stem, buffers=buffers)

    @property
    def looked_at(self) -> bool:
        """Whether values of this process lie in what others put: then it must stay a member."""
        return any(shelf.held for shelf in list(self._shelves.values()))

    def settle(self) -> None:
        """What was unpacked has arrived: the blocks that were copied are free."""
        for shelf in list(self._shelves.values()):
            shelf.settle()

    def discard(self, data: Any, kind: int) -> None:
        """A record that nobody will unpack: its blocks are free."""
        if kind > NUMBER:
            for member, slot in blocks_of(data, kind):
                self._mark(member, slot, GIVEN_BACK)

    # ── after a death ─────────────────────────────────────────────────────────────────────────────────────

    def inherit(self, number: int, records: Iterable[tuple[int, bytes]]) -> bool:
        """Put in order what a dead member had in areas; whether nothing is left of his own.

        Args:
            number: The member's.
            records: All that is in the lanes, his claims being nobody's again.
        """
        under_way = {block for kind, data in records if kind > NUMBER for block in blocks_of(data, kind)}
        if number < _READERS:
            for member in range(MEMBERS):
                if self._board.member(member, HAS_AREA):
                    self._forget_reader(member, _READER + number, under_way)
        if not self._board.member(number, HAS_AREA):
            return True
        table = self._table(number)
        for slot, mark in enumerate(table):
            if mark == OURS and (number, slot) not in under_way:
                self._mark(number, slot, GIVEN_BACK)
        if any(self._table(number)):
            return False
        self._punch(number)
        return True

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    def _parted(self, stem: bytes, buffers: list[memoryview]) -> tuple[bytes, int]:
        with self._lock:
            arena = self._own_arena()
            large = len(stem) >= APART and arena is not None
            parts = [*buffers, memoryview(stem)] if large else buffers
            blocks: list[Any] = []
            for group in grouped(parts):
                place = arena.put(group) if arena is not None else None
                if place is None:
                    blocks.append(in_band(group))
                else:
                    blocks.append((*place, [(part.nbytes, part.readonly) for part in group]))
        return pickle.dumps((self._board.number, None if large else stem, blocks), 5), PARTED

    def _block(self, value: bytes | bytearray) -> bytes | None:
        """The record of large bytes; ``None`` if there is no room for them in one block."""
        with self._lock:
            arena = self._own_arena()
            place = arena.put([memoryview(value)]) if arena is not None else None
        if place is None:
            return None
        return BLOCK_FORM.pack(self._board.number, *place, len(value), type(value) is bytearray)

    def _parts(self, member: int, block: Any) -> list[Any]:
        if isinstance(block, list):
            return block
        with self._lock:
            return self._shelf(member).take(*block)

    def _shelf(self, member: int) -> Shelf:
        shelf = self._shelves.get(member)
        if shelf is None:
            area = Area(os.dup(self._board.fd), self._board.area(member), self._board.area_size)
            shelf = self._shelves[member] = Shelf(area, self._board.number)
        return shelf

    def _own_arena(self) -> Arena | None:
        if not self._tried:
            self._tried = True
            board = self._board
            with suppress(OSError):
                begin = board.area(board.number)
                board.fill(begin, HEAD)
                board.fill(begin + board.area_size - 1, 1)  # or it could not be mapped
                area = Area(os.dup(board.fd), board.area(board.number), board.area_size)
                if area.memory is None:
                    area.close_fd()
                else:
                    self._area, self._arena = area, Arena(area)
                    board.words[board.field(board.number, HAS_AREA)] = 1
        return self._arena

    def _table(self, member: int) -> bytes:
        return os.pread(self._board.fd, TABLE, self._board.area(member))

    def _mark(self, member: int, slot: int, mark: int) -> None:
        os.pwrite(self._board.fd, bytes([mark]), self._board.area(member) + slot)

    def _forget_reader(self, member: int, mark: int, under_way: set[tuple[int, int]]) -> None:
        """What a dead reader looked at is free; but what he had not got yet goes to another."""
        table = self._table(member)
        slot = table.find(mark)
        while slot >= 0:
            self._mark(member, slot, OURS if (member, slot) in under_way else GIVEN_BACK)
            slot = table.find(mark, slot + 1)

    def _punch(self, number: int) -> None:
        size = self._board.area_size
        memory = mapped(self._board.fd, self._board.area(number), size)
        if memory is not None:
            memory.madvise(mmap.MADV_REMOVE)
            memory.close()

    def _renew(self) -> None:
        """This is a forked copy: the arena is the original's, and what it looks at is looked at by both."""
        if self._area is not None:
            self._area.close_fd()
        self._arena = self._area = None
        self._tried = False
        self._shelves = {}
        self._lock = Lock()

    def _close(self) -> None:
        arena, self._arena = self._arena, None
        if arena is not None:
            arena.trim(0)
            arena.close()
        self._shelves = {}


def blocks_of(data: bytes, kind: int) -> list[tuple[int, int]]:
    """Whose area, and which slot, of every block of such a record."""
    if kind == BLOCK:
        return [BLOCK_FORM.unpack_from(data)[:2]]
    member, _, blocks = loads(data)
    return [(member, block[0]) for block in blocks if isinstance(block, tuple)]
