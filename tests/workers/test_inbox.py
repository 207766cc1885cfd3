"""Waiting: as long as was asked, and never deaf for long."""

from __future__ import annotations

import signal
import threading
from itertools import islice

import pytest

from weft._workers.inbox import LISTEN, Inbox, spells


def test_an_endless_wait_is_cut_into_spells() -> None:
    """Between two of them the interpreter looks for signals: one that came just before the wait is heard then."""
    assert list(islice(spells(None), 5)) == [LISTEN] * 5


def test_no_spell_is_longer_than_what_was_asked_for() -> None:
    assert list(spells(0.0)) == [0.0]
    assert list(spells(0.001)) == [0.001]
    assert max(islice(spells(1e9), 5)) == LISTEN


def test_a_wait_in_which_nothing_comes_ends_after_all_its_spells() -> None:
    assert Inbox().poll(LISTEN * 1.5) == []


def test_a_wake_up_ends_the_wait_and_is_nothing_that_arrived() -> None:
    inbox = Inbox()
    inbox.put(None)
    assert inbox.poll(None) == []


def test_ctrl_c_comes_of_nothing_else() -> None:
    """What another thread was told is heard when a spell is over, and its traceback tells of no queue."""
    helped = threading.Event()
    helper = threading.Thread(target=helped.wait)
    helper.start()
    assert helper.ident is not None
    ring = threading.Timer(LISTEN / 5, signal.pthread_kill, (helper.ident, signal.SIGINT))
    ring.start()
    try:
        with pytest.raises(KeyboardInterrupt) as raised:
            Inbox().poll(LISTEN * 10)
    finally:
        helped.set()
        helper.join()
        ring.join()
    assert raised.value.__context__ is None
