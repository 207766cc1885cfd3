"""What a lane is made of: words, claims, and a ring of bytes that grows; and the locks that are held to change them."""

from __future__ import annotations

import mmap
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from struct import Struct
from typing import Any, Final, TypeAlias

from .._transport.area import map_for
from .._transport.board import LANES, Board
from ..errors import ChannelBroken
from .apart import Apart

# Words of a lane; what one side writes often is not in a line of the other's cache. What is seldom other than it was is
# in one word, the state: the ring's size, which is a power of two, and below it whether the lane is shut down, whether
# that was at once, and whether something has come back.
HEAD, TAIL, DONE = 0, 8, 16
TAKERS, PUTTERS, JOINERS = 24, 32, 40  # whether somebody waits
STATE, MOST, RETURNED, LOST, CLAIMS = range(48, 53)
USED: Final = 53  # whether anybody has ever put, or taken, as the one end of a pipe
PUTS_ON: Final = 54  # the processor of whoever put, as of a short while ago; one more than its number
SHUT, AT_ONCE, BACK = 1, 2, 4
FLAGS: Final = 7
PUT, TAKE, FINISH = 512, 576, 640  # bytes: the locks

# Claims, of so many words each: whose, what, and how many have died with it.
CLAIM: Final = 512
CLAIM_WIDTH: Final = 8
OWNER, WHAT, DIED = 0, 1, 2
DEATHS_ABOVE: Final = 40  # bits: how many have died is above the position of what they died with
MOST_CLAIMS: Final = 960
STRUCK: Final = 1 << 63  # struck out: and how often one was, below
NOBODY: Final = 0xFFFF  # it was a dead process's: for whoever comes next

# A word that says where and how many: the position, in units of 8 bytes, above the count.
COUNT_BITS: Final = 28
COUNT: Final = (1 << COUNT_BITS) - 1
PLACE: Final = (1 << 36) - 1

LEAST: Final = 64 * 1024  # bytes of a ring
KEEP: Final = 8 * 2**20  # bytes of a ring that is kept when it is empty
SKIP: Final = 1  # a record that fills the rest of the ring
KIND: Final = 0xFFFF  # of a record's head; the length is above it

# So many processes that die with the same item in their hands, and it is not given to another.
DEATHS: Final = 3

# A brief record goes in by one call in C: its head, and so many bytes, which are more than it has.
BRIEF: Final = 56  # bytes
BRIEF_UNITS: Final = 1 + BRIEF // 8
FURTHER: Final = 512  # units, and no further, without another look
BRIEF_FORM: Final = Struct(f"@Q{BRIEF}s")
TO_BYTES: Final = COUNT_BITS - 3  # a word that says where, shifted by so much, says it in bytes

# What was taken: the bytes, or the number; what the putter said of it, and how many have died with it.
Taken: TypeAlias = tuple[Any, int, int]

# The index of a claim's word, and what gives the next word to strike it out with.
Claim: TypeAlias = list[Any]

# Kinds of records: a pickle, a number; and with something in an area, a pickle whose parts lie there, and bytes that
# do. Even, as the kind that skips is odd.
PLAIN, NUMBER, PARTED, BLOCK = 0, 2, 4, 6


def step(nbytes: int) -> int:
    """By how much the word that says where and how many grows with a record of *nbytes*."""
    return ((nbytes + 15) >> 3) << COUNT_BITS | 1


STEPS: Final = [step(nbytes) for nbytes in range(BRIEF + 1)]
# By the head of a record that is brief, and no number.
STEP_OF: Final = {nbytes << 16 | PLAIN: step(nbytes) for nbytes in range(1, BRIEF + 1)}

# A number that fits is not pickled, and neither packed into bytes first: it is most of what small items are, and then
# that would be most of what they cost. All numbers are as long.
NUMBER_FORM: Final = Struct("@q")
NUMBER_RECORD_FORM: Final = Struct("@Qq")
NUMBER_RECORD: Final = NUMBER_FORM.size << 16 | NUMBER
NUMBER_STEP: Final = step(NUMBER_FORM.size)

LOW: Final = 0 if sys.byteorder == "little" else 4  # where in a word the lower half is


class Ring:
    """A lane's memory, as this process sees it.

    Args:
        board: The board.
        place: Which of its lanes.
    """

    def __init__(self, board: Board, place: int) -> None:
        self._board, self._place, self._locks = board, place, board.locks
        begin = LANES * (1 + place)
        self.words = board.words[begin // 8 : (begin + LANES) // 8]
        self._put, self._take = board.pointer(begin + PUT), board.pointer(begin + TAKE)
        self._trylock, self._unlock = self._locks.trylock, self._locks.unlock
        self.apart = Apart()
        self._size = 0
        self._state = 0
        self._ring: Any = None
        self._records: Any = None
        self._limit = 0  # the position that can be written up to without a look at who takes
        self._inside = 0  # what of an offset is one within the ring
        # Between these words what is brief can be put, or be taken, without another look at the other side, or at where
        # the ring ends, and with no carry from one part of the word to the other.
        self._puts_from = self._puts_until = 0
        self._takes_from = self._takes_until = 0
        self._room_until = 0  # nor can it become full before

    @contextmanager
    def _taking(self) -> Iterator[None]:
        """Hold the lock of those who take; what its last holder left is mended."""
        with self._board.locked(self._take) as died:
            if died:
                self._mend()
            yield

    @property
    def count(self) -> int:
        """How many items there are."""
        w = self.words
        return 0 if w[STATE] & AT_ONCE else ((w[HEAD] - w[TAIL]) & COUNT) + w[RETURNED]

    @property
    def closing(self) -> int:
        """Not 0 if it is shut down."""
        return self.words[STATE] & SHUT

    # ── claims ────────────────────────────────────────────────────────────────────────────────────────────

    def _each_claim(self) -> range:
        return range(CLAIM, CLAIM + self.words[CLAIMS] * CLAIM_WIDTH, CLAIM_WIDTH)

    def _new_claim(self) -> Claim:
        w, owner = self.words, self._board.number + 1
        for place in range(MOST_CLAIMS):
            index = CLAIM + place * CLAIM_WIDTH
            if place >= w[CLAIMS] or not w[index + OWNER]:
                w[index + WHAT], w[index + DIED] = STRUCK, 0
                w[index + OWNER] = owner
                w[CLAIMS] = max(w[CLAIMS], place + 1)
                return [index + WHAT, count(STRUCK + 1).__next__]
        raise ChannelBroken(f"{MOST_CLAIMS} threads take from this channel at once")

    def _mend(self) -> None:
        """Somebody has stopped in the middle of taking: what he has claimed and not taken is not claimed."""
        w = self.words
        tail, head = w[TAIL] >> COUNT_BITS, w[HEAD] >> COUNT_BITS
        for index in self._each_claim():
            what = w[index + WHAT]
            if w[index + OWNER] and not what & STRUCK and (what - tail) & PLACE < ((head - tail) & PLACE or 1):
                w[index + WHAT] = STRUCK
        self._recount()

    def _recount(self) -> None:
        w = self.words
        returned = sum(1 for index in self._each_claim() if w[index + OWNER] == NOBODY)
        if returned or w[RETURNED]:
            w[RETURNED] = returned
            w[STATE] = (w[STATE] & ~BACK) | (BACK if returned else 0)

    # ── the ring ──────────────────────────────────────────────────────────────────────────────────────────

    def _look(self) -> int:
        """The state is another than it was, or than it mostly is; its flags."""
        state = self.words[STATE]
        if state & ~FLAGS != self._size:
            self._map()
        return state & FLAGS

    def _map(self) -> None:
        size = self.words[STATE] & ~FLAGS
        memory = map_for("a channel", self._board.fd, ring_at(self._place, size), size)
        self._ring, self._records, self._size = memory, memoryview(memory).cast("Q"), size
        self._inside = size - 8
        self._puts_until = self._takes_until = self._room_until = 0
        self._state = size  # with no flag: where there is one, everybody looks every time
        self._limit = (self._oldest() + (size >> 3)) & PLACE

    def _oldest(self) -> int:
        """The position up to which nobody needs what was put."""
        w = self.words
        tail = w[TAIL] >> COUNT_BITS  # first: a claim is there before the tail goes on
        back = 0
        for index in self._each_claim():
            if w[index + OWNER] and not (what := w[index + WHAT]) & STRUCK:
                distance = (tail - what) & PLACE
                back = max(back, distance if distance < PLACE // 2 else 0)
        return (tail - back) & PLACE

    def _look_ahead_to_put(self, head: int) -> None:
        """How far from here what is brief can be put."""
        at, many, units = head >> COUNT_BITS, head & COUNT, self._size >> 3
        self._limit = (self._oldest() + units) & PLACE
        near = min((self._limit - at) & PLACE, units - (at & (units - 1)), PLACE - at, COUNT - many)
        self._puts_from, self._puts_until = head, (at + max(0, near - BRIEF_UNITS)) << COUNT_BITS

    def _look_ahead_to_take(self, tail: int, head: int) -> None:
        """How far from here what is brief can be taken."""
        at, many, units = tail >> COUNT_BITS, tail & COUNT, self._size >> 3
        near = min(units - (at & (units - 1)), PLACE - at, COUNT - many) - BRIEF_UNITS
        near = min(((head >> COUNT_BITS) - at) & PLACE, max(0, near), FURTHER)
        self._takes_from, self._takes_until = tail, (at + near) << COUNT_BITS

    def _make_room(self, begin: int, need: int) -> tuple[int, int]:
        """Have room for so many units; where they begin, and how many of the ring's rest are skipped before."""
        while True:
            units = self._size >> 3
            self._limit = (self._oldest() + units) & PLACE
            at = begin & (units - 1)
            skip = units - at if at + need > units else 0
            if (self._limit - begin) & PLACE >= skip + need and skip + need < units:
                return begin, skip
            self._move(2 * self._size)

    def _tidy(self) -> None:
        """Have a small ring again, if there is nothing in it."""
        with self._board.locked(self._put):
            self._look()
            if self._size > KEEP and not self.count:
                self._move(LEAST)

    def _move(self, size: int) -> None:
        """Have a ring of another *size*, with the same in it."""
        board, w = self._board, self.words
        board.fill(ring_at(self._place, size), size)
        with self._taking():
            memory = map_for("a channel", board.fd, ring_at(self._place, size), size)
            old, before = self._ring, self._size
            at, end = self._oldest(), w[HEAD] >> COUNT_BITS
            if size < before and at != end:
                return
            while at != end:
                step = min((end - at) & PLACE, (before >> 3) - (at & ((before >> 3) - 1)))
                here, there = (at & ((before >> 3) - 1)) * 8, (at & ((size >> 3) - 1)) * 8
                memory[there : there + step * 8] = old[here : here + step * 8]
                at = (at + step) & PLACE
            w[STATE] = size | (w[STATE] & FLAGS)
            self._map()
            old.madvise(mmap.MADV_REMOVE)

    def _record(self, at: int) -> tuple[int, bytes]:
        place = at & ((self._size >> 3) - 1)
        record = self._records[place]
        return record & KIND, self._ring[place * 8 + 8 : place * 8 + 8 + (record >> 16)]

    def _remaining(self) -> Iterator[tuple[int | None, int, bytes]]:
        """What claims are for, and what nobody has taken; the locks are held."""
        w = self.words
        self._look()
        for index in self._each_claim():
            what = w[index + WHAT]  # read once: whoever has got what he took strikes it out without a lock
            if w[index + OWNER] and not what & STRUCK:
                yield w[index + OWNER], *self._record(what)
        at, end = w[TAIL] >> COUNT_BITS, w[HEAD] >> COUNT_BITS
        while at != end:
            record = self._records[at & ((self._size >> 3) - 1)]
            if record & SKIP:
                at = (at + (record >> 16)) & PLACE
                continue
            yield None, *self._record(at)
            at = (at + (((record >> 16) + 15) >> 3)) & PLACE


def ring_at(place: int, size: int) -> int:
    """Where a lane's ring of that *size* is: each size has a place of its own, which costs nothing until it is used."""
    return 4 * size + place * size


def as_taken(data: bytes, kind: int, deaths: int = 0) -> Taken:
    """What is handed on of a record."""
    return NUMBER_FORM.unpack(data)[0] if kind == NUMBER else data, kind, deaths
