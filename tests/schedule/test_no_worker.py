"""Calls for which no worker is to be had: each comes to that, nobody waits in vain, and the next may fare better."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import Any

import pytest

from weft._model.chunk import Call, Chunk
from weft._model.outcome import Arrival, Returned
from weft._schedule.dispatcher import Dispatcher
from weft._schedule.feed import Feed, Supply

FULL = OSError(24, "no open file is left")


class Hiring:
    """A crew of one, who answers each call with its number; or of nobody, for so many of them."""

    width = 1
    prefetches = keeps = False

    def __init__(self) -> None:
        self.refuses: deque[bool] = deque()
        self._answers: SimpleQueue[Arrival | None] = SimpleQueue()

    def send(self, chunk: Chunk) -> None:
        if self.refuses and self.refuses.popleft():
            raise FULL
        self._answers.put(Returned(chunk.number, list(chunk.items), "w", 0.001))

    def poll(self, timeout: float | None) -> Sequence[Arrival]:
        try:
            arrival = self._answers.get(timeout=timeout)
        except Empty:
            return []
        return [] if arrival is None else [arrival]

    def wake(self) -> None:
        self._answers.put(None)

    def close(self) -> None:
        """Nothing is held."""


@pytest.fixture
def crew() -> Hiring:
    return Hiring()


@pytest.fixture
def dispatcher(crew: Hiring) -> Iterator[Dispatcher]:
    made = Dispatcher(crew, "test-no-worker", idle=None)  # type: ignore[arg-type]  # as much of a crew as is asked for
    yield made
    made.finish()  # hangs if anything is still expected


CALL: Any = Call(abs, star=False, label="abs")


def test_a_call_that_is_made_when_no_worker_is_to_be_had_says_so_at_once(crew: Hiring, dispatcher: Dispatcher) -> None:
    """And it is forgotten: the next is another matter."""
    crew.refuses.append(True)
    with pytest.raises(OSError, match="no open file"):
        dispatcher.submit(1)
    future = dispatcher.submit(2)
    assert future is not None
    assert future.result(10) == 2


def test_a_call_whose_turn_comes_when_none_is_to_be_had_comes_to_that(crew: Hiring, dispatcher: Dispatcher) -> None:
    """Those that wait with it are not lost by it."""
    crew.refuses += [False, True, False]
    first, second, third = (dispatcher.submit(n) for n in range(3))
    assert first is not None
    assert second is not None
    assert third is not None
    assert first.result(10) == 0
    assert second.exception(10) is FULL
    assert third.result(10) == 2


def test_many_calls_for_which_none_is_to_be_had_end_with_that(crew: Hiring, dispatcher: Dispatcher) -> None:
    """A map among them ends, too; the executor that it is one of goes on."""
    crew.refuses.append(True)
    feed = Feed(dispatcher, CALL, Supply([1, 2, 3], ended=True), chunksize=1)
    assert dispatcher.enter(feed)
    dispatcher.refill(feed)
    with pytest.raises(OSError, match="no open file"):
        feed.take(10)
    again = Feed(dispatcher, CALL, Supply([1, 2, 3], ended=True), chunksize=3)
    assert dispatcher.enter(again)
    dispatcher.refill(again)
    assert again.take(10) == [1, 2, 3]
    assert again.take(10) is None


def test_a_worker_that_can_not_be_replaced_half_way_ends_them_too(crew: Hiring, dispatcher: Dispatcher) -> None:
    crew.refuses += [False, True]
    feed = Feed(dispatcher, CALL, Supply([1, 2, 3], ended=True), chunksize=1)
    assert dispatcher.enter(feed)
    dispatcher.refill(feed)
    assert feed.take(10) == [1]
    with pytest.raises(OSError, match="no open file"):
        feed.take(10)
