"""Many calls of one function among single calls: what a dispatcher asks of whoever gives them out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from .._model.chunk import Chunk
from .._model.outcome import Lost, Returned
from .call_future import CallFuture


class Source(Protocol):
    """Many calls of one function, with a schedule of their own; see :class:`weft._schedule.feed.Feed`."""

    @property
    def ahead(self) -> bool:
        """Whether a worker may have its next chunk before it has finished the last."""

    @property
    def early(self) -> bool:
        """Whether it may have more than one more, at first: nothing waits for a worker where another idles."""

    @property
    def awaited(self) -> bool:
        """Whether its end comes by itself, so that it is waited for."""

    def next_chunk(self) -> Chunk | None:
        """What a worker may have next."""

    def absorb(self, arrival: Returned | Lost) -> None:
        """What became of a chunk."""

    @property
    def exhausted(self) -> bool:
        """Whether it will give out nothing more."""

    def settled(self) -> Sequence[CallFuture]:
        """The promises that are to be kept now."""

    def left(self) -> None:
        """The dispatcher has nothing more to do with it."""

    def fail(self, error: BaseException) -> None:
        """There will be no more results."""


class Part:
    """A chunk of a source, on its way.

    Args:
        source: Whose.
        number: Its number there.
    """

    __slots__ = ("number", "source")

    def __init__(self, source: Source, number: int) -> None:
        self.source, self.number = source, number
