"""Who waits for a condition, in the order in which they came; each sleeps on a word of his own.

All of it is read and written only by who has the condition's lock. Who is dead is passed over.
"""

from __future__ import annotations

import time
from typing import ClassVar, Final

from .cells import Cell, Sheet
from .futex import futex_wait, futex_wake

WAITERS: Final = 2  # the kind of cell

# Sixteen bytes for each: what it is in, its seat, its number.
_FIRST: Final = 16  # bytes; before it the last number that was given
_EACH: Final = 16
MOST: Final = 508

_FREE: Final = 0
_WAITING: Final = 1
_NOTIFIED: Final = 2


class Waiters(Cell):
    """The waiters of one condition."""

    __slots__ = ()
    kind: ClassVar[int] = WAITERS

    def enter(self) -> int:
        """Begin to wait; the place.

        Raises:
            OSError: There are too many.
        """
        for place in range(MOST):
            at = self._at(place)
            if self._state(place) == _FREE or not self._lives(place):
                number = self.sheet.words[self.at // 8] + 1
                self.sheet.words[self.at // 8] = self.sheet.words[at // 8 + 1] = number
                self._ints[at // 4 + 1] = self.sheet.seat
                self._ints[at // 4] = _WAITING
                return place
        raise OSError(f"more than {MOST} threads wait for the same condition")

    def sleep(self, place: int, timeout: float | None) -> bool:
        """Wait there until somebody notifies, or the time is over; without the lock. Whether somebody has."""
        ending = None if timeout is None else time.monotonic() + timeout
        while self._state(place) == _WAITING:
            left = None if ending is None else ending - time.monotonic()
            if left is not None and left <= 0:
                return False
            futex_wait(self.sheet.segment.address + self._at(place), _WAITING, left)
        return True

    def leave(self, place: int) -> bool:
        """Wait no more; whether somebody has notified."""
        notified = self._state(place) == _NOTIFIED
        self._ints[self._at(place) // 4] = _FREE
        return notified

    def notify(self, count: int) -> None:
        """Wake those who have waited longest, so many of the living."""
        for place in self._waiting():
            if count <= 0:
                return
            if self._lives(place):
                count -= 1
                self._ints[self._at(place) // 4] = _NOTIFIED
                futex_wake(self.sheet.segment.address + self._at(place))
            else:
                self._ints[self._at(place) // 4] = _FREE

    def anybody_dead(self) -> bool:
        """Whether one of those who wait never will go on."""
        return not all(map(self._lives, self._waiting()))

    @property
    def _ints(self) -> memoryview:
        return self.sheet.ints

    def _at(self, place: int) -> int:
        return self.at + _FIRST + _EACH * place

    def _state(self, place: int) -> int:
        return int(self._ints[self._at(place) // 4])

    def _lives(self, place: int) -> bool:
        return self.sheet.lives(self._ints[self._at(place) // 4 + 1])

    def _waiting(self) -> list[int]:
        """The places of those who wait, the longest first."""
        begin = self._at(0)
        states = self._ints[begin // 4 : begin // 4 + MOST * 4 : 4].tolist()
        places = [place for place, state in enumerate(states) if state == _WAITING]
        return sorted(places, key=lambda place: self.sheet.words[self._at(place) // 8 + 1])


def dismiss(sheet: Sheet, seat: int) -> None:
    """The process that sat there is dead and another takes its seat: it waits for nothing."""
    for at in sheet.of_kind(WAITERS):
        for begin in range((at + _FIRST) // 4, (at + _FIRST + _EACH * MOST) // 4, _EACH // 4):
            if sheet.ints[begin + 1] == seat:
                sheet.ints[begin] = _FREE
