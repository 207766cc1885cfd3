"""Whether others do more than the caller did: in items, or in computing where items differ."""

from __future__ import annotations

import pytest

from weft._choose.count import Count
from weft._choose.gain import Spread, Work, by_strangers
from weft._choose.signals import Signals
from weft._model.outcome import Returned

COMPUTES = Signals(0.01, 1.0, 1.0)
DEARER = Work(40, 1.0, 1.9)  # two processes that were busy all the time, with items of 47 ms


def spread(*seconds: float) -> Spread:
    found = Spread()
    for each in seconds:
        found.note(1, each)
    return found


@pytest.mark.parametrize(
    ("costs", "wide"), [((), False), ((0.01,), False), ((0.01, 0.02), False), ((0.01, 0.2), True), ((1e-6, 0.2), False)]
)
def test_items_differ_when_they_compute_differently_long(costs: tuple[float, ...], wide: bool) -> None:
    """What is too short for the clock is not compared."""
    assert spread(*costs).wide is wide


def test_what_others_met_may_differ_as_well() -> None:
    """The caller has met cheap ones only; that they take longer over there is no difference between items."""
    found = spread(0.01, 0.01)
    found.note(1, 0.08, "process")
    assert not found.wide
    found.note(1, 0.01, "process")
    assert found.wide


def test_alike_items_are_counted() -> None:
    """Processes that have to compute more for the same are no gain, however busy they are."""
    assert DEARER.gain(COMPUTES, unlike=False) == pytest.approx(0.4)


def test_of_items_that_differ_the_computing_counts() -> None:
    """Fewer were done in a second as they were dearer: that is no fault of whoever did them."""
    assert DEARER.gain(COMPUTES, unlike=True) == pytest.approx(1.9)


def test_on_a_busy_machine_the_caller_computed_less_too() -> None:
    """It had a processor for a third of the time; two processes with as much each are twice as good."""
    signals = Signals(0.01, 1.0, 1.0, delayed=2.0)
    assert Work(9, 1.0, 2 / 3, 2.0).gain(signals, unlike=True) == pytest.approx(2.0)


@pytest.mark.parametrize("delayed", [0.0, 3.0])
def test_that_the_machine_became_busy_is_not_held_against_them(delayed: float) -> None:
    """Two workers do half as much as the caller did alone, before strangers had three quarters of the processors."""
    strangers = Work(50, 1.0, 0.5, 3.0)
    assert strangers.gain(Signals(0.01, 1.0, 1.0, delayed=delayed), unlike=False) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("busy", "delay", "spent", "crew", "delayed"),
    [
        (2.0, 0.0, 0.0, (2, 2), 0.0),  # nobody took anything
        (2.0, 1.5, 0.0, (2, 2), 3.0),  # strangers had three quarters
        (2.0, 1.0, 0.0, (4, 2), 0.0),  # four workers on two processors wait for each other
        (2.0, 0.4, 0.5, (2, 2), 0.0),  # and two for the caller, which unpacks what they send
        (4.0, 3.2, 0.0, (4, 2), 1.5),  # four workers, and as many strangers and more
        (1.0, 0.75, 0.1, (2, 2), 6.62),  # they had nothing to do for half the time, as the caller had no processor
        (1.0, 0.0, 0.1, (2, 2), 0.0),  # nor had they here, and that is nobody's fault but the caller's
        (1.0, 0.75, 0.9, (2, 2), 1.76),  # or it is, as it worked all the time
        (0.0, 0.0, 0.0, (2, 2), 0.0),  # nothing came back
    ],
)
def test_only_strangers_excuse_them(
    busy: float, delay: float, spent: float, crew: tuple[int, int], delayed: float
) -> None:
    """What workers and the caller take from each other is what that many workers come to."""
    count = Count(0.0)
    count.note(Returned(0, [None], "w", busy, cpu=busy - delay, delay=delay))
    assert by_strangers(count, 1.0, spent, crew) == pytest.approx(delayed, abs=0.01)


@pytest.mark.parametrize("signals", [Signals(0.01, 0.2, 0.2), Signals(0.01, 1.0, 0.1, native=0.9)])
def test_where_computing_says_nothing_items_are_counted(signals: Signals) -> None:
    """Of work that waits, and of what a library computes in threads of its own."""
    assert DEARER.gain(signals, unlike=True) == pytest.approx(0.4)


def test_to_do_more_of_unlike_items_is_a_gain_however_little_was_computed() -> None:
    """On a machine whose load comes and goes neither measure is exact: both have to be against somebody."""
    signals = Signals(0.1, 1.0, 1.0, delayed=1.0)
    assert Work(80, 1.0, 0.3, 1.0).gain(signals, unlike=True) == pytest.approx(16)
