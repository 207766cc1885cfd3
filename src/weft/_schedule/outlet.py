"""Where results wait until they may leave: for those before them, or for nobody."""

from __future__ import annotations

from collections import deque

from .._model.noun import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Results of *span* neighbouring items from *first* on, fewer where some are left out."""

    first: int
    span: int
    values: list[Any]


class Outlet:
    """Segments, which leave in the order of their items, or as they come.

    Args:
        ordered: Whether each waits for all that are before it.

    Attributes:
        turn: The index of the item that is next to leave, where they are ordered.
    """

    def __init__(self, *, ordered: bool) -> None:
        self.turn = 0
        self._ordered = ordered
        self._held: dict[int, Segment] = {}  # ordered: by the index of the first item
        self._ready: deque[Segment] = deque()  # unordered

    def __len__(self) -> int:
        return len(self._held) + len(self._ready)

    def hold(self, segment: Segment) -> None:
        """Results have come."""
        if self._ordered:
            self._held[segment.first] = segment
        else:
            self._ready.append(segment)

    @property
    def open(self) -> bool:
        """Whether there is something that may leave."""
        return self.turn in self._held if self._ordered else bool(self._ready)

    def release(self) -> Segment | None:
        """The next that may leave, if there is one."""
        if not self._ordered:
            return self._ready.popleft() if self._ready else None
        segment = self._held.pop(self.turn, None)
        if segment is not None:
            self.turn += segment.span
        return segment

    def forget_what_waits(self) -> None:
        """Drop all that waits for something before it."""
        held, self._held, index = self._held, {}, self.turn
        while index in held:
            self._held[index] = held[index]
            index += held[index].span

    def clear(self) -> None:
        """Drop all."""
        self._held.clear()
        self._ready.clear()
