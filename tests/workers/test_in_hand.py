"""What a worker has in hand when it has to leave or give in in the midst of a chunk."""

from __future__ import annotations

from typing import Any

from weft._model.outcome import Fault
from weft._transport.channel import Frame
from weft._workers.in_hand import InHand
from weft._workers.ops import Op

FRAME = Frame(Op.CHUNK, 1, 7, 100, 1, b"")


class Page:
    """What was noted last."""

    noted: tuple[int, int, int]

    def enter(self, chunk: int, first: int, span: int) -> None:
        self.noted = chunk, first, span


def in_hand() -> tuple[InHand, Any]:
    page = Page()
    return InHand(page, "w1"), page  # type: ignore[arg-type]  # as much of a page as is asked for


def test_nothing_is_left_of_what_has_not_begun() -> None:
    hand, _ = in_hand()
    assert hand.part() is None
    hand.note(FRAME, 100, 4, [], {})
    assert hand.part() is None


def test_what_is_finished_leaves_with_the_index_that_it_begins_at() -> None:
    """The rest is run elsewhere; no item may get another's result."""
    hand, page = in_hand()
    error = Fault(ValueError("no"), "w1")
    hand.note(FRAME, 103, 2, ["a", None, "c"], {1: error})
    assert page.noted == (7, 103, 2)
    part = hand.part()
    assert part is not None
    frame, first, returned = part
    assert (frame, first, returned.chunk, returned.first) == (FRAME, 100, 7, 100)
    assert (returned.values, dict(returned.faults), returned.more) == (["a", None, "c"], {1: error}, True)


def test_a_fault_whose_place_is_not_there_yet_does_not_leave() -> None:
    """A signal may come between the two."""
    hand, _ = in_hand()
    hand.note(FRAME, 101, 1, ["a"], {1: Fault(ValueError("no"), "w1")})
    part = hand.part()
    assert part is not None
    assert not part[2].faults


def test_what_was_added_since_leaves_too() -> None:
    """The worker notes where it goes on and adds to the same list."""
    hand, _ = in_hand()
    values: list[Any] = ["a"]
    hand.note(FRAME, 101, 3, values, {})
    values += ["b", "c"]
    part = hand.part()
    assert part is not None
    assert part[2].values == ["a", "b", "c"]


def test_the_blame_is_the_items_that_it_was_in() -> None:
    """The one after those that are finished, and never one behind what was noted."""
    hand, _ = in_hand()
    error = MemoryError("refused")
    values: list[Any] = ["a"]
    hand.note(FRAME, 101, 2, values, {})
    values += ["b", "c"]  # the last was in hand when there was no memory to note it
    first, returned = hand.blamed(FRAME, error, all_known=False)
    assert first == 100
    assert returned.values == ["a", "b", None]
    assert {at: fault.error for at, fault in returned.faults.items()} == {2: error}


def test_nobody_is_blamed_where_all_are_finished() -> None:
    """Then it was the answer that there was no memory for."""
    hand, _ = in_hand()
    hand.note(FRAME, 101, 1, ["a"], {})
    hand.finished[0].append("b")
    first, returned = hand.blamed(FRAME, MemoryError(), all_known=True)
    assert (first, returned.values, dict(returned.faults)) == (100, ["a", "b"], {})
