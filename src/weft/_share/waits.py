"""Those who wait at a lane, for an item, for room, or for all to be finished, and how they are woken."""

from __future__ import annotations

from time import monotonic
from typing import Final

from .._transport.board import LANES, Board
from .ring import COUNT, DONE, FLAGS, HEAD, JOINERS, KEEP, LOW, MOST, PUTTERS, RETURNED, STATE, TAIL, TAKERS, Ring

_SOMETHING: Final = [True]
_NOTHING: Final[list[bool]] = []


class Waits(Ring):
    """A ring at which one can wait.

    Args:
        board: The board.
        place: Which of its lanes.

    Attributes:
        most: How many items there is room for; 0 for any number.
    """

    def __init__(self, board: Board, place: int) -> None:
        super().__init__(board, place)
        begin = LANES * (1 + place)
        self._heads, self._tails, self._dones = (board.pointer(begin + at * 8 + LOW) for at in (HEAD, TAIL, DONE))
        self.most = self.words[MOST]
        self._reaped = 0.0

    # Who waits says so, with a store and no lock, before he looks once more. Who wakes strikes that out, and wakes one;
    # who was woken says it again, for there may be others, and wakes the next if there is something for him, too.

    def glance_for_item(self) -> list[bool]:
        """Not empty if there may be an item."""
        w = self.words
        return _SOMETHING if (w[TAIL] ^ w[HEAD]) & COUNT or w[STATE] & FLAGS else _NOTHING

    def glance_for_room(self) -> list[bool]:
        """Not empty if there may be room."""
        w = self.words
        return _SOMETHING if ((w[HEAD] - w[TAIL]) & COUNT) + w[RETURNED] < self.most or self.closing else _NOTHING

    def wait_for_item(self, timeout: float) -> None:
        """Wait until there may be an item, or *timeout* seconds."""
        w = self.words
        if self._size > KEEP:
            self._tidy()
        w[TAKERS] = 1
        head = w[HEAD]
        if (w[TAIL] ^ head) & COUNT == 0 and not w[STATE] & FLAGS:
            self._locks.wait(self._heads, head, timeout)
            w[TAKERS] = 1

    def wait_for_room(self, timeout: float) -> None:
        """Wait until there may be room, or *timeout* seconds."""
        w = self.words
        w[PUTTERS] = 1
        tail = w[TAIL]
        if ((w[HEAD] - tail) & COUNT) + w[RETURNED] >= self.most and not self.closing:
            self._locks.wait(self._tails, tail, timeout)
            w[PUTTERS] = 1

    def wait_for_end(self, timeout: float) -> None:
        """Wait until another item may have been finished, or *timeout* seconds."""
        w = self.words
        w[JOINERS] = 1
        done = w[DONE]
        if (w[HEAD] - done) & COUNT:
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
