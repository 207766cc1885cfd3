"""Looking again and again for a moment before going to sleep: who sleeps has to be woken, and that takes a while.

To wake a process on a processor that idles takes 25 µs and more, there and back twice that, and its caches are cold
then; a call takes less than that in between (docs/design/microseconds.md). So where calls follow each other at once,
nobody sleeps. Whoever else wants the processor gets it: it is offered at every look.
"""

from __future__ import annotations

import os
from time import perf_counter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final, TypeVar

    from .._model.protocols import Clock

    T = TypeVar("T")

# How long to look: some times what it takes to be woken. bench/process/calls.py
LOOK: Final = 0.0002  # seconds

# One look that took so long was none: others had the processor, or the GIL, and there is none to spare. Then nobody
# looks for a while, which doubles with each such look and becomes shorter again with every wait that was worth it.
CROWDED: Final = 0.0005  # seconds
REST: Final = (0.01, 1.0)  # seconds, at first and at most
RECOVERY: Final = 0.97

# One look that took so long gave way to somebody. If that is the other side, again and again, then both are on one
# processor, and stay there as long as nobody sleeps: who does is woken where it is idle.
GAVE_WAY: Final = 0.00001  # seconds
TOGETHER: Final = 16  # waits in a row

# After waits that were longer, so many more go without a look, at most; it doubles up to there.
SKIPPED: Final = 1024

# Who finds what he waits for at the first look, so often in a row, has caught up with the other side: now each step of
# one takes lines of memory out of the cache of the other, and both are slower by half. So he lets it get ahead.
CAUGHT_UP: Final = 4  # waits
AHEAD: Final = 0.00001  # seconds

_yield: Callable[[], None] = getattr(os, "sched_yield", lambda: None)


class Spin:
    """Decides from how the last waits went whether to look before the next one.

    Args:
        clock: The time, in seconds.
        give_way: Lets others have the processor for a moment.
    """

    __slots__ = ("_at_once", "_clock", "_give_way", "_misses", "_rest", "_rests_until", "_skips", "_together")

    def __init__(self, clock: Clock = perf_counter, give_way: Callable[[], object] = _yield) -> None:
        self._clock, self._give_way = clock, give_way
        self._at_once = 0  # waits in a row that were none
        self._misses = 0  # waits in a row that were longer
        self._skips = 0  # waits that go without a look
        self._together = 0  # waits in a row in which it gave way
        self._rest = REST[0]
        self._rests_until = 0.0

    def until(self, look: Callable[[], list[T]]) -> list[T]:
        """What *look* finds in a moment; nothing, if it is time to go to sleep."""
        if self._skips:
            self._skips -= 1
            return []
        last = self._clock()
        if last < self._rests_until:
            return []
        ending, longest = last + LOOK, 0.0
        while True:
            found = look()
            now = self._clock()
            longest = max(longest, now - last)
            if longest > CROWDED:
                self._rest_from(now)
                return found
            if found:
                self._succeed(longest)
                return found
            if now > ending:
                self._misses += 1
                self._skips = min(2**self._misses, SKIPPED)
                return []
            last = now
            self._give_way()

    def behind(self, look: Callable[[], list[T]]) -> list[T]:
        """:meth:`until` for one side of a stream, which stays a little behind the other rather than on its heels."""
        if not look():
            self._at_once = 0
            return self.until(look)
        self._at_once += 1
        if self._at_once >= CAUGHT_UP:
            self._at_once = 0
            ending = self._clock() + AHEAD
            while self._clock() < ending:
                self._give_way()
        return look()

    def let_pass(self) -> None:
        """Let whoever has woken this one go on first, as he has others to wake; not where strangers want the processor.

        Without that he may have to wait for a few milliseconds, and they with him (docs/design/microseconds.md).
        """
        began = self._clock()
        if began < self._rests_until:
            return
        self._give_way()
        now = self._clock()
        if now - began > CROWDED:
            self._rest_from(now)

    def forget(self) -> None:
        """What made others have the processor is over."""
        self._misses = self._skips = 0
        self._rest, self._rests_until = REST[0], 0.0

    def _rest_from(self, now: float) -> None:
        """There is no processor to spare."""
        self._rests_until = now + self._rest
        self._rest = min(2 * self._rest, REST[1])

    def _succeed(self, longest: float) -> None:
        """It was worth it; the longest look took so long."""
        self._misses = 0
        self._rest = max(self._rest * RECOVERY, REST[0])
        self._together = self._together + 1 if longest > GAVE_WAY else 0
        if self._together == TOGETHER:
            self._together, self._skips = 0, 1
