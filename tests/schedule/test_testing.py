"""``weft.testing`` itself: what others test with must be right first."""

from __future__ import annotations

import pytest

from weft._model.chunk import Chunk
from weft._model.outcome import Began, Lost, Returned
from weft._model.protocols import Crew
from weft.testing import Fate, ManualClock, ScriptedCrew


def chunk_of(number: int, first: int, count: int = 1) -> Chunk:
    return Chunk(number, first, list(range(first, first + count)))


def test_a_manual_clock_goes_only_forward() -> None:
    """A clock that goes back would hide what it should show."""
    clock = ManualClock()
    clock.advance(1.5)
    clock.advance(0)
    assert clock() == 1.5
    for wrong in (-1.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="can't advance"):
            clock.advance(wrong)


def test_chunks_arrive_when_the_script_says_and_the_clock_moves_there() -> None:
    """Waiting costs nothing."""
    crew: Crew = ScriptedCrew(str, lambda chunk: Fate(after=float(3 - chunk.number)), width=2)
    crew.send(chunk_of(1, 0))
    crew.send(chunk_of(2, 1))
    assert [arrival.chunk for arrival in crew.poll(None)] == [2]
    assert crew.poll(0.5) == []
    assert [arrival.chunk for arrival in crew.poll(None)] == [1]


def test_no_more_than_width_are_with_workers() -> None:
    """The others begin when a worker is free."""
    crew = ScriptedCrew(str, lambda chunk: Fate(after=1.0), width=1, announce=True)
    crew.send(chunk_of(1, 0))
    crew.send(chunk_of(2, 1))
    assert [type(arrival) for arrival in crew.poll(None)] == [Began]
    assert [type(arrival) for arrival in crew.poll(None)] == [Returned, Began]
    assert crew.clock() == 1.0
    assert [type(arrival) for arrival in crew.poll(None)] == [Returned]
    assert crew.clock() == 2.0


def test_a_poll_that_would_wait_for_ever_fails() -> None:
    """A test should say that it hangs, not do it."""
    crew = ScriptedCrew(str, lambda chunk: Fate(after=float("inf")))
    with pytest.raises(AssertionError, match="for ever"):
        crew.poll(None)
    crew.send(chunk_of(1, 0))
    with pytest.raises(AssertionError, match="for ever"):
        crew.poll(None)
    crew.wake()
    assert crew.poll(None) == []


def test_an_item_that_is_sent_twice_at_a_time_fails() -> None:
    """Whatever drives the crew."""
    crew = ScriptedCrew(str)
    crew.send(chunk_of(1, 0, 3))
    with pytest.raises(AssertionError, match="item 2 is in flight twice"):
        crew.send(chunk_of(2, 2))


def test_a_chunk_may_be_lost_cut_short_or_faulty() -> None:
    """Everything that may become of one."""
    script = {1: Fate(lost=True, begun=False), 2: Fate(tried=1), 3: Fate(faults={5: OSError()})}
    crew = ScriptedCrew(lambda item: 1 // item, lambda chunk: script.get(chunk.number, Fate()), width=9)
    for number, first in [(1, 1), (2, 2), (3, 4), (4, 0)]:
        crew.send(chunk_of(number, first, 1 if number in {1, 4} else 2))
    lost, short, faulty, raised = crew.poll(0)
    assert isinstance(lost, Lost)
    assert not lost.begun
    assert isinstance(short, Returned)
    assert len(short.values) == 1
    assert isinstance(faulty, Returned)
    assert [*faulty.faults] == [1]
    assert isinstance(raised, Returned)
    assert isinstance(raised.faults[0].error, ZeroDivisionError)


def test_a_killed_chunk_never_arrives_if_it_could_be_stopped() -> None:
    """And its worker is free."""
    for stops, later in [(True, []), (False, [1])]:
        crew = ScriptedCrew(str, lambda chunk: Fate(after=5.0), stops=stops)
        crew.send(chunk_of(1, 0))
        assert crew.kill(1) == ("a scripted worker", stops)
        assert [arrival.chunk for arrival in crew.poll(10.0)] == later


def test_a_closed_crew_takes_nothing() -> None:
    """Whoever sends to it has lost track."""
    crew = ScriptedCrew(str)
    crew.close()
    with pytest.raises(AssertionError, match="closed"):
        crew.send(chunk_of(1, 0))
