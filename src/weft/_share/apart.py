"""Who puts and who takes on one processor, though there are others: then one of them goes elsewhere.

Whoever is woken begins where he was woken, beside who woke him. Where both have something to do all the time, neither
sleeps, so neither is woken where it is idle; and the kernel may take tens of milliseconds until it separates them, in
which each waits for the other. To change to another processor takes 35 µs.
"""

from __future__ import annotations

import os
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._model.protocols import Clock

# They were seen together so often in a row, with something put in between: then it is no chance.
TOGETHER: Final = 2

# How long nobody changes again. For it is the kernel's to say who runs where; this is only for the beginning.
REST: Final = 0.05  # seconds


class Apart:
    """Decides when this side leaves the processor to the other.

    Args:
        leave: Goes to another processor.
        clock: The time, in seconds.

    Attributes:
        wanted: Whether it is time to.
        then: Called when it has.
    """

    __slots__ = ("_clock", "_leave", "_rests_until", "_seen", "_times", "then", "wanted")

    def __init__(self, leave: Callable[[int], object] | None = None, clock: Clock = monotonic) -> None:
        self._leave, self._clock = leave or leave_processor, clock
        self._seen = -1  # how far the other had come
        self._times = 0
        self._rests_until = 0.0
        self.wanted = False
        self.then: Callable[[], object] = bool

    def look(self, here: int, there: int, progress: int) -> None:
        """This side is on processor *here*, the other was *there* last, and has come as far as *progress*."""
        if progress != self._seen:
            self._seen = progress
            self._times = self._times + 1 if here == there >= 0 else 0
            self.wanted = self._times >= TOGETHER

    def go(self, here: int) -> None:
        """Go, unless that was just now."""
        self.wanted, self._times = False, 0
        if (now := self._clock()) >= self._rests_until:
            self._rests_until = now + REST
            self._leave(here)
            self.then()


def leave_processor(here: int) -> None:
    """The calling thread goes on, on another processor than *here*, and may come back then, as always."""
    with suppress(OSError):  # it may be forbidden
        allowed = os.sched_getaffinity(0)
        if others := allowed - {here}:
            try:
                os.sched_setaffinity(0, others)
            finally:
                os.sched_setaffinity(0, allowed)
