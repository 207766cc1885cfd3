"""How many items travel together, and how many may be out at once."""

from __future__ import annotations

from .._model.noun import dataclass
from .._model.plan import CHUNK_BYTES, worth_sending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from .policy import Policy


# What one chunk should take. bench/chunking.py: with items of 20 µs on two processes 0.5 ms cost 29 % more, and from
# 1 to 20 ms there was no difference beyond noise; with items of 1 ms on as many workers as processors, 8 ms put 4 to
# 5 % more of them to use than 3 ms did, as the caller has less to do. What is short leaves early and is little to lose.
TARGET: Final = 0.008  # seconds

# And in a long run at most, where what a worker has finished outlives it: then a death costs no more, and the caller
# has less to do. Such chunks take a part of what each worker has done so far: what is short leaves as early as ever.
# bench/process/even.py.
LONGEST: Final = 0.040  # seconds
PART: Final = 1 / 8

# Above this, a worker needs no second chunk waiting: the round trip is lost in the noise.
LONG: Final = 0.020  # seconds

# The window (items read whose results have not been taken) when nobody says buffersize=.
WINDOW_CHUNKS: Final = 16  # chunks of TARGET a worker
LONG_CHUNKS: Final = 4  # and of longer ones: two that it has, two that have come back
WINDOW_LEAST: Final = 64  # items a worker: room for a slow item at the head while the others go on
WINDOW_BYTES: Final = 256 * 2**20  # as far as the weight of items is known
WINDOW_FLOOR: Final = 2  # items a worker, whatever they weigh

# A worker that runs several items at once waits for the last of a chunk before it takes the next: so many rounds of
# them make that wait a small part.
ROUNDS: Final = 4

LEAST_COST: Final = 1e-9  # seconds an item: what a clock too coarse to see them makes of many

SMOOTHING: Final = 0.5  # weight of the newest measurement of an item's cost

# Where a chunk has a price, the first ones have more than one item, for a single one says little of many: what a first
# call takes is not what the others do. So small a part of what there is for each worker that nothing is lost if its
# first item takes for ever, and the others wait for that one; and no more than this.
OPENING: Final = 1 / 64
OPENING_MOST: Final = 1024  # items

# Where something is known from an earlier run they have more; but that may not be true any more.
OPENING_KNOWN: Final = 2**16  # items
OPENING_TARGET: Final = 2 * TARGET  # which ends before a chunk of unknown items goes back unfinished
OPENING_BYTES: Final = 2**20


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """What chunks go by, as far as it depends on where they are sent.

    Attributes:
        far: Whether a chunk costs its caller so much that chunks are made longer for it.
        growth: How much larger than the largest chunk so far the next may be: cost is known only from small chunks at
            first.
        largest: Items in a chunk at most.
        shortest: How short they get towards the end, in seconds.
        uncut: What is left for each worker is not cut further if it takes no longer than this, in seconds.
        window: Items read whose results have not been taken, at most; more where a worker would have less than
            WINDOW_LEAST, or than two chunks of chunksize=.
        nbytes_each: What these may weigh for each worker, where that comes to more than WINDOW_BYTES.
        nbytes: And all together.
        price: What a chunk costs the caller, in seconds.
    """

    far: bool
    growth: int
    largest: int
    shortest: float
    uncut: float
    window: int
    nbytes_each: int
    nbytes: int
    price: float = 0.0


# To workers on this machine. Of `shortest`, bench/tiny.py: the last 2.5 ms of 28 went to 45 ever smaller ones. Of
# `largest`, bench/chunking.py: half as many take 4 to 8 % longer, and four times as many cost 30 MB on processes, where
# these cost 8.
NEAR: Final = Terms(
    far=False,
    growth=8,
    largest=16384,
    shortest=0.0003,
    uncut=0.0,
    window=65_536,
    nbytes_each=0,
    nbytes=WINDOW_BYTES,
)


def far(price: float) -> Terms:
    """To elsewhere, where a chunk costs its caller *price* seconds, and whoever runs it more (bench/on_ray.py)."""
    return Terms(
        far=True,
        growth=4096,
        largest=2**20,
        shortest=4 * price,
        uncut=20 * price,
        window=2**26,
        nbytes_each=2**20,
        nbytes=2 * 2**30,
        price=price,
    )


def opening_of(total: int, workers: int, nbytes: float, price: float, cost: float | None = None) -> int:
    """How many items the first chunks have, where a chunk has a price.

    Args:
        total: How many items there are.
        workers: How many workers.
        nbytes: What an item weighs.
        price: What a chunk costs the caller, in seconds.
        cost: What one took lately, in seconds, if anybody knows.
    """
    share = -(-total // max(1, workers))
    part = min(OPENING * share, OPENING_MOST)
    if cost is not None and part >= 1:
        cost = max(cost, LEAST_COST)
        part = min(total, max(share, far(price).shortest / cost), OPENING_TARGET / cost, OPENING_KNOWN)
    return max(1, int(min(part, OPENING_BYTES / max(1.0, nbytes))))


class Chunking:
    """The size of the next chunk, how many may be out, and the window, from what the last chunks cost.

    Args:
        policy: What was asked.

    Attributes:
        workers: How many there are.
        depth: How many chunks a worker may hold: 2 hide the round trip, 1 when that would only delay the end.
        room: How many chunks all workers may hold.
        window: How many items may have been read whose results have not been taken.
    """

    def __init__(self, policy: Policy) -> None:
        chunksize, most = policy.chunksize, policy.most
        self._terms = terms = far(policy.price) if policy.price else NEAR
        self._opening, self._early = policy.opening, policy.early
        self._paced = policy.rate is not None  # starts are: then nothing waits for a worker
        self._buffersize = policy.buffersize
        self._given = min(chunksize, most) if chunksize is not None and most is not None else chunksize
        self._most = most or terms.largest
        self._cost: float | None = None  # seconds an item
        self._weight = 0.0  # bytes an item and its result
        self._one_way = 0.0  # the heavier of the two
        self._ahead: int | None = None  # items
        self._largest = 0  # items in the largest chunk that came back
        self._spent = 0.0  # seconds, by all workers
        self.suit(1)

    def suit(
        self,
        workers: int,
        *,
        held: int = 0,
        travels: bool = True,
        alone: bool = False,
        together: int = 1,
        keeps: bool = False,
    ) -> None:
        """This is what the workers are like now.

        Args:
            workers: How many there are.
            held: How many chunks others have, who get no more.
            travels: Whether chunks go somewhere, so that one should be waiting there, and none be too heavy.
            alone: Whether every item travels alone and only when its worker is free (somebody measures its time).
            together: How many items a worker runs at once: a chunk has no fewer, if there are so many for each worker.
            keeps: Whether what a worker has finished of a chunk outlives it.
        """
        self.workers, self._held = workers, held
        self._travels, self._alone, self._together = travels, alone, together
        self._keeps = keeps and travels
        self._chunksize = 1 if alone else self._given
        self._measure()

    def bound(self, ahead: int) -> None:
        """Whoever takes the results wants no more than so many read ahead, as long as all workers have something."""
        if ahead != self._ahead:
            self._ahead = ahead
            self._measure()

    def learn(self, items: int, seconds: float, nbytes: float, one_way: float = 0.0) -> None:
        """A chunk of *items* took *seconds*; each with its result weighed *nbytes*, the heavier of both *one_way*."""
        cost = seconds / items
        # A first call takes long, and is forgotten slowly; from so many more than before the cost is known anyway.
        known = self._terms.far and items > NEAR.growth * self._largest
        self._cost = cost if self._cost is None or known else SMOOTHING * cost + (1 - SMOOTHING) * self._cost
        self._weight = max(nbytes, self._weight * 0.9)
        self._one_way = max(one_way or nbytes, self._one_way * 0.9)
        self._largest = max(self._largest, items)
        self._spent += seconds
        self._measure()

    def size(self, remaining: int | None, out: int = 0) -> int:
        """How many items the next chunk should have; *remaining* is what is left to send, if known.

        *out* is how many items workers have.
        """
        if self._cost is None or self._chunksize is not None:
            return self._size
        size, workers = self._size, self.workers
        if remaining is not None and workers > 1:  # towards the end smaller, so that all workers finish together
            cost, terms = max(self._cost, LEAST_COST), self._terms
            least = max(int(terms.shortest / cost), min(-(-(remaining + out) // workers), int(terms.uncut / cost)))
            if self._together > 1:
                least = max(least, min(self._together, -(-remaining // workers)))
            size = min(size, max(least, -(-remaining // (2 * workers))), remaining)
        return max(1, size)

    @property
    def early(self) -> bool:
        """Whether a worker may hold more than usual, since nothing is known of the items yet."""
        return self._cost is None and self._early > 1

    def chunks_in(self, seconds: float, size: int) -> float:
        """How many chunks of *size* items one worker does in so many *seconds*, at least 1; 0 if nothing is known."""
        return 0 if self._cost is None else max(1.0, seconds / (self._cost * size))

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    def _measure(self) -> None:
        """Everything that changes with what is known, and not with what is asked: once a chunk."""
        cost, workers, terms = self._cost, self.workers, self._terms
        opening = min(self._opening, self._most)
        aim = opening if cost is None else self._items_in(max(TARGET, worth_sending(terms.price, workers)), cost)
        self.depth = self._depth()
        own = workers * self.depth
        self.room = own + self._held
        longer = aim
        if self._keeps and cost is not None and self._spent > workers * TARGET / PART:
            longer = max(aim, self._items_in(min(LONGEST, self._spent / workers * PART), cost))
        self.window = self._window(max(WINDOW_CHUNKS * (self._chunksize or aim), LONG_CHUNKS * longer))
        if longer > aim:  # as long as they leave the window in small enough pieces
            aim = max(aim, min(longer, self.window // (own * (LONG_CHUNKS // 2))))
        share = max(1, self.window // own) if workers else 1
        if self._chunksize is not None:
            self._size = min(self._chunksize, share)
            return
        if cost is None:
            self._size = min(opening, share)
            return
        size = min(aim, terms.growth * max(1, self._largest), share)
        if self._together > 1:
            size = max(size, ROUNDS * self._together)
        if self._one_way > 0 and self._travels:
            size = min(size, round(CHUNK_BYTES / self._one_way))
        self._size = size

    def _items_in(self, seconds: float, cost: float) -> int:
        """How many items take so long, one of which takes *cost* seconds."""
        return max(1, min(self._most, int(seconds / max(cost, LEAST_COST))))

    def _depth(self) -> int:
        if self._terms.far:  # they wait for whichever worker is free first; where none waits workers are taken away
            waits = 2 if self._cost is not None else min(2, self._early)
            return waits if self._travels and not self._paced else 1
        if self._alone or not self._travels:
            return 1
        if self._cost is None:
            return self._early
        return 2 if self._cost * (self._chunksize or 1) < LONG else 1

    def _window(self, each: int) -> int:
        """As large as it may be, with *each* items for a worker."""
        if self._buffersize is not None:
            return self._buffersize
        workers, terms = self.workers, self._terms
        most = max(terms.window, max(WINDOW_LEAST, 2 * (self._chunksize or 0)) * workers)
        window = min(most, max(WINDOW_LEAST, each) * workers)
        if self._weight > 0:
            nbytes = min(terms.nbytes, max(WINDOW_BYTES, terms.nbytes_each * workers))
            window = min(window, max(WINDOW_FLOOR * workers, int(nbytes / self._weight)))
        if self._ahead is not None:
            each = max(self._chunksize or 1, ROUNDS * self._together if self._together > 1 else 1)
            window = min(window, max(self._ahead, WINDOW_FLOOR * each * workers))
        return window
