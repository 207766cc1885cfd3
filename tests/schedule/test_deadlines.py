"""Moments to come, as tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft._schedule.deadlines import BACKOFF_MOST, LATENESS, Alarms, Pace, backoff


@pytest.mark.parametrize(
    ("attempt", "chance", "delay"),
    [
        (1, 0.5, 0.1),
        (2, 0.5, 0.2),
        (3, 0.5, 0.4),
        (1, 0.0, 0.05),
        (1, 1.0, 0.15),
        (20, 0.5, BACKOFF_MOST),
        (10**9, 0.5, BACKOFF_MOST),
    ],
)
def test_backoff(attempt: int, chance: float, delay: float) -> None:
    """Doubles up to a limit, times 0.5 to 1.5, so that what failed together does not come back together."""
    assert backoff(attempt, lambda: chance) == pytest.approx(delay)


def test_the_earliest_alarm_is_first_and_equal_ones_in_the_order_they_came() -> None:
    """Things are never compared: they may be anybody's."""
    alarms: Alarms[object] = Alarms()
    first, second, third = object(), object(), object()
    alarms.add(2.0, third)
    alarms.add(1.0, first)
    alarms.add(1.0, second)
    assert alarms.next() == 1.0
    assert list(alarms.due(0.9)) == []
    assert list(alarms.due(1.0)) == [first, second]
    assert len(alarms) == 1
    assert list(alarms.due(9.0)) == [third]
    assert alarms.next() is None


def test_taking_one_alarm_leaves_the_others() -> None:
    """The schedule takes one a time, as workers have room."""
    alarms: Alarms[int] = Alarms()
    for n in range(3):
        alarms.add(0.0, n)
    assert next(alarms.due(1.0)) == 0
    assert len(alarms) == 2


def test_discarded_alarms_never_come() -> None:
    """What nobody wants must not wake anybody."""
    alarms: Alarms[int] = Alarms()
    for n in range(10):
        alarms.add(float(10 - n), n)
    assert alarms.discard(lambda n: n % 2 == 1) == 5
    assert list(alarms.due(100.0)) == [8, 6, 4, 2, 0]


@given(st.lists(st.integers(0, 50)), st.integers(1, 5))
def test_what_is_left_after_some_were_discarded_still_comes_in_order(moments: list[int], each: int) -> None:
    """Whichever they were."""
    alarms: Alarms[int] = Alarms()
    for moment in moments:
        alarms.add(float(moment), moment)
    alarms.discard(lambda moment: moment % each == 0)
    assert list(alarms.due(100.0)) == sorted(moment for moment in moments if moment % each)


@pytest.mark.parametrize(
    ("rate", "tries", "starts"),
    [
        (None, [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
        (2.0, [0.0, 0.4, 0.5, 0.9, 1.0], [0.0, 0.5, 1.0]),
        (2.0, [0.0, 0.505, 1.0], [0.0, 0.505, 1.0]),  # a little late: the next is not pushed back
        (2.0, [0.0, 60.0, 60.1, 60.4, 60.5], [0.0, 60.0, 60.5]),  # nothing is saved up for a burst
    ],
)
def test_pace(rate: float | None, tries: list[float], starts: list[float]) -> None:
    """At most *rate* a second, evenly; the mean holds although waits end late."""
    pace, started = Pace(rate), []
    for now in tries:
        if pace.ready(now):
            assert pace.next(now) is None
            pace.start(now)
            started.append(now)
        else:
            assert (pace.next(now) or 0) > now
    assert started == starts


def test_a_fast_pace_may_make_up_for_a_late_wait_and_no_more() -> None:
    """At 10,000 a second a wait that ends 5 ms late owes 50 starts; one that ends 1 s late owes none."""
    for late, owed in [(LATENESS / 2, 50), (1.0, 1)]:
        pace = Pace(10_000.0)
        pace.start(0.0)
        now, count = 0.0001 + late, 0
        while pace.ready(now):
            pace.start(now)
            count += 1
        assert count == pytest.approx(owed, abs=1)
