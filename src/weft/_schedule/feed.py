"""A function over many inputs among the single calls of a dispatcher: a schedule of its own on the same workers.

It goes on by itself, whether anybody asks for results or not: that is what the standard library's executors and pools
promise. Whoever waits for results reads the workers' answers himself, as with single calls.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from time import monotonic

from .._model.chunk import Call, Chunk
from .._model.event import Stats
from .._model.noun import replace
from .._model.outcome import Failure, Lost, Returned
from .call_future import CallFuture
from .chunking import NEAR
from .dispatcher import Dispatcher
from .policy import Policy
from .schedule import Schedule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

# Nobody takes results here before they are there, so there is no window: this is as large as none.
UNBOUNDED: Final = 1 << 60


# How many items are read ahead of the workers, where somebody reads who does not wait for results.
READ_MOST: Final = 2 * NEAR.largest

# Into how many parts the input is cut for each worker, while nothing is known of its items: as many as the standard
# library's pools have. What takes long comes back unfinished, so it costs nothing but the weight of what is sent.
PARTS: Final = 4
LIGHT: Final = 1024  # bytes of an item: heavier ones are sent one by one at first


class Supply:
    """The items that have been read and not been given out. One thread at most adds to them, without a lock.

    Args:
        items: Those that are there from the beginning.
        wrap: What a worker is given for an item, where that is not the item itself.
        ended: Whether there will be no more.

    Attributes:
        ended: The same.
        error: What the input raised at its end.
        wanted: Whether workers wait for more.
    """

    def __init__(self, items: Sequence[Any] = (), wrap: Callable[[Any], Any] | None = None, *, ended: bool) -> None:
        self._stock, self._at = items, 0
        self._more: deque[Any] = deque()
        self._wrap = wrap
        self._taken = threading.Event()  # what a thread sleeps on that has read enough
        self.ended = ended
        self.error: BaseException | None = None
        self.wanted = False

    def __len__(self) -> int:
        return len(self._stock) - self._at + len(self._more)

    @property
    def weight(self) -> float:
        """Roughly what the first of them takes in memory, in bytes; 0 where it does not say."""
        try:
            return sys.getsizeof(self._stock[self._at]) if self._at < len(self._stock) else 0
        except Exception:  # noqa: BLE001  a user's __sizeof__ may do anything
            return 0

    def add(self, items: Iterable[Any]) -> None:
        """There are more."""
        self._more.extend(items)

    def end(self, error: BaseException | None = None) -> None:
        """There will be no more; *error* is what the input raised."""
        if not self.ended:
            self.error = error
        self.ended = True

    def take(self, count: int) -> Sequence[Any]:
        """So many, or as many as there are."""
        self.wanted = True  # said before we look: whoever adds something then sees it, if we do not see what was added
        taken: Sequence[Any] = self._stock[self._at : self._at + count]
        if taken:
            self._at += len(taken)
            if self._at == len(self._stock):
                self._stock, self._at = (), 0
        else:
            taken = [self._more.popleft() for _ in range(min(count, len(self._more)))]
        if taken:
            self.wanted = False
            self._taken.set()
        return taken if self._wrap is None else list(map(self._wrap, taken))

    def await_less_than(self, count: int) -> None:
        """Wait until there are fewer, or there will be no more."""
        while len(self) >= count and not self.ended:
            self._taken.clear()
            if len(self) >= count and not self.ended:
                self._taken.wait()

    def clear(self) -> None:
        """Forget them."""
        self._stock, self._at = (), 0
        self._more.clear()
        self._taken.set()


class Feed:
    """One function over many inputs, on the workers of a dispatcher.

    Args:
        dispatcher: Whose workers.
        call: What they are to call; ``None`` for what their crew calls anyway.
        supply: The items.
        ordered: Whether results leave in the order of the items.
        chunksize: How many travel together; ``None`` to adapt.
        ahead: Whether a worker may have its next chunk before it has finished the last: then that has begun.
        early: Whether what a worker has not begun need not wait for it.
        awaited: Whether its end comes by itself, and not only if somebody takes results.
        keeps: Whether all results are collected, and nobody takes them before the end.
        price: What a chunk costs, in seconds, where chunks are to be long enough for that.
        opening: How many items the first chunks have, where chunks have a price.
        each: How many of these a worker may have before anything is known of them.
        workers: How many workers there are, where that is not how many calls they are given at once.
        let_go: Called with its figures when workers have nothing more to do with it.

    Attributes:
        awaited: The same.
        ahead: The same, as far as the workers are of a kind that gains by it.
        over: A promise that is kept at the end, or when there will be none.
        results: What was collected.
        error: Why there will be no more results, if that is so.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        call: Call | None,
        supply: Supply,
        *,
        ordered: bool = True,
        chunksize: int | None = None,
        ahead: bool = True,
        early: bool = False,
        awaited: bool = True,
        keeps: bool = False,
        price: float = 0.0,
        opening: int = 1,
        each: int = 1,
        workers: Callable[[], int] | None = None,
        let_go: Callable[[Stats], object] = bool,
    ) -> None:
        self._dispatcher = dispatcher
        self._call = call
        self._supply = supply
        self._keeps, self._let_go = keeps, let_go
        self.awaited = awaited
        self.ahead = ahead and dispatcher.prefetches
        self._workers = workers or (lambda: dispatcher.width)
        width, total = self._workers(), len(supply) if supply.ended else None
        if not price and total is not None and supply.weight <= LIGHT:
            opening = max(1, -(-total // (PARTS * max(1, width))))
        policy = Policy(
            ordered=ordered,
            on_error="keep",
            chunksize=chunksize,
            buffersize=UNBOUNDED,
            price=price,
            opening=opening,
            early=PARTS if self.ahead and opening > 1 and early else each,
        )
        self._schedule = Schedule(policy, width, total=total)
        self._asked: CallFuture | None = None  # what somebody waits by who wants the next results
        self._abandoned = False
        self._out = 0  # chunks that workers have, wanted or not
        self._said = False  # whether that was the end
        self.over = dispatcher.promise()
        self.results: list[Any] = []
        self.error: BaseException | None = None

    # ── whoever wants results ─────────────────────────────────────────────────────────────────────────────

    def take(self, timeout: float | None = None) -> list[Any] | None:
        """The next results that may leave, together; ``None`` at the end.

        A failed item's is a :class:`weft.Failure`.

        Raises:
            TimeoutError: There are none within *timeout* seconds.
        """
        ending = None if timeout is None else monotonic() + timeout
        while True:
            with self._dispatcher.lock:
                batch = self._release()
                if batch is not None:
                    return batch
                if self.error is not None:
                    raise self.error
                if self._schedule.finished:
                    return None
                asked = self._asked = self._dispatcher.promise()
            left = None if ending is None else ending - monotonic()
            self._dispatcher.serve(asked, left)
            if not asked.settled:
                raise TimeoutError

    @property
    def failed(self) -> bool:
        """Whether an item has failed for good, as far as results have been taken at least."""
        return bool(self._schedule.failures)

    @property
    def first_failure(self) -> Failure | None:
        """The failed item that comes first in the input, if there is one."""
        return min(self._schedule.failures, key=lambda failure: failure.index, default=None)

    def grow(self, items: Iterable[Any]) -> None:
        """More *items* have been read."""
        self._supply.add(items)
        if self._supply.wanted:
            self._dispatcher.refill(self)

    def end(self, error: BaseException | None = None) -> None:
        """There will be no more, since the input ended, or raised an *error*."""
        with self._dispatcher.lock:
            self._supply.end(error)
        self._dispatcher.refill(self)

    def drop(self) -> None:
        """Nobody will add more. Takes no lock, so that the garbage collection may do it at any time."""
        self._supply.end()
        self._dispatcher.look()

    def abandon(self) -> None:
        """Nobody wants results any more: what has not begun shall not. Takes no lock, as above."""
        self._abandoned = True
        self._dispatcher.look()

    def read(self, items: Iterable[Iterable[Any]]) -> None:
        """Read *items*, which come in groups, to their end, not much faster than they are worked on."""
        error = None
        try:
            for group in items:
                self._supply.await_less_than(READ_MOST)
                if self._supply.ended:  # it was cancelled
                    return
                self.grow(group)
        except BaseException as raised:  # noqa: BLE001  it is for whoever takes the results
            error = raised
        self.end(error)

    @property
    def dispatcher(self) -> Dispatcher:
        """Whose workers."""
        return self._dispatcher

    def fail(self, error: BaseException) -> None:
        """There will be no more results."""
        with self._dispatcher.lock:
            if not self.exhausted:
                self.error = self.error or error
            self._supply.end()
            self._supply.clear()
            self._schedule.cancel()
        self._dispatcher.refill(self)

    # ── the dispatcher, under its lock ────────────────────────────────────────────────────────────────────

    def next_chunk(self) -> Chunk | None:
        """What a worker may have next."""
        if self._abandoned:
            return None
        schedule, supply = self._schedule, self._supply
        schedule.suit(self._workers(), prefetches=self.ahead, keeps=self._dispatcher.keeps)
        chunk = schedule.next_chunk(0.0)
        if chunk is None and (wanted := schedule.wants_items()):
            schedule.add(supply.take(wanted))
            if supply.ended and not len(supply):
                schedule.end_input(supply.error)
            chunk = schedule.next_chunk(0.0)
        if chunk is None:
            return None
        self._out += 1
        return replace(chunk, call=self._call)

    @property
    def early(self) -> bool:
        """Whether workers may have more chunks than usual, as nothing is known of the items yet."""
        return self._schedule.early

    def absorb(self, arrival: Returned | Lost) -> None:
        """What became of a chunk, or of a part of it."""
        if isinstance(arrival, Returned):
            self._out -= not arrival.more
            self._schedule.settle(arrival, 0.0)
        else:
            self._out -= 1
            self._schedule.lose(arrival, 0.0)

    @property
    def exhausted(self) -> bool:
        """Whether it will give out nothing more."""
        if self._abandoned:
            self._supply.end()
            self._supply.clear()
            self._schedule.cancel()
        if not self._supply.ended or len(self._supply):
            return False
        self._schedule.end_input(self._supply.error)
        return not self._out and not self._schedule.unfinished

    def settled(self) -> Sequence[CallFuture]:
        """The promises that are to be kept now."""
        while self._keeps and (batch := self._release()) is not None:
            self.results += batch
        asked, self._asked = self._asked, None
        kept = [] if asked is None else [asked]
        if not self._said and (self.error is not None or self.exhausted):
            self._said = True
            kept.append(self.over)
        return kept

    def left(self) -> None:
        """The dispatcher has nothing more to do with it."""
        self._let_go(self._schedule.stats(0.0))

    def _release(self) -> list[Any] | None:
        self._schedule.taken()
        batch = self._schedule.release()
        if batch is None and self._schedule.error is not None:
            self.error = self.error or self._schedule.error
        return batch


def in_memory(items: Iterable[Any]) -> list[Any] | range:
    """All *items*, read now; a range is sent as such."""
    return items if isinstance(items, range) else list(items)


def in_groups(items: Iterable[Any], size: int) -> Iterable[tuple[Any, ...]]:
    """The *items* in tuples of so many; an incomplete one is lost if the input raises."""
    reading = iter(items)
    while group := tuple(islice(reading, size)):
        yield group
