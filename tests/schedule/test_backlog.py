"""Parts of a chunk that are heard in another order than they were sent: no item may have another's result."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from weft._model.outcome import Returned
from weft._schedule.policy import Policy
from weft._schedule.schedule import Schedule

COUNT = 6


def in_flight() -> tuple[Schedule, int]:
    """A schedule with one chunk of six items in flight; the chunk's number."""
    schedule = Schedule(Policy(chunksize=COUNT), 1)
    schedule.add(range(COUNT))
    schedule.end_input()
    chunk = schedule.next_chunk(0.0)
    assert chunk is not None
    return schedule, chunk.number


def part(number: int, first: int, end: int) -> Returned:
    """What a worker says of the items from *first* to *end*."""
    values = [item * 10 for item in range(first, end)]
    return Returned(number, values, "w1", 0.001, more=end < COUNT, first=first)


def finish(schedule: Schedule) -> list[Any]:
    """Run what is still to be sent; everything that leaves."""
    while (chunk := schedule.next_chunk(0.0)) is not None:
        values = [item * 10 for item in chunk.items]
        schedule.settle(Returned(chunk.number, values, "w2", 0.001, first=chunk.first), 0.0)
    out: list[Any] = []
    while (batch := schedule.release()) is not None:
        out += batch
        schedule.taken()
    return out


def test_what_was_not_heard_of_is_run_again() -> None:
    """The later part keeps its results; the earlier one, when it comes, is too late."""
    schedule, number = in_flight()
    assert schedule.settle(part(number, 2, 4), 0.0) == 2
    assert schedule.settle(part(number, 0, 2), 0.0) is None
    assert schedule.settle(part(number, 4, 6), 0.0) == 4
    assert finish(schedule) == [0, 10, 20, 30, 40, 50]
    assert schedule.finished
    assert schedule.stats(1.0).done == COUNT


@given(st.sets(st.integers(1, COUNT - 1)), st.randoms(use_true_random=False))
def test_any_order_gives_every_item_its_own_result(cuts: set[int], chance: Any) -> None:
    """However a chunk is cut, and whichever parts are heard first."""
    schedule, number = in_flight()
    parts = [part(number, first, end) for first, end in pairwise([0, *sorted(cuts), COUNT])]
    chance.shuffle(parts)
    for returned in parts:
        schedule.settle(returned, 0.0)
    assert finish(schedule) == [item * 10 for item in range(COUNT)]
    assert schedule.finished
