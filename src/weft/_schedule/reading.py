"""Reads the input: as much as is wanted, but no more than can be had quickly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from .._model.noun import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

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
    error: Exception | None = None
    slow: bool = False


class Reader:
    """Reads one input from its beginning to its end.

    Args:
        source: The input.
        clock: The time.

    Attributes:
        slow: Whether the last reading stopped short because the input takes its time.
        in_memory: Whether the input is there as a whole, so that to read is to slice, in whatever thread.
    """

    def __init__(self, source: Iterable[Any], clock: Clock) -> None:
        self._clock = clock
        self.slow = False
        self._stride = 1
        self._sequence: Sequence[Any] | None = source if isinstance(source, _IN_MEMORY) else None
        if type(source) not in _IN_MEMORY:  # a subclass may do anything
            self._sequence = None
        self.in_memory = self._sequence is not None
        self._at = 0
        self._iterator: Iterator[Any] = iter(source)

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
