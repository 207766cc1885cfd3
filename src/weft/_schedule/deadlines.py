"""Moments to come: what is overdue, what is due for a retry, when the next may start."""

from __future__ import annotations

import heapq
from bisect import insort
from collections import deque
from collections.abc import Callable, Iterator
from itertools import count

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from .._model.chunk import Chunk

# Delay before an item that failed is tried again: doubles with each attempt, up to a limit, times 0.5 to 1.5
# by chance, so that many items that failed together do not come back together (Brooker, "Exponential Backoff
# and Jitter", AWS Architecture Blog, 2015).
BACKOFF_FIRST: Final = 0.1  # seconds
BACKOFF_MOST: Final = 30.0  # seconds


def backoff(attempt: int, chance: Callable[[], float]) -> float:
    """Seconds to wait after *attempt* failed; *chance* gives numbers from 0 to 1."""
    return min(BACKOFF_MOST, BACKOFF_FIRST * 2.0 ** min(attempt - 1, 32)) * (0.5 + chance())


# A limit that is a multiple of the median counts once so many measurements are there, of the newest so many, and
# is never shorter than this: below it a garbage collection or a busy machine looks like a hang.
MEDIAN_OF_LEAST: Final = 5
MEDIAN_OF_MOST: Final = 501
RELATIVE_LEAST: Final = 0.1  # seconds


class Limit:
    """How long one item may take, and which chunks are in one that takes longer.

    Args:
        seconds: A fixed limit.
        medians: A limit that is so many times the median of what items have taken so far.
    """

    def __init__(self, seconds: float | None = None, medians: float | None = None) -> None:
        self._seconds, self._medians = seconds, medians
        self._sorted: list[float] = []
        self._newest: deque[float] = deque()
        self._begun: dict[int, float] = {}  # when the item began that a chunk is in; the earliest first
        self._condemned: dict[int, float] = {}  # chunks that are overdue and being stopped, and by what limit

    @property
    def wanted(self) -> bool:
        """Whether there is a limit, or will be."""
        return self._seconds is not None or self._medians is not None

    @property
    def seconds(self) -> float | None:
        """The limit now; ``None`` if there is none, or not yet."""
        if self._medians is None or len(self._sorted) < MEDIAN_OF_LEAST:
            return self._seconds
        return max(RELATIVE_LEAST, self._medians * self._sorted[len(self._sorted) // 2])

    def learn(self, seconds: float) -> None:
        """An item took so long."""
        if self._medians is None:
            return
        insort(self._sorted, seconds)
        self._newest.append(seconds)
        if len(self._newest) > MEDIAN_OF_MOST:
            self._sorted.remove(self._newest.popleft())

    def began(self, chunk: int, began: float) -> None:
        """The chunk, or its next item, began at that moment."""
        self._condemned.pop(chunk, None)  # it was overdue, and turned out to have got on just then
        self._begun.pop(chunk, None)
        self._begun[chunk] = began

    def overdue(self, now: float) -> list[int]:
        """The chunks whose item has taken too long; each is named once."""
        late: list[int] = []
        limit = self.seconds
        if limit is None:
            return late
        for chunk, began in self._begun.items():
            if began + limit > now:  # all have the same limit, so the first to begin is the first to be late
                break
            late.append(chunk)
        for chunk in late:
            del self._begun[chunk]
            self._condemned[chunk] = limit
        return late

    def broken_by(self, chunk: int) -> float | None:
        """The limit by which the chunk is overdue, if it is."""
        return self._condemned.get(chunk)

    def next(self) -> float | None:
        """When something will be overdue, as far as is known."""
        limit = self.seconds
        return None if limit is None or not self._begun else next(iter(self._begun.values())) + limit

    def forget(self, chunk: int) -> None:
        """The chunk is not in flight any more."""
        self._begun.pop(chunk, None)
        self._condemned.pop(chunk, None)

    def clear(self) -> None:
        """Nothing is."""
        self._begun.clear()
        self._condemned.clear()


# How late waits end on a busy machine; a start may make up for that much.
LATENESS: Final = 0.010  # seconds


class Alarms:
    """Things with a moment; the earliest first, equal ones in the order they came."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Chunk]] = []
        self._order = count()

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, moment: float, thing: Chunk) -> None:
        """Remember *thing* until *moment*."""
        heapq.heappush(self._heap, (moment, next(self._order), thing))

    def next(self) -> float | None:
        """The earliest moment, if there is one."""
        return self._heap[0][0] if self._heap else None

    def discard(self, unwanted: Callable[[Chunk], bool]) -> int:
        """Forget what is *unwanted*; how many that were."""
        kept = [entry for entry in self._heap if not unwanted(entry[2])]
        gone = len(self._heap) - len(kept)
        heapq.heapify(kept)
        self._heap = kept
        return gone

    def due(self, now: float) -> Iterator[Chunk]:
        """Take everything whose moment has come."""
        while self._heap and self._heap[0][0] <= now:
            yield heapq.heappop(self._heap)[2]


class Pace:
    """At most *rate* starts a second: one every ``1/rate``, without saving up for bursts.

    A start that was a little late does not push the next ones back, so that the mean rate holds although
    waits end late.
    """

    def __init__(self, rate: float | None) -> None:
        self._interval = 0.0 if rate is None else 1.0 / rate
        self._next = float("-inf")

    def ready(self, now: float) -> bool:
        """Whether something may start."""
        return now >= self._next

    def start(self, now: float) -> None:
        """Something starts."""
        if self._interval:
            late = now - self._next
            self._next = (now if late > max(self._interval, LATENESS) else self._next) + self._interval

    def next(self, now: float) -> float | None:
        """When the next may start, if that is not now."""
        return None if now >= self._next else self._next
