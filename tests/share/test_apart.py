"""Who puts and who takes on one processor: one of them leaves, not too soon and not too often."""

from __future__ import annotations

import os

import pytest

from weft._share.apart import REST, TOGETHER, Apart, leave_processor


class Room:
    """A clock, and whoever may leave."""

    def __init__(self):
        self.now, self.left, self.put = 100.0, [], 0
        self.apart = Apart(self.left.append, lambda: self.now)

    def see(self, here, there, progress=1):
        self.put += progress
        self.apart.look(here, there, self.put)
        if self.apart.wanted:
            self.apart.go(here)


def test_who_is_seen_on_one_processor_again_and_again_leaves():
    room = Room()
    for _ in range(TOGETHER):
        assert not room.left
        room.see(1, 1)
    assert room.left == [1]


def test_who_is_on_another_stays():
    room = Room()
    for _ in range(10):
        room.see(1, 0)
        room.see(1, 1)
    assert not room.left


def test_who_puts_nothing_more_is_nobody_to_leave():
    """He may be gone from there long since."""
    room = Room()
    room.see(1, 1)
    for _ in range(10):
        room.see(1, 1, progress=0)
    assert not room.left


def test_where_it_can_not_be_told_nobody_leaves():
    room = Room()
    for _ in range(10):
        room.see(-1, -1)
    assert not room.left


def test_nobody_goes_to_and_fro():
    """It is the system's to say who runs where; this is for the beginning."""
    room = Room()
    for _ in range(100):
        room.see(1, 1)
    assert room.left == [1]
    room.now += REST
    for _ in range(TOGETHER):
        room.see(0, 0)
    assert room.left == [1, 0]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinities")
def test_who_leaves_may_come_back():
    """He may be where he might be before."""
    allowed = os.sched_getaffinity(0)
    for each in allowed:
        leave_processor(each)
        assert os.sched_getaffinity(0) == allowed
