"""How many items travel together, and how many may be out at once."""

from __future__ import annotations

from .._model.plan import worth_sending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final


# What one chunk should take. bench/chunking.py: with items of 20 µs on two processes 0.5 ms cost 29 % more, and from
# 1 to 20 ms there was no difference beyond noise; with items of 1 ms on as many workers as processors, 8 ms put 4 to
# 5 % more of them to use than 3 ms did, as the caller has less to do. What is short leaves early and is little to lose.
TARGET: Final = 0.008  # seconds

# Chunks get no shorter than this towards the end. bench/tiny.py: the last 2.5 ms of 28 went to 45 ever smaller ones.
SHORTEST: Final = 0.0003  # seconds

# How much larger than the largest chunk so far the next may be: cost is known only from small chunks at first.
GROWTH: Final = 8

# Longer chunks save nothing (bench/chunking.py: flat from here on, and 65,536 cost 27 MB on processes).
LARGEST: Final = 8192  # items

# Above this, a worker needs no second chunk waiting: the round trip is lost in the noise.
LONG: Final = 0.020  # seconds

# The window (items read whose results have not been taken) when nobody says buffersize=.
WINDOW_CHUNKS: Final = 16  # chunks a worker
WINDOW_LEAST: Final = 64  # items a worker: room for a slow item at the head while the others go on
WINDOW_MOST: Final = 65_536  # items; more where a worker would have less than 64, or than two chunks of chunksize=
WINDOW_BYTES: Final = 256 * 2**20  # as far as the weight of items is known
WINDOW_FLOOR: Final = 2  # items a worker, whatever they weigh

# Chunks get no heavier than this: what travels should be on its way while the worker works, and fit into its cache.
# bench/process/data.py, bytes: 27 ms with 1 MiB, 26 with 2, 20 with 4, 30 with 8, 30 with 16; small arrays: 4 or more.
CHUNK_BYTES: Final = 4 * 2**20  # as far as the weight of items is known

# A worker that runs several items at once waits for the last of a chunk before it takes the next: so many rounds of
# them make that wait a small part.
ROUNDS: Final = 4

# Where a chunk has a price (a Ray task costs a caller half a millisecond and the cluster more), chunks grow faster and
# larger, and end longer: bench/ray.py, 20,000 items of x*x. A worker gives back what it did not get to.
GROWTH_FAR: Final = 4096
LARGEST_FAR: Final = 2**20  # items
SHORTEST_FAR: Final = 4  # times the price: shorter than that no chunk is, if there is so much left
UNCUT_FAR: Final = 20  # times the price: what is left for each worker is not cut further
WINDOW_FAR: Final = 2**26  # items
WINDOW_BYTES_EACH: Final = 2**20  # for each worker, where so many have more than WINDOW_BYTES
WINDOW_BYTES_FAR: Final = 2 * 2**30  # and all together

LEAST_COST: Final = 1e-9  # seconds an item: what a clock too coarse to see them makes of many

SMOOTHING: Final = 0.5  # weight of the newest measurement of an item's cost


class Chunking:
    """The size of the next chunk and of the window, from what the last chunks cost.

    Args:
        chunksize: Fixed size, or ``None`` to adapt.
        buffersize: Fixed window, or ``None`` to adapt.
        alone: Whether every item travels alone and only when its worker is free (somebody measures its time); may be
            changed.
        most: The largest chunk there may be, whatever would be best.
        price: What a chunk costs the caller, in seconds, where chunks are to be long enough for that.

    Attributes:
        travels: Whether chunks go somewhere, so that they should not be too heavy.
        together: How many items a worker runs at once: a chunk has no fewer, if there are so many for each worker.
    """

    def __init__(
        self, chunksize: int | None, buffersize: int | None, *, alone: bool, most: int | None = None, price: float = 0.0
    ) -> None:
        self._price, self._paced = price, alone
        self._buffersize = buffersize
        self._given = min(chunksize, most) if chunksize is not None and most is not None else chunksize
        self._most = most or (LARGEST_FAR if price else LARGEST)
        self.alone = alone
        self.together = 1
        self.travels = True
        self._cost: float | None = None  # seconds an item
        self._weight = 0.0  # bytes an item and its result
        self._largest = 0  # items in the largest chunk that came back

    @property
    def _chunksize(self) -> int | None:
        return 1 if self.alone else self._given

    def learn(self, items: int, seconds: float, nbytes: float) -> None:
        """A chunk of *items* took *seconds*; each item and its result weighed *nbytes*."""
        cost = seconds / items
        told = self._price and items > GROWTH * self._largest  # from so many more: a first call takes long
        self._cost = cost if self._cost is None or told else SMOOTHING * cost + (1 - SMOOTHING) * self._cost
        self._weight = max(nbytes, self._weight * 0.9)
        self._largest = max(self._largest, items)

    def depth(self, *, prefetches: bool) -> int:
        """How many chunks a worker may hold: 2 hide the round trip, 1 when that would only delay the end."""
        if self._price:  # they wait for whichever worker is free first; where none waits Ray takes workers away
            return 2 if prefetches and not self._paced and self._cost is not None else 1
        if self.alone or not prefetches or self._cost is None:
            return 1
        size = self._chunksize or 1
        return 2 if self._cost * size < LONG else 1

    def size(self, workers: int, depth: int, remaining: int | None) -> int:
        """How many items the next chunk should have; *remaining* is what is left to send, if known."""
        share = max(1, self.window(workers) // (workers * depth))
        if self._chunksize is not None:
            return min(self._chunksize, share)
        if self._cost is None:
            return 1
        growth = GROWTH_FAR if self._price else GROWTH
        size = min(self._most, self._aim(self._cost, workers), growth * max(1, self._largest), share)
        if self.together > 1:
            size = max(size, ROUNDS * self.together)
        if self._weight > 0 and self.travels:
            size = min(size, int(CHUNK_BYTES / self._weight))
        if remaining is not None and workers > 1:  # towards the end smaller, so that all workers finish together
            least = self._least(workers, remaining, max(self._cost, LEAST_COST))
            size = min(size, max(least, -(-remaining // (2 * workers))), remaining)
        return max(1, size)

    def _least(self, workers: int, remaining: int, cost: float) -> int:
        """How many items a chunk has at least towards the end."""
        if not self._price:
            return int(SHORTEST / cost)
        return max(
            int(SHORTEST_FAR * self._price / cost), min(-(-remaining // workers), int(UNCUT_FAR * self._price / cost))
        )

    def chunks_in(self, seconds: float, size: int) -> float:
        """How many chunks of *size* items one worker does in so many *seconds*, at least 1; 0 if nothing is known."""
        return 0 if self._cost is None else max(1.0, seconds / (self._cost * size))

    def window(self, workers: int) -> int:
        """How many items may have been read whose results have not been taken."""
        if self._buffersize is not None:
            return self._buffersize
        chunk = self._chunksize or (1 if self._cost is None else self._aim(self._cost, workers))
        most = max(WINDOW_FAR if self._price else WINDOW_MOST, max(WINDOW_LEAST, 2 * (self._chunksize or 0)) * workers)
        window = min(most, max(WINDOW_LEAST, WINDOW_CHUNKS * chunk) * workers)
        if self._weight > 0:
            window = min(window, max(WINDOW_FLOOR * workers, int(self._window_bytes(workers) / self._weight)))
        return window

    def _window_bytes(self, workers: int) -> float:
        return (
            WINDOW_BYTES if not self._price else min(WINDOW_BYTES_FAR, max(WINDOW_BYTES, WINDOW_BYTES_EACH * workers))
        )

    def _aim(self, cost: float, workers: int) -> int:
        """How many items of that *cost* make a chunk that is long enough."""
        target = max(TARGET, worth_sending(self._price, workers))
        return max(1, min(self._most, int(target / max(cost, LEAST_COST))))
