"""Waiting: as long as was asked, and never deaf for long."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from weft._workers import doorbell
from weft._workers.doorbell import EventDoorbell
from weft._workers.inbox import LISTEN, Inbox, spells

EVENTFD = pytest.mark.skipif(not hasattr(os, "eventfd"), reason="no eventfd here")


@pytest.fixture(params=["a lock", pytest.param("an eventfd", marks=EVENTFD)], autouse=True)
def bell(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is waited on with a GIL, and without."""
    made: list[Inbox] = []
    make = Inbox.__init__

    def remember(inbox: Inbox) -> None:
        make(inbox)
        made.append(inbox)

    monkeypatch.setattr(doorbell, "gil_enabled", lambda: request.param == "a lock")
    monkeypatch.setattr(Inbox, "__init__", remember)
    assert isinstance(Inbox()._bell, EventDoorbell) == (request.param == "an eventfd")
    yield
    for inbox in made:
        inbox.close()


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


def test_everything_arrives_however_many_leave_something() -> None:
    """In each one's order; who waits between two of them is woken for the next."""
    inbox, each = Inbox(), 2_000

    def leave(first: int) -> None:
        for n in range(first, first + each):
            inbox.put(n)  # type: ignore[arg-type]

    threads = [threading.Thread(target=leave, args=(place * each,)) for place in range(3)]
    for thread in threads:
        thread.start()
    found: list[Any] = []
    while len(found) < 3 * each:
        arrived = inbox.poll(30)
        assert arrived
        found += arrived
    for thread in threads:
        thread.join()
    for place in range(3):
        ours = [n for n in found if n // each == place]
        assert ours == sorted(ours)
    assert len(set(found)) == len(found) == 3 * each


@EVENTFD
def test_an_inbox_that_nobody_reads_any_more_has_no_descriptor() -> None:
    """Whoever is late with something writes into nobody else's."""
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(50):
        inbox = Inbox()
        inbox.put(None)
        inbox.close()
        inbox.put(None)
        inbox.close()
    assert len(os.listdir("/proc/self/fd")) == before


@EVENTFD
def test_without_descriptors_it_is_a_lock_after_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that could go on does."""

    def refuse(*_: object) -> int:
        raise OSError(24, "too many open files")

    monkeypatch.setattr(os, "eventfd", refuse)
    inbox = Inbox()
    inbox.put(None)
    assert inbox.poll(None) == []
