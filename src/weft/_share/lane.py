"""A queue of bytes on a board: a ring that grows, one lock for those who put, one for those who take.

What is true is said by two words, the head and the tail, each a position and a count: each put and each take becomes
true with one store, and whoever dies before has done nothing. Who takes notes a *claim* first, and strikes it out when
he has got what he took; so what a dead process was taking is taken again. See docs/design/channels.md.
"""

from __future__ import annotations

import mmap
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any, Final, TypeAlias

from .._transport.area import mapped
from .._transport.board import DONE as DONE_BY
from .._transport.board import LANES, Board
from .._transport.robust import Reentered
from ..errors import ChannelBroken
from ..errors.shutdown import ShutDown

# Words of a lane. What is seldom other than it was is in one, the state: the ring's size, which is a power of two, and
# below it whether the lane is shut down, whether that was at once, and whether something has come back.
HEAD, TAIL, DONE, STATE, MOST, RETURNED, LOST, CLAIMS = range(8)
_SHUT, _AT_ONCE, _BACK = 1, 2, 4
_FLAGS: Final = 7
TAKERS, PUTTERS, JOINERS = 16, 24, 32  # whether somebody waits
_USED: Final = 40  # whether anybody has ever put, or taken, as the one end of a pipe
_PUT, _TAKE, _FINISH = 512, 576, 640  # bytes: the locks

# Claims, of so many words each: whose, what, and how many have died with it.
_CLAIM: Final = 512
_CLAIM_WIDTH: Final = 4
_OWNER, _WHAT, _DEATHS = 0, 1, 2
_MOST_CLAIMS: Final = 1024
_STRUCK: Final = 1 << 63  # struck out: and how often one was, below
_NOBODY: Final = 0xFFFF  # it was a dead process's: for whoever comes next

# A word that says where and how many: the position, in units of 8 bytes, above the count.
_COUNT_BITS: Final = 28
_COUNT: Final = (1 << _COUNT_BITS) - 1
_PLACE: Final = (1 << 36) - 1

LEAST: Final = 64 * 1024  # bytes of a ring
KEEP: Final = 8 * 2**20  # bytes of a ring that is kept when it is empty
_SKIP: Final = 1  # a record that fills the rest of the ring

# So many processes that die with the same item in their hands, and it is not given to another.
DEATHS: Final = 3

# What was taken: the bytes, what the putter said of them, how many have died with it.
Taken: TypeAlias = tuple[bytes, int, int]

# The index of a claim's word, and what was last written there.
Claim: TypeAlias = list[int]

_LOW: Final = 0 if sys.byteorder == "little" else 4  # where in a word the lower half is


class Lane:
    """One of a board's lanes, as this process sees it.

    Args:
        board: The board.
        place: Which of its lanes.
    """

    def __init__(self, board: Board, place: int) -> None:
        self._board, self._place, self._locks = board, place, board.locks
        begin = LANES * (1 + place)
        self._words = w = board.words[begin // 8 : (begin + LANES) // 8]
        self._put, self._take, self._finish = (board.pointer(begin + at) for at in (_PUT, _TAKE, _FINISH))
        self._heads, self._tails, self._dones = (board.pointer(begin + at * 8 + _LOW) for at in (HEAD, TAIL, DONE))
        self.most = w[MOST]
        self._size = 0
        self._state = 0
        self._ring: Any = None
        self._records: Any = None
        self._limit = 0  # the position that can be written up to without a look at who takes
        self._claims: list[Claim] = []  # ours, that are free
        self._reaped = 0.0

    @staticmethod
    def lay(board: Board, place: int, most: int) -> None:
        """Have an empty lane there, for *most* items; 0 for any number."""
        begin = LANES * (1 + place)
        for lock in (_PUT, _TAKE, _FINISH):
            board.locks.make(board.pointer(begin + lock))
        board.fill(_ring_at(place, LEAST), LEAST)
        board.words[begin // 8 + MOST], board.words[begin // 8 + STATE] = most, LEAST

    # ── to look at ────────────────────────────────────────────────────────────────────────────────────────

    @property
    def count(self) -> int:
        """How many items there are."""
        w = self._words
        return 0 if w[STATE] & _AT_ONCE else ((w[HEAD] - w[TAIL]) & _COUNT) + w[RETURNED]

    @property
    def unfinished(self) -> int:
        """How many were put, and not said to be done."""
        return (self._words[HEAD] - self._words[DONE]) & _COUNT

    @property
    def lost(self) -> int:
        """How many were taken by processes that have died, and not said to be done."""
        return self._words[LOST]

    @property
    def closing(self) -> int:
        """Not 0 if it is shut down."""
        return self._words[STATE] & _SHUT

    @property
    def used(self) -> bool:
        """Whether anybody has said that it is used."""
        return bool(self._words[_USED])

    @used.setter
    def used(self, value: bool) -> None:
        self._words[_USED] = value

    # ── to put and to take ────────────────────────────────────────────────────────────────────────────────

    def put(self, data: bytes, kind: int) -> bool:
        """Put *data* in; whether there was room.

        Raises:
            ShutDown: It has been shut down.
            OSError: There is no memory.
        """
        w, held = self._words, True
        need = (len(data) + 15) >> 3
        try:  # nothing may come between the lock and the try: Ctrl-C may come after any call
            if status := self._locks.trylock(self._put):
                self._locks.struggle(self._put, status)
            if w[STATE] != self._state and self._look() & _SHUT:
                raise ShutDown
            head, most = w[HEAD], self.most
            if most and ((head - w[TAIL]) & _COUNT) + w[RETURNED] >= most:
                return False
            begin, units = head >> _COUNT_BITS, self._size >> 3
            at = begin & (units - 1)
            skip = units - at if at + need > units else 0
            end = (begin + skip + need) & _PLACE
            if (self._limit - end) & _PLACE >= units:
                begin, skip = self._make_room(begin, need)
                units = self._size >> 3
                at, end = begin & (units - 1), (begin + skip + need) & _PLACE
            if skip:
                self._records[at] = skip << 16 | _SKIP
                at = 0
            self._records[at] = len(data) << 16 | kind
            at = at * 8 + 8
            self._ring[at : at + len(data)] = data
            w[HEAD] = end << _COUNT_BITS | ((head + 1) & _COUNT)
        except Reentered as error:
            held = error.lock is not self._put
            raise
        finally:
            if held:
                self._locks.unlock(self._put)
        if w[TAKERS]:
            w[TAKERS] = 0
            self._locks.wake(self._heads, 1)
        return True

    def claim(self) -> Claim:
        """What to take with; to be given to :meth:`strike_out`, or to :meth:`give_up`."""
        if self._claims:
            with suppress(IndexError):  # another thread has it
                return self._claims.pop()
        with self._taking():
            return self._new_claim()

    def take(self, claim: Claim) -> Taken | None:
        """The next item; ``None`` if there is none now.

        Raises:
            ShutDown: It has been shut down, and there is none.
        """
        w, held = self._words, True
        try:
            if status := self._locks.trylock(self._take):
                if self._locks.struggle(self._take, status):
                    self._mend()
            flags = 0
            if w[STATE] != self._state:  # before the head: what was put before it was shut down is to be seen
                flags = self._look()
                if flags & _AT_ONCE:
                    raise ShutDown
                if flags & _BACK:
                    return self._take_returned(claim)
            tail = w[TAIL]
            if (tail ^ w[HEAD]) & _COUNT == 0:
                if flags:
                    raise ShutDown
                return None
            begin = tail >> _COUNT_BITS
            at = begin & ((self._size >> 3) - 1)
            record = self._records[at]
            if record & _SKIP:
                begin = (begin + (record >> 16)) & _PLACE
                at = begin & ((self._size >> 3) - 1)  # not always 0: the ring may have been smaller then
                record = self._records[at]
            length, at = record >> 16, at * 8 + 8
            data: bytes = self._ring[at : at + length]
            w[claim[0]] = begin
            w[TAIL] = ((begin + ((length + 15) >> 3)) & _PLACE) << _COUNT_BITS | ((tail + 1) & _COUNT)
        except Reentered as error:
            held = error.lock is not self._take
            raise
        except BaseException:
            self._mend()
            raise
        finally:
            if held:
                self._locks.unlock(self._take)
        if w[PUTTERS]:
            w[PUTTERS] = 0
            self._locks.wake(self._tails, 1)
        return data, record & 0xFFFF, 0

    def strike_out(self, claim: Claim) -> None:
        """What was taken has arrived: from here on it is the caller's."""
        claim[1] += 1
        self._words[claim[0]] = claim[1]
        self._claims.append(claim)

    def give_up(self, claim: Claim, *, arrived: bool) -> None:
        """There was nothing to take; or what was taken has *arrived* and was no good; or else is another's."""
        if self._words[claim[0]] & _STRUCK:
            self._claims.append(claim)
        elif arrived:
            self.strike_out(claim)
        else:
            with self._taking():
                self._words[claim[0] - _WHAT + _OWNER] = _NOBODY
                self._recount()
            self._locks.wake(self._heads, 1)

    # ── to wait ───────────────────────────────────────────────────────────────────────────────────────────

    # Who waits says so, with a store and no lock, before he looks once more. Who wakes strikes that out, and wakes one;
    # who was woken says it again, for there may be others, and wakes the next if there is something for him, too.

    def wait_for_item(self, timeout: float) -> None:
        """Wait until there may be an item, or *timeout* seconds."""
        w = self._words
        if self._size > KEEP:
            self._tidy()
        w[TAKERS] = 1
        head = w[HEAD]
        if (w[TAIL] ^ head) & _COUNT == 0 and not w[STATE] & _FLAGS:
            self._locks.wait(self._heads, head, timeout)
            w[TAKERS] = 1

    def wait_for_room(self, timeout: float) -> None:
        """Wait until there may be room, or *timeout* seconds."""
        w = self._words
        w[PUTTERS] = 1
        tail = w[TAIL]
        if ((w[HEAD] - tail) & _COUNT) + w[RETURNED] >= self.most and not self.closing:
            self._locks.wait(self._tails, tail, timeout)
            w[PUTTERS] = 1

    def wait_for_end(self, timeout: float) -> None:
        """Wait until another item may have been finished, or *timeout* seconds."""
        w = self._words
        w[JOINERS] = 1
        done = w[DONE]
        if (w[HEAD] - done) & _COUNT:
            self._locks.wait(self._dones, done, timeout)

    def wake_next_taker(self) -> None:
        """Somebody who was woken has taken something: is there more?"""
        if self.count:
            self._locks.wake(self._heads, 1)

    def wake_next_putter(self) -> None:
        """Somebody who was woken has put something: is there more room?"""
        if self.count < self.most:
            self._locks.wake(self._tails, 1)

    def look_after(self, pause: float = 0.0) -> None:
        """Put in order what dead processes have left; not more often than every *pause* seconds.

        Raises:
            ChannelBroken: The one that made it is among them.
        """
        now = monotonic()
        if now - self._reaped >= pause:
            self._reaped = now
            self._board.reap()
            self._board.check()

    def wake_all(self) -> None:
        """Whoever waits looks again."""
        for number in (self._heads, self._tails, self._dones):
            self._locks.wake(number)

    # ── to finish ─────────────────────────────────────────────────────────────────────────────────────────

    def done(self) -> bool:
        """One more is finished; whether there was one to be finished."""
        with self._board.locked(self._finish):
            w = self._words
            if not self.unfinished:
                return False
            w[DONE] = (w[DONE] + 1) & _COUNT
            index = self._board.field(self._board.number, DONE_BY[self._place])
            self._board.words[index] += 1
        if w[JOINERS]:
            w[JOINERS] = 0
            self._locks.wake(self._dones)
        return True

    def begin_with(self, unfinished: int) -> None:
        """Have so many that are not finished; for whoever is alone yet."""
        self._words[DONE] = (self._words[HEAD] - unfinished) & _COUNT

    def shut_down(self, *, immediate: bool, discard: Callable[[bytes, int], object]) -> None:
        """Take no more items; and if *immediate*, give none: each that is there is given to *discard*."""
        with self.still():
            w = self._words
            w[STATE] |= _SHUT
            if immediate:
                with self._board.locked(self._finish):
                    left = [(kind, data) for owner, kind, data in self._remaining() if owner in {None, _NOBODY}]
                    w[STATE] |= _AT_ONCE
                    w[DONE] = (w[DONE] + min(len(left), self.unfinished)) & _COUNT
                    w[TAIL] = w[HEAD]
                    for index in self._each_claim():
                        if w[index + _OWNER] == _NOBODY:
                            w[index + _WHAT], w[index + _OWNER] = _STRUCK, 0
                    self._recount()
                for kind, data in left:
                    discard(data, kind)
        self.wake_all()

    # ── after a death ─────────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def still(self) -> Iterator[None]:
        """Meanwhile nobody puts, and nobody takes."""
        with self._board.locked(self._put), self._taking():
            yield

    def inherit(self, number: int, *, left: bool) -> None:
        """Put in order what the dead member has left, while it is :meth:`still`.

        Args:
            number: The member's.
            left: Whether he left by himself: then what he took is not counted as lost.
        """
        w, struck = self._words, 0
        for index in self._each_claim():
            if w[index + _OWNER] != number + 1:
                continue
            if w[index + _WHAT] & _STRUCK:
                struck += w[index + _WHAT] & ~_STRUCK
                w[index + _WHAT], w[index + _OWNER] = _STRUCK, 0
            else:
                w[index + _DEATHS] += 1
                w[index + _OWNER] = _NOBODY
        self._recount()
        finished = self._board.member(number, DONE_BY[self._place])
        if not left and struck > finished:
            w[LOST] += struck - finished

    def contents(self) -> list[tuple[int, bytes]]:
        """Kind and bytes of all that is claimed or not taken, while it is :meth:`still`."""
        return [(kind, data) for _, kind, data in self._remaining()]

    def renew(self) -> None:
        """This is a forked copy: the claims are the original's."""
        self._claims = []

    def close(self) -> None:
        """Let go of the memory; it is not used any more."""
        self._words = memoryview(b"").cast("Q")
        self._ring = self._records = None

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    def _taking(self) -> Any:
        return _Taking(self)

    def _look(self) -> int:
        """The state is another than it was, or than it mostly is; its flags."""
        state = self._words[STATE]
        if state & ~_FLAGS != self._size:
            self._map()
        return state & _FLAGS

    def _map(self) -> None:
        size = self._words[STATE] & ~_FLAGS
        memory = mapped(self._board.fd, _ring_at(self._place, size), size)
        if memory is None:
            raise MemoryError("there are no addresses for the channel's ring")
        self._ring, self._records, self._size = memory, memoryview(memory).cast("Q"), size
        self._state = size  # with no flag: where there is one, everybody looks every time
        self._limit = (self._oldest() + (size >> 3)) & _PLACE

    def _oldest(self) -> int:
        """The position up to which nobody needs what was put."""
        w = self._words
        tail = w[TAIL] >> _COUNT_BITS  # first: a claim is there before the tail goes on
        back = 0
        for index in self._each_claim():
            if w[index + _OWNER] and not (what := w[index + _WHAT]) & _STRUCK:
                distance = (tail - what) & _PLACE
                back = max(back, distance if distance < _PLACE // 2 else 0)
        return (tail - back) & _PLACE

    def _each_claim(self) -> range:
        return range(_CLAIM, _CLAIM + self._words[CLAIMS] * _CLAIM_WIDTH, _CLAIM_WIDTH)

    def _make_room(self, begin: int, need: int) -> tuple[int, int]:
        """Have room for so many units; where they begin, and how many of the ring's rest are skipped before."""
        while True:
            units = self._size >> 3
            self._limit = (self._oldest() + units) & _PLACE
            at = begin & (units - 1)
            skip = units - at if at + need > units else 0
            if (self._limit - begin) & _PLACE >= skip + need and skip + need < units:
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
        board, w = self._board, self._words
        board.fill(_ring_at(self._place, size), size)
        with self._taking():
            memory = mapped(board.fd, _ring_at(self._place, size), size)
            if memory is None:
                raise MemoryError("there are no addresses for the channel's ring")
            old, before = self._ring, self._size
            at, end = self._oldest(), w[HEAD] >> _COUNT_BITS
            if size < before and at != end:
                return
            while at != end:
                step = min((end - at) & _PLACE, (before >> 3) - (at & ((before >> 3) - 1)))
                here, there = (at & ((before >> 3) - 1)) * 8, (at & ((size >> 3) - 1)) * 8
                memory[there : there + step * 8] = old[here : here + step * 8]
                at = (at + step) & _PLACE
            w[STATE] = size | (w[STATE] & _FLAGS)
            self._map()
            old.madvise(mmap.MADV_REMOVE)

    def _new_claim(self) -> Claim:
        w, owner = self._words, self._board.number + 1
        for place in range(_MOST_CLAIMS):
            index = _CLAIM + place * _CLAIM_WIDTH
            if place >= w[CLAIMS] or not w[index + _OWNER]:
                w[index + _WHAT], w[index + _DEATHS] = _STRUCK, 0
                w[index + _OWNER] = owner
                w[CLAIMS] = max(w[CLAIMS], place + 1)
                return [index + _WHAT, _STRUCK]
        raise ChannelBroken(f"{_MOST_CLAIMS} threads take from this channel at once")

    def _take_returned(self, claim: Claim) -> Taken:
        """What a dead process was taking, the oldest of it: its claim becomes this one."""
        w = self._words
        tail = w[TAIL] >> _COUNT_BITS
        index = max(
            (index for index in self._each_claim() if w[index + _OWNER] == _NOBODY),
            key=lambda index: (tail - w[index + _WHAT]) & _PLACE,
        )
        kind, data = self._record(w[index + _WHAT])
        self._claims.append(list(claim))
        claim[:] = index + _WHAT, _STRUCK
        w[index + _OWNER] = self._board.number + 1
        self._recount()
        if w[PUTTERS]:
            w[PUTTERS] = 0
            self._locks.wake(self._tails, 1)
        return data, kind, w[index + _DEATHS]

    def _record(self, at: int) -> tuple[int, bytes]:
        place = at & ((self._size >> 3) - 1)
        record = self._records[place]
        return record & 0xFFFF, self._ring[place * 8 + 8 : place * 8 + 8 + (record >> 16)]

    def _remaining(self) -> Iterator[tuple[int | None, int, bytes]]:
        """What claims are for, and what nobody has taken; the locks are held."""
        w = self._words
        self._look()
        for index in self._each_claim():
            if w[index + _OWNER] and not w[index + _WHAT] & _STRUCK:
                yield w[index + _OWNER], *self._record(w[index + _WHAT])
        at, end = w[TAIL] >> _COUNT_BITS, w[HEAD] >> _COUNT_BITS
        while at != end:
            record = self._records[at & ((self._size >> 3) - 1)]
            if record & _SKIP:
                at = (at + (record >> 16)) & _PLACE
                continue
            yield None, *self._record(at)
            at = (at + (((record >> 16) + 15) >> 3)) & _PLACE

    def _recount(self) -> None:
        w = self._words
        returned = sum(1 for index in self._each_claim() if w[index + _OWNER] == _NOBODY)
        if returned or w[RETURNED]:
            w[RETURNED] = returned
            w[STATE] = (w[STATE] & ~_BACK) | (_BACK if returned else 0)

    def _mend(self) -> None:
        """Somebody has stopped in the middle of taking: what he has claimed and not taken is not claimed."""
        w = self._words
        tail, head = w[TAIL] >> _COUNT_BITS, w[HEAD] >> _COUNT_BITS
        for index in self._each_claim():
            what = w[index + _WHAT]
            if w[index + _OWNER] and not what & _STRUCK and (what - tail) & _PLACE < ((head - tail) & _PLACE or 1):
                w[index + _WHAT] = _STRUCK
        self._recount()


class _Taking:
    """The lock of those who take, held; what the last holder left is mended.

    Args:
        lane: Whose.
    """

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._context = lane._board.locked(lane._take)  # noqa: SLF001  they are one thing in two classes

    def __enter__(self) -> None:
        if self._context.__enter__():
            self._lane._mend()  # noqa: SLF001

    def __exit__(self, *error: object) -> None:
        self._context.__exit__(*error)


def _ring_at(place: int, size: int) -> int:
    """Where a lane's ring of that *size* is: each size has a place of its own, which costs nothing until it is used."""
    return 4 * size + place * size
