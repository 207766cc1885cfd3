"""Reads the input: as much as is wanted, but no more than can be had quickly."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol

from .._model.locks import Condition
from .._model.noun import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final, TypeGuard

    from .._model.protocols import Clock

# An input that takes longer than this is read in smaller portions, so that what it gave is soon on its way and
# what came back soon leaves.
READING: Final = 0.001  # seconds
STRIDE_MOST: Final = 4096  # items read between two looks at the clock

_IN_MEMORY: Final = (list, tuple, range)


@dataclass(frozen=True, slots=True, eq=False)
class Portion:
    """What one reading brought.

    Attributes:
        items: The items.
        ended: Whether there are no more.
        error: What the input raised, if it ended with that.
        slow: Whether the reading stopped short because the input takes its time.
    """

    items: Sequence[Any]
    ended: bool = False
    error: BaseException | None = None
    slow: bool = False


class Waits(Protocol):
    """Whoever reads a supply, waiting elsewhere while it is dry."""

    def rouse(self) -> None:
        """Something is there again."""

    def stop(self) -> None:
        """Nothing more is wanted of the reader."""


class Supply:
    """An input that never makes its reader wait: what is not there yet is announced when it is.

    Attributes:
        slow: As of a :class:`Reader`.
        in_memory: The same: all that it gives is there, for any thread.
        changed: Held while anything changes; told when there is room, or nobody reads any more. The same thread may
            take it twice, since garbage is collected anywhere.
        reader: Who reads it; ``None`` when nobody does yet, or any more.
        closed: Whether nothing more will be read.
    """

    slow = False
    in_memory = True

    def __init__(self) -> None:
        self.changed: threading.Condition = Condition()
        self.reader: Waits | None = None
        self.closed = False

    def serve(self, reader: Waits) -> None:
        """From now on it is read by *reader*."""
        with self.changed:
            self.reader = reader
            if self.closed:
                reader.stop()

    def read(self, wanted: int) -> Portion:
        """Up to *wanted* items of those that are there."""
        raise NotImplementedError

    @property
    def dry(self) -> bool:
        """Whether less was there than was wanted, and nothing is now, and more may come."""
        return False

    def due(self, now: float) -> float | None:
        """Seconds until something is there by itself."""
        return None

    def close(self) -> None:
        """The reader is gone, and with it what it waits on: from now on nobody wakes it."""
        with self.changed:
            self.closed, self.reader = True, None
            self.make_known()

    def halt(self) -> None:
        """Have the reader stop; from any thread."""
        with self.changed:
            self.closed = True
            if self.reader is not None:
                self.reader.stop()
            self.make_known()

    def make_known(self) -> None:
        """Something has changed for whoever fills it."""
        self.changed.notify_all()


class Stock(Supply):
    """A list, a tuple or a range as a supply.

    Args:
        source: The same.
        clock: The time.
    """

    def __init__(self, source: Sequence[Any], clock: Clock) -> None:
        super().__init__()
        self._shelf = Reader(source, clock)

    def read(self, wanted: int) -> Portion:
        """The next of them."""
        return Portion((), ended=True) if self.closed else self._shelf.read(wanted)


def is_in_memory(source: object) -> TypeGuard[Sequence[Any]]:
    """Whether to read *source* is to slice it; a subclass may do anything."""
    return type(source) in _IN_MEMORY


class Reader:
    """Reads one input from its beginning to its end.

    Args:
        source: The input.
        clock: The time.

    Attributes:
        slow: Whether the last reading stopped short because the input takes its time.
        in_memory: Whether the input is there as a whole, so that to read is to slice, in whatever thread.
    """

    dry = False  # it waits for what is not there

    def __init__(self, source: Iterable[Any], clock: Clock) -> None:
        self._clock = clock
        self.slow = False
        self._stride = 1
        self._sequence: Sequence[Any] | None = source if is_in_memory(source) else None
        self.in_memory = self._sequence is not None
        self._at = 0
        self._iterator: Iterator[Any] = iter(source)

    def due(self, now: float) -> float | None:
        """Nothing comes by itself."""
        return None

    def read(self, wanted: int) -> Portion:
        """Up to *wanted* items; fewer only if the input ends or is slow."""
        if self._sequence is not None:
            return self._cut(wanted)
        items: list[Any] = []
        self.slow = False
        while len(items) < wanted:
            step = min(self._stride, wanted - len(items))
            before, began = len(items), self._clock()
            try:
                items.extend(islice(self._iterator, step))  # keeps what came before an error
            except Exception as error:  # noqa: BLE001  the input's own, raised again after the results before it
                return Portion(items, ended=True, error=error)
            if len(items) - before < step:
                return Portion(items, ended=True)
            if self._clock() - began > READING:
                self._stride = max(1, step // 2)
                self.slow = True
                return Portion(items, slow=True)
            self._stride = min(STRIDE_MOST, max(self._stride, 2 * step))
        return Portion(items)

    def _cut(self, wanted: int) -> Portion:
        """The same from memory, without asking for each item: a slice costs a fifth (bench/tiny.py)."""
        assert self._sequence is not None
        items = self._sequence[self._at : self._at + wanted]
        self._at += len(items)
        return Portion(items, ended=len(items) < wanted)
