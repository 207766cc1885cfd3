"""What is not back: chunks to send, in order; those that workers have; items that are to be tried again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice, takewhile

from .._model.chunk import Chunk
from .._model.noun import replace
from .deadlines import Alarms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

# So many that wait are counted, to know how near the end is: all, unless that is far.
LOOKED_AT: Final = 64


class Backlog:
    """Every item that was read is in here once, in exactly one chunk, until :meth:`settle` or :meth:`take_back`."""

    def __init__(self) -> None:
        self.unsent: deque[Chunk] = deque()
        self.in_flight: dict[int, Chunk] = {}
        self.due: Alarms = Alarms()  # to be tried again, each alone
        self._uncut: set[int] = set()  # those to send that are cut when they are sent, by number
        self._last = float("inf")  # no item behind this one is wanted
        self._numbers = 0
        self.out = 0  # items in flight

    def __bool__(self) -> bool:
        return bool(self.unsent or self.in_flight or self.due)

    def add(self, first: int, items: Sequence[Any]) -> None:
        """Items were read."""
        self.unsent.append(Chunk(self._number(), first, items))

    def next(self, now: float, size: Callable[[int], int]) -> Chunk | None:
        """The chunk to send now, which is in flight then; *size* says how many of so many items it should have."""
        chunk = next(self.due.due(now), None)
        if chunk is None and self.unsent:
            chunk = self._cut(self.unsent.popleft(), size)
        if chunk is not None:
            self.in_flight[chunk.number] = chunk
            self.out += len(chunk.items)
        return chunk

    def take_back(self, number: int) -> Chunk | None:
        """The chunk is not in flight any more; ``None`` if it was not."""
        chunk = self.in_flight.pop(number, None)
        if chunk is not None:
            self.out -= len(chunk.items)
        return chunk

    def settle(self, number: int, first: int | None, tried: int, *, more: bool) -> Chunk | None:
        """So many items of a chunk, from *first* on, have come back; they, and if there are no *more* the rest.

        ``None`` if they are not in flight. What comes before *first* has not been heard of: it is sent again, for no
        item may have another's result. Where all have come back there are no more, whatever is said: a worker that is
        made to leave does not know.
        """
        chunk = self.take_back(number)
        if chunk is None:
            return None
        skipped = 0 if first is None else first - chunk.first
        if skipped < 0:  # they were missed before, and are on their way again
            self._put_back(chunk)
            return None
        if skipped:
            self.send_again(chunk, 0, skipped, skipped)
            chunk = replace(chunk, first=chunk.first + skipped, items=chunk.items[skipped:])
        if not more or tried >= len(chunk.items):
            return chunk
        self._put_back(replace(chunk, first=chunk.first + tried, items=chunk.items[tried:]))
        return replace(chunk, items=chunk.items[:tried])

    def send_again(self, chunk: Chunk, start: int, size: int, end: int | None = None) -> list[Chunk]:
        """Put the items of *chunk* from *start* to *end* in the queue again, *size* together; before what comes later.

        In which pieces.
        """
        end = len(chunk.items) if end is None else end
        pieces = []
        for offset in range(start, end, size):
            if chunk.first + offset > self._last:
                break
            items = chunk.items[offset : min(offset + size, end)]
            pieces.append(Chunk(self._number(), chunk.first + offset, items, chunk.attempt))
        sooner = list(takewhile(lambda other: other.first < chunk.first, self.unsent))
        for _ in sooner:
            self.unsent.popleft()
        self.unsent.extendleft(reversed(sooner + pieces))
        return pieces

    def send_rest(self, chunk: Chunk, start: int) -> None:
        """The same from *start* on, in one piece: it is cut when it is sent, by what is known then."""
        self._uncut.update(piece.number for piece in self.send_again(chunk, start, len(chunk.items)))

    def try_again(self, chunk: Chunk, offset: int, moment: float) -> None:
        """One item gets its next attempt, alone and not before that moment."""
        items = [chunk.items[offset]]
        self.due.add(moment, Chunk(self._number(), chunk.first + offset, items, chunk.attempt + 1))

    def end_at(self, last: int) -> None:
        """Nothing behind this item is wanted any more, nor the item itself."""
        self._last = last
        self.unsent = deque(chunk for chunk in self.unsent if chunk.first < last)
        self.due.discard(lambda chunk: chunk.first > last)
        self.in_flight = {n: chunk for n, chunk in self.in_flight.items() if chunk.first < last}
        self.out = sum(len(chunk.items) for chunk in self.in_flight.values())

    def forget(self) -> None:
        """Nothing is wanted any more."""
        self._last = -1
        self.unsent.clear()
        self._uncut.clear()
        self.in_flight.clear()
        self.out = 0
        self.due = Alarms()

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    def _put_back(self, chunk: Chunk) -> None:
        self.in_flight[chunk.number] = chunk
        self.out += len(chunk.items)

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _cut(self, chunk: Chunk, size: Callable[[int], int]) -> Chunk:
        """As much of the *chunk* as suits what is known by now; the rest goes first in the queue again."""
        if chunk.number not in self._uncut:
            return chunk
        self._uncut.discard(chunk.number)
        most = size(len(chunk.items) + sum(len(other.items) for other in islice(self.unsent, LOOKED_AT)))
        if len(chunk.items) <= most:
            return chunk
        rest = Chunk(self._number(), chunk.first + most, chunk.items[most:], chunk.attempt)
        self._uncut.add(rest.number)
        self.unsent.appendleft(rest)
        return replace(chunk, items=chunk.items[:most])
