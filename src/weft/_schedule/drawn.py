"""A function over many inputs that workers of this process draw one by one, each when it is free.

No worker is given an item before it can begin with it, so no item waits behind another while a worker idles; and an
item costs little, as no future is made and nothing sent for it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from time import monotonic

from .._model.chunk import Call, Chunk
from .._model.interruption import uninterrupted
from .._model.outcome import Failure, Lost, Returned
from .._model.protocols import Handy
from .call_future import CallFuture
from .dispatcher import Dispatcher

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

# A signal that comes before a wait begins is handled when it ends.
LISTEN: Final = 0.5  # seconds


class Drawn:
    """One function over many inputs, in the order in which workers are free; their results, in that of the inputs.

    Args:
        dispatcher: Whose workers.
        crew: They.
        call: What they are to call.
        items: The items that are there from the beginning.
        ended: Whether there will be no more.

    Attributes:
        awaited: Whether its end comes by itself.
        ahead: Whether a worker may have its next chunk before it has finished the last: there are none.
        early: Whether it may have more of them at first: as above.
        failed: Whether an item has failed for good.
    """

    ahead = early = False

    def __init__(self, dispatcher: Dispatcher, crew: Handy, call: Call, items: Sequence[Any], *, ended: bool) -> None:
        self._dispatcher, self._crew, self._call = dispatcher, crew, call
        self._items: deque[tuple[int, Any]] = deque(enumerate(items))
        self._read = len(items)
        self._ended = self.awaited = ended
        self._at_work = 0  # workers that draw, under the dispatcher's lock
        self._back: dict[int, Any] = {}  # results, by index
        self._turn = 0  # the index of the result that may leave next
        self._end: int | None = None  # the index of the first item that was cancelled
        self._asked = -1  # the index of the result that somebody waits for
        self._bell = threading.Lock()  # by this
        self._bell.acquire()
        self.error: BaseException | None = None
        self.failed = False

    def begin(self) -> None:
        """Have workers draw."""
        with uninterrupted:
            with self._dispatcher.lock:
                wanted = min(self._dispatcher.width - self._at_work, len(self._items))
                self._at_work += wanted
            if wanted > 0:
                self._crew.deal(self._call, self, wanted)

    # ── whoever wants results ─────────────────────────────────────────────────────────────────────────────

    def take(self, timeout: float | None = None) -> list[Any] | None:
        """The next results that may leave, together; ``None`` at the end.

        A failed item's is a :class:`weft.Failure`.

        Raises:
            TimeoutError: There are none within *timeout* seconds.
        """
        ending = None if timeout is None else monotonic() + timeout
        while not (batch := self._leaving()):
            if self.error is not None and (self._end is None or self._turn >= self._end):
                raise self.error
            if self._ended and self._turn == self._read:
                return None
            self._asked = self._turn  # said before we look again: whoever puts it there rings, or we see it
            if self._turn in self._back or (self.error is not None and self._end is None):
                continue
            if self._items and timeout is None and self.error is None:
                self._draw_here()
            left = LISTEN if ending is None else min(LISTEN, ending - monotonic())
            if left <= 0:
                raise TimeoutError
            self._bell.acquire(timeout=left)
        return batch

    def grow(self, items: Iterable[Any]) -> None:
        """More *items* have been read."""
        for item in items:
            self._items.append((self._read, item))
            self._read += 1
        self.begin()

    def end(self) -> None:
        """There will be no more."""
        self._ended = True
        self._dispatcher.refill(self)

    def drop(self) -> None:
        """Nobody will add more. Takes no lock, so that the garbage collection may do it at any time."""
        self._ended = True
        self._dispatcher.look()

    def abandon(self) -> None:
        """Nobody wants results any more: what has not begun shall not. Takes no lock, as above."""
        self._items.clear()
        self.drop()

    # ── the workers, who take no lock for an item ─────────────────────────────────────────────────────────

    def draw(self) -> tuple[int, Any] | None:
        """The next item and its index; ``None`` if there is none, and nothing more is to be drawn."""
        while True:
            try:
                return self._items.popleft()
            except IndexError:
                with self._dispatcher.lock:
                    if self._items:  # they have come meanwhile, and nobody else was asked
                        continue
                    self._at_work -= 1
                    done = self.exhausted
                if done:
                    self._dispatcher.refill(self)
                return None

    def put(self, index: int, value: Any) -> None:
        """What an item came to."""
        self._back[index] = value
        if index == self._asked:
            self._ring()

    def put_failure(self, failure: Failure) -> None:
        """What one came to that failed."""
        self.failed = True
        self.put(failure.index, failure)

    def refuse(self, error: BaseException) -> None:
        """The worker is unfit for any call."""
        with self._dispatcher.lock:
            self._at_work -= 1
        self._dispatcher.broke(error)

    # ── the dispatcher ────────────────────────────────────────────────────────────────────────────────────

    def next_chunk(self) -> Chunk | None:
        """Nothing: workers draw."""

    def absorb(self, arrival: Returned | Lost) -> None:
        """Nothing arrives."""

    @property
    def exhausted(self) -> bool:
        """Whether nothing more will be drawn, and nobody is at work on it."""
        return self._ended and not self._items and not self._at_work

    def settled(self) -> Sequence[CallFuture]:
        """The promises that are to be kept now: it makes none."""
        return ()

    def left(self) -> None:
        """The dispatcher has nothing more to do with it."""

    def fail(self, error: BaseException) -> None:
        """There will be no more results; where it is cancelled, none but of what has begun."""
        try:
            self._end = self._items.popleft()[0]
        except IndexError:
            self._end = self._read
        self._items.clear()
        if not isinstance(error, CancelledError):
            self._end = None
        elif self._ended and self._end == self._read:  # all has begun
            return
        self.error, self._ended = self.error or error, True
        self._ring()
        self._dispatcher.refill(self)

    def _draw_here(self) -> None:
        """If it is a worker that waits for these, as all others may, it goes through them itself."""
        worker = self._crew.here()
        if worker is not None:
            with self._dispatcher.lock:
                self._at_work += 1
            self._crew.join_in(self._call, self, worker)

    def _leaving(self) -> list[Any]:
        back, turn, batch = self._back, self._turn, []
        while turn in back:
            batch.append(back.pop(turn))
            turn += 1
        self._turn = turn
        return batch

    def _ring(self) -> None:
        with suppress(RuntimeError):  # it has been rung
            self._bell.release()
