"""What becomes of items that failed, and of those whose worker ended, decided without a schedule around it."""

from __future__ import annotations

from typing import Any

import pytest

from weft._model.chunk import Chunk
from weft._model.outcome import Failure, Fault, Lost
from weft._schedule.backlog import Backlog
from weft._schedule.verdicts import DEATHS_FORGIVEN, PIECES, Verdicts, suspects
from weft.errors import MemoryExceeded, TaskTimeout, WorkerDied

FIRST = 10  # the index of a chunk's first item


def in_flight(count: int) -> tuple[Backlog, Chunk]:
    """A backlog whose only chunk, of so many items, a worker has just been lost with."""
    backlog = Backlog()
    backlog.add(FIRST, range(FIRST, FIRST + count))
    chunk = backlog.next(0.0, lambda items: items)
    assert chunk is not None
    backlog.take_back(chunk.number)
    return backlog, chunk


def waiting(backlog: Backlog) -> list[list[Any]]:
    """What is to be sent, chunk by chunk."""
    return [list(chunk.items) for chunk in backlog.unsent]


@pytest.mark.parametrize(
    ("index", "span", "there"),
    [
        (None, 1, (0, 4)),  # nobody knows: it was one of all
        (10, 1, (0, 1)),
        (12, 1, (2, 3)),
        (11, 2, (1, 3)),
        (12, 100, (2, 4)),  # no further than the chunk goes
        (5, 1, (0, 1)),  # nor before its beginning,
        (99, 1, (3, 4)),  # nor behind its end
        (13, 0, (3, 4)),  # and it was one of them in any case
    ],
)
def test_who_is_to_blame_is_what_the_worker_was_in(index: int | None, span: int, there: tuple[int, int]) -> None:
    """Whatever it noted last, one of the chunk's own items is to blame."""
    chunk = Chunk(1, FIRST, range(FIRST, FIRST + 4))
    assert suspects(chunk, Lost(1, "w1", "SIGKILL", index=index, span=span)) == there


def test_those_beside_the_culprit_go_again_in_their_order_and_uncharged() -> None:
    """Only what the culprit was in the midst of is in doubt."""
    backlog, chunk = in_flight(6)
    verdicts = Verdicts(0, backlog)
    assert verdicts.lost(chunk, Lost(chunk.number, "w1", "SIGKILL", index=12), None, 0.0) is None
    assert waiting(backlog) == [[10, 11], [12], [13, 14, 15]]
    assert len(verdicts) == 1, "only the culprit has a death to its name"


def test_where_several_may_be_the_culprit_they_are_cut_into_pieces_and_none_is_charged() -> None:
    backlog, chunk = in_flight(1000)
    verdicts = Verdicts(0, backlog)
    assert verdicts.lost(chunk, Lost(chunk.number, "w1", "SIGKILL"), None, 0.0) is None
    assert len(waiting(backlog)) <= PIECES
    assert [item for piece in waiting(backlog) for item in piece] == list(range(FIRST, FIRST + 1000))
    assert len(verdicts) == 0


def test_a_culprit_stands_for_itself_after_a_few_deaths() -> None:
    backlog, chunk = in_flight(1)
    verdicts = Verdicts(0, backlog)
    for _ in range(DEATHS_FORGIVEN):
        assert verdicts.lost(chunk, Lost(chunk.number, "w1", "SIGKILL", index=FIRST), None, 0.0) is None
    failure = verdicts.lost(chunk, Lost(chunk.number, "w1", "SIGSEGV", index=FIRST), None, 0.0)
    assert isinstance(failure, Failure)
    assert isinstance(failure.error, WorkerDied)
    assert (failure.index, failure.attempts, verdicts.failed, len(verdicts)) == (FIRST, DEATHS_FORGIVEN + 1, 1, 0)


def test_an_item_whose_worker_was_ended_for_being_late_has_timed_out() -> None:
    """It counts as an attempt, not as a death, and the time that it was given counts as work."""
    backlog, chunk = in_flight(3)
    verdicts = Verdicts(0, backlog)
    failure = verdicts.lost(chunk, Lost(chunk.number, "w1", "SIGTERM", index=11, late=True), 2.5, 0.0)
    assert isinstance(failure, Failure)
    assert isinstance(failure.error, TaskTimeout)
    assert (failure.index, verdicts.spent) == (11, 2.5)
    assert waiting(backlog) == [[10], [12]]


def test_an_item_whose_worker_had_too_much_memory_is_told_so_and_may_be_tried_again() -> None:
    backlog, chunk = in_flight(2)
    verdicts = Verdicts(1, backlog, chance=lambda: 0.5)
    lost = Lost(chunk.number, "w1", "SIGKILL", index=11, excess=1000, memory=2000)
    assert verdicts.lost(chunk, lost, None, 5.0) is None
    [again] = backlog.due.due(100.0)
    assert (again.first, again.attempt, verdicts.retried) == (11, 2, 1)
    failure = verdicts.lost(again, lost, None, 6.0)
    assert isinstance(failure, Failure)
    assert isinstance(failure.error, MemoryExceeded)


def test_an_item_that_was_given_up_on_has_timed_out() -> None:
    backlog, chunk = in_flight(1)
    verdicts = Verdicts(0, backlog)
    failure = verdicts.expired(chunk, 1.5, "w1", 0.0, stopped=False)
    assert isinstance(failure, Failure)
    assert isinstance(failure.error, TaskTimeout)
    assert verdicts.spent == 1.5


def test_who_came_back_is_forgiven() -> None:
    """A death by bad luck is not held against an item for ever."""
    backlog, chunk = in_flight(1)
    verdicts = Verdicts(0, backlog)
    verdicts.lost(chunk, Lost(chunk.number, "w1", "SIGKILL", index=FIRST), None, 0.0)
    verdicts.survived(FIRST, 1)
    assert len(verdicts) == 0


def test_what_stands_for_a_failed_item_names_it_and_its_worker() -> None:
    backlog, chunk = in_flight(2)
    error = ValueError("no")
    failure = Verdicts(0, backlog).failed_once(chunk, 1, Fault(error, "w7"), 0.0)
    assert isinstance(failure, Failure)
    assert (failure.index, failure.item, failure.error, failure.worker) == (FIRST + 1, FIRST + 1, error, "w7")


def test_the_rest_of_a_chunk_is_cut_by_all_that_waits() -> None:
    """Not as if it were the last of the input: the end is far as long as others wait."""
    backlog = Backlog()
    for first in (0, 10, 20):
        backlog.add(first, range(first, first + 10))
    chunk = backlog.next(0.0, int)
    assert chunk is not None
    backlog.take_back(chunk.number)
    backlog.send_rest(chunk, 4)
    asked: list[int] = []
    piece = backlog.next(0.0, lambda waiting: asked.append(waiting) or 3)  # type: ignore[func-returns-value]
    assert piece is not None
    assert asked == [26]
    assert list(piece.items) == [4, 5, 6]
