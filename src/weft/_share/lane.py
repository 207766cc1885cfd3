"""A queue of bytes on a board: a ring that grows, one lock for those who put, one for those who take.

What is true is said by two words, the head and the tail, each a position and a count: each put and each take becomes
true with one store, and whoever dies before has done nothing. Who takes notes a *claim* first, and strikes it out when
he has got what he took; so what a dead process was taking is taken again. See docs/design/channels.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import Final

from .._transport.board import DONE as DONE_BY
from .._transport.board import LANES, Board
from .._transport.robust import Reentered
from ..errors.shutdown import ShutDown
from .ring import (
    AT_ONCE,
    BACK,
    BRIEF,
    BRIEF_FORM,
    COUNT,
    COUNT_BITS,
    DEATHS_ABOVE,
    DIED,
    DONE,
    FINISH,
    FURTHER,
    HEAD,
    JOINERS,
    KIND,
    LEAST,
    LOST,
    MOST,
    NOBODY,
    NUMBER,
    NUMBER_FORM,
    NUMBER_RECORD,
    NUMBER_RECORD_FORM,
    NUMBER_STEP,
    OWNER,
    PLACE,
    PUT,
    PUTS_ON,
    PUTTERS,
    RETURNED,
    SHUT,
    SKIP,
    STATE,
    STEP_OF,
    STEPS,
    STRUCK,
    TAIL,
    TAKE,
    TAKERS,
    TO_BYTES,
    USED,
    WHAT,
    Claim,
    Taken,
    as_taken,
    ring_at,
)
from .waits import Waits

# So many items that are there are worth a look at how far one can go without another.
MANY: Final = 8

_pack_number, _unpack_number = NUMBER_RECORD_FORM.pack_into, NUMBER_RECORD_FORM.unpack_from
_pack_brief, _step_of = BRIEF_FORM.pack_into, STEP_OF.get


class Lane(Waits):
    """One of a board's lanes, as this process sees it.

    Args:
        board: The board.
        place: Which of its lanes.
    """

    def __init__(self, board: Board, place: int) -> None:
        super().__init__(board, place)
        begin = LANES * (1 + place)
        self._finish = board.pointer(begin + FINISH)
        self.free_claims: list[Claim] = []

    @staticmethod
    def lay(board: Board, place: int, most: int) -> None:
        """Have an empty lane there, for *most* items; 0 for any number."""
        begin = LANES * (1 + place)
        for lock in (PUT, TAKE, FINISH):
            board.locks.make(board.pointer(begin + lock))
        board.fill(ring_at(place, LEAST), LEAST)
        board.words[begin // 8 + MOST], board.words[begin // 8 + STATE] = most, LEAST

    # ── to look at ────────────────────────────────────────────────────────────────────────────────────────

    @property
    def unfinished(self) -> int:
        """How many were put, and not said to be done."""
        return (self.words[HEAD] - self.words[DONE]) & COUNT

    @property
    def lost(self) -> int:
        """How many were taken by processes that have died, and not said to be done."""
        return self.words[LOST]

    @property
    def used(self) -> bool:
        """Whether anybody has said that it is used."""
        return bool(self.words[USED])

    @used.setter
    def used(self, value: bool) -> None:
        self.words[USED] = value

    # ── to put and to take ────────────────────────────────────────────────────────────────────────────────

    def put(self, data: bytes | int, kind: int) -> bool:
        """Put *data*, which is bytes, or a number if that is its *kind*; whether there was room.

        Raises:
            ShutDown: It has been shut down.
            OSError: There is no memory.
            struct.error: It is too large a number.
        """
        w, held = self.words, True
        try:  # nothing may come between the lock and the try: Ctrl-C may come after any call
            if status := self._trylock(self._put):
                self._locks.struggle(self._put, status)
            head = w[HEAD]
            if kind == NUMBER and self._puts_from <= head < self._room_until and w[STATE] == self._state:
                _pack_number(self._ring, (head >> TO_BYTES) & self._inside, NUMBER_RECORD, data)
                w[HEAD] = head + NUMBER_STEP
            elif not self._put_any(head, data, kind):
                return False
        except Reentered as error:
            held = error.lock is not self._put
            raise
        finally:
            if held:
                self._unlock(self._put)
        if w[TAKERS]:
            w[TAKERS] = 0
            self._locks.wake(self._heads, 1)
        return True

    def claim(self) -> Claim:
        """What to take with; to be given to :meth:`strike_out`, or to :meth:`give_up`."""
        with suppress(IndexError):
            return self.free_claims.pop()
        with self._taking():
            return self._new_claim()

    def take(self, claim: Claim) -> Taken | None:
        """The next item; ``None`` if there is none now.

        Raises:
            ShutDown: It has been shut down, and there is none.
        """
        w, held = self.words, True
        try:
            status = self._trylock(self._take)
            if status and self._locks.struggle(self._take, status):
                self._mend()
            tail, record = w[TAIL], 0
            if self._takes_from <= tail < self._takes_until and w[STATE] == self._state:
                record, number = _unpack_number(self._ring, (tail >> TO_BYTES) & self._inside)
            taken: Taken | None
            if record == NUMBER_RECORD:
                w[claim[0]] = tail >> COUNT_BITS
                w[TAIL] = tail + NUMBER_STEP
                taken = number, NUMBER, 0
            elif (taken := self._take_any(tail, record, claim)) is None:
                return None
        except Reentered as error:
            held = error.lock is not self._take
            raise
        except BaseException:
            self._mend()
            raise
        finally:
            if held:
                self._unlock(self._take)
        if self.most and w[PUTTERS]:
            w[PUTTERS] = 0
            self._locks.wake(self._tails, 1)
        if self.apart.wanted:
            self.apart.go(self._locks.processor())
        return taken

    def strike_out(self, claim: Claim) -> None:
        """What was taken has arrived: from here on it is the caller's."""
        self.words[claim[0]] = claim[1]()
        self.free_claims.append(claim)

    def give_up(self, claim: Claim, *, arrived: bool) -> None:
        """There was nothing to take; or what was taken has *arrived* and was no good; or else is another's."""
        if self.words[claim[0]] & STRUCK:
            if claim not in self.free_claims:  # Ctrl-C came after it was struck out
                self.free_claims.append(claim)
        elif arrived:
            self.strike_out(claim)
        else:
            with self._taking():
                self.words[claim[0] - WHAT + OWNER] = NOBODY
                self._recount()
            self._locks.wake(self._heads, 1)

    # ── to finish ─────────────────────────────────────────────────────────────────────────────────────────

    def done(self) -> bool:
        """One more is finished; whether there was one to be finished."""
        with self._board.locked(self._finish):
            w = self.words
            if not self.unfinished:
                return False
            w[DONE] = (w[DONE] + 1) & COUNT
            index = self._board.field(self._board.number, DONE_BY[self._place])
            self._board.words[index] += 1
        if w[JOINERS]:
            w[JOINERS] = 0
            self._locks.wake(self._dones)
        return True

    def begin_with(self, unfinished: int) -> None:
        """Have so many that are not finished; for whoever is alone yet."""
        self.words[DONE] = (self.words[HEAD] - unfinished) & COUNT

    def shut_down(self, *, immediate: bool, discard: Callable[[bytes, int], object] | None = None) -> None:
        """Take no more items; and if *immediate*, give none: each that is there goes to *discard*."""
        with self.still():
            w = self.words
            w[STATE] |= SHUT
            if immediate:
                with self._board.locked(self._finish):
                    left = [(kind, data) for owner, kind, data in self._remaining() if owner in {None, NOBODY}]
                    w[STATE] |= AT_ONCE
                    w[DONE] = (w[DONE] + min(len(left), self.unfinished)) & COUNT
                    w[TAIL] = w[HEAD]
                    for index in self._each_claim():
                        if w[index + OWNER] == NOBODY:
                            w[index + WHAT], w[index + OWNER] = STRUCK, 0
                    self._recount()
                if discard is not None:
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
        w, struck = self.words, 0
        for index in self._each_claim():
            if w[index + OWNER] != number + 1:
                continue
            if w[index + WHAT] & STRUCK:
                struck += w[index + WHAT] & ~STRUCK
                w[index + WHAT], w[index + OWNER] = STRUCK, 0
            else:
                what, died = w[index + WHAT], w[index + DIED]
                before = died >> DEATHS_ABOVE if died & PLACE == what else 0  # of another item, that was this claim's
                w[index + DIED] = (before + 1) << DEATHS_ABOVE | what
                w[index + OWNER] = NOBODY
        self._recount()
        finished = self._board.member(number, DONE_BY[self._place])
        if not left and struck > finished:
            w[LOST] += struck - finished

    def contents(self) -> list[tuple[int, bytes]]:
        """Kind and bytes of all that is claimed or not taken, while it is :meth:`still`."""
        return [(kind, data) for _, kind, data in self._remaining()]

    def renew(self) -> None:
        """This is a forked copy: the claims are the original's."""
        self.free_claims.clear()

    def close(self) -> None:
        """Let go of the memory; it is not used any more."""
        self.words = memoryview(b"").cast("Q")
        self._ring = self._records = None
        self._put = self._take = self._finish = self._heads = self._tails = self._dones = self._locks.nowhere

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    def _put_any(self, head: int, data: bytes | int, kind: int) -> bool:
        """Put *data* behind the *head* whatever it is, and whatever is in the way; whether there was room."""
        w, most = self.words, self.most
        if w[STATE] != self._state and self._look() & SHUT:
            raise ShutDown
        if isinstance(data, int):
            data = NUMBER_FORM.pack(data)
        room = most - ((head - w[TAIL]) & COUNT) - w[RETURNED] if most else COUNT
        if room <= 0:
            return False
        if self._puts_from <= head < self._puts_until and (nbytes := len(data)) <= BRIEF:
            _pack_brief(self._ring, (head >> TO_BYTES) & self._inside, nbytes << 16 | kind, data)
            w[HEAD] = head + STEPS[nbytes]
        else:
            self._put_at(head, data, kind)
        # Every item has a unit at least: so many units further there is room yet.
        self._room_until = min(self._puts_until, head + (min(room, FURTHER) << COUNT_BITS)) if room > MANY else 0
        if self._room_until or kind > NUMBER or not head % MANY:
            w[PUTS_ON] = self._locks.processor() + 1
        return True

    def _put_at(self, head: int, data: bytes, kind: int) -> None:
        """Put any record behind the *head*; the lock is held."""
        need = (len(data) + 15) >> 3
        begin, units = head >> COUNT_BITS, self._size >> 3
        at = begin & (units - 1)
        skip = units - at if at + need > units else 0
        end = (begin + skip + need) & PLACE
        if (self._limit - end) & PLACE >= units:
            begin, skip = self._make_room(begin, need)
            units = self._size >> 3
            at, end = begin & (units - 1), (begin + skip + need) & PLACE
        if skip:
            self._records[at] = skip << 16 | SKIP
            at = 0
        self._records[at] = len(data) << 16 | kind
        at = at * 8 + 8
        self._ring[at : at + len(data)] = data
        self.words[HEAD] = head = end << COUNT_BITS | ((head + 1) & COUNT)
        if len(data) <= BRIEF:
            self._look_ahead_to_put(head)

    def _take_any(self, tail: int, record: int, claim: Claim) -> Taken | None:
        """Take whatever is at the *tail*, of which the *record* may be known; the lock is held."""
        w, flags = self.words, 0
        if w[STATE] != self._state:  # before the head: what was put before it was shut down is to be seen
            flags = self._look()
            if flags & AT_ONCE:
                raise ShutDown
            if flags & BACK:
                return self._take_returned(claim)
        if further := _step_of(record):
            at = ((tail >> TO_BYTES) & self._inside) + 8
            data = self._ring[at : at + (record >> 16)]
            w[claim[0]] = tail >> COUNT_BITS
            w[TAIL] = tail + further
            return data, record & KIND, 0
        head = w[HEAD]
        if (tail ^ head) & COUNT == 0:
            if flags:
                raise ShutDown
            return None
        data, record = self._take_at(tail, claim)
        if many := (head - tail) & COUNT > MANY:
            self._look_ahead_to_take(w[TAIL], head)
        if many or record & KIND > NUMBER or not tail % MANY:
            self.apart.look(self._locks.processor() + 1, w[PUTS_ON], head)
        return as_taken(data, record & KIND)

    def _take_at(self, tail: int, claim: Claim) -> tuple[bytes, int]:
        """Take whatever record is at the *tail*, and what it says of itself; the lock is held."""
        begin = tail >> COUNT_BITS
        at = begin & ((self._size >> 3) - 1)
        record = self._records[at]
        if record & SKIP:
            begin = (begin + (record >> 16)) & PLACE
            at = begin & ((self._size >> 3) - 1)  # not always 0: the ring may have been smaller then
            record = self._records[at]
        length, at = record >> 16, at * 8 + 8
        data: bytes = self._ring[at : at + length]
        self.words[claim[0]] = begin
        self.words[TAIL] = ((begin + ((length + 15) >> 3)) & PLACE) << COUNT_BITS | ((tail + 1) & COUNT)
        return data, record

    def _take_returned(self, claim: Claim) -> Taken:
        """What a dead process was taking, the oldest of it: its claim becomes this one."""
        w = self.words
        tail = w[TAIL] >> COUNT_BITS
        index = max(
            (index for index in self._each_claim() if w[index + OWNER] == NOBODY),
            key=lambda index: (tail - w[index + WHAT]) & PLACE,
        )
        kind, data = self._record(w[index + WHAT])
        self.free_claims.append(list(claim))
        claim[:] = index + WHAT, count(STRUCK + 1).__next__
        w[index + OWNER] = self._board.number + 1
        self._recount()
        if w[PUTTERS]:
            w[PUTTERS] = 0
            self._locks.wake(self._tails, 1)
        return as_taken(data, kind, w[index + DIED] >> DEATHS_ABOVE)
