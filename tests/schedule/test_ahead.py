"""How far a stage may be ahead of the next: little where that is slow, much where it is quick."""

from __future__ import annotations

from weft._schedule.ahead import LEAST, MOST, QUICK, SLOW, STEP, Ahead
from weft._schedule.chunking import WINDOW_FLOOR, Chunking
from weft._schedule.link import Link
from weft._schedule.policy import Policy
from weft.testing import ManualClock


def test_who_finds_too_little_again_and_again_is_given_more() -> None:
    """As soon as what there was before has gone through."""
    ahead = Ahead()
    for _ in range(20):
        ahead.took(ahead.room, lacked=True)
    assert ahead.items == MOST


def test_who_waits_for_the_first_items_is_given_no_more() -> None:
    """A source that is slow says nothing of who reads."""
    ahead = Ahead()
    for _ in range(1000):
        ahead.took(0, lacked=True)
    assert ahead.items == LEAST


def test_who_finds_enough_is_given_no_more() -> None:
    """He is the slower one."""
    ahead = Ahead()
    for _ in range(1000):
        ahead.took(5, lacked=False)
    assert ahead.items == LEAST


def test_whoever_fills_a_link_is_not_woken_all_the_time_and_does_not_wait_long() -> None:
    """Half of what is in it is some hundredths of a second of the next stage's, and at most some tenths."""
    ahead = Ahead()
    ahead.waited(QUICK / 2)
    assert ahead.items == STEP * LEAST
    ahead.waited((QUICK + SLOW) / 2)
    assert ahead.items == STEP * LEAST
    ahead.waited(2 * SLOW)
    ahead.waited(2 * SLOW)
    assert ahead.items == LEAST


def test_a_link_is_filled_again_when_half_of_it_is_gone() -> None:
    link = Link(ahead=Ahead())
    while not link.is_full():
        link._add([0])
    assert len(link._ready) == LEAST // 2 + 1
    link.read(LEAST // 4)
    assert link.is_full()
    link.read(1)
    assert not link.is_full()


def test_a_link_of_a_quick_reader_has_more_room() -> None:
    clock = ManualClock()
    link = Link((), clock, Ahead())
    for _ in range(30):
        link._add([0] * 100)
        link.read(200)
    link._add([0] * 1000)
    assert not link.is_full()


def test_workers_have_enough_to_do_however_little_is_wanted() -> None:
    """A window that is smaller than what they hold would let some of them wait."""
    chunking = Chunking(Policy())
    chunking.suit(50)
    chunking.learn(10, 10e-6, 0.0)
    chunking.bound(LEAST)
    assert chunking.window == WINDOW_FLOOR * 50
    assert chunking.size(None) == 1
    chunking.bound(5000)
    assert chunking.window == 5000


def test_what_was_asked_for_is_not_bounded() -> None:
    chunking = Chunking(Policy(buffersize=300))
    chunking.suit(2)
    chunking.bound(LEAST)
    assert chunking.window == 300
