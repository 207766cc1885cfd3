"""Locks of which Ctrl-C leaves none locked, on whatever Python."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from weft._model.copies import free_in_copies
from weft._model.locks import Condition, Lock, RLock, _Lock, _RLock

LOCKS = {"a lock": Lock, "of 3.14": _Lock, "one to be taken twice": RLock, "that too": _RLock, "a condition": Condition}


@pytest.fixture
def interrupt() -> Iterator[None]:
    """Ctrl-C soon, and again and again, at moments that nobody chose."""
    before = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def free(lock: Any) -> bool:
    """Whether another thread can have it."""
    found: list[bool] = []

    def ask() -> None:
        if lock.acquire(blocking=False):
            lock.release()
            found.append(True)

    other = threading.Thread(target=ask)
    other.start()
    other.join(10)
    return bool(found)


@pytest.mark.parametrize("make", LOCKS.values(), ids=LOCKS)
@pytest.mark.usefixtures("interrupt")
def test_none_stays_locked(make: Callable[[], Any]) -> None:
    lock, locked = make(), 0
    for round_ in range(300):
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.0002 + round_ * 1e-6)
            while True:
                with lock:
                    bool(lock)
        except KeyboardInterrupt:
            locked += not free(lock)
    assert not locked


@pytest.mark.parametrize("make", LOCKS.values(), ids=LOCKS)
def test_they_are_what_they_are_elsewhere(make: Callable[[], Any]) -> None:
    lock = make()
    with lock:
        assert not free(lock)
    assert free(lock)
    assert lock.acquire(blocking=False)
    lock.release()
    with pytest.raises(ZeroDivisionError), lock:
        1 / 0
    assert free(lock)


@pytest.mark.parametrize("make", [_Lock, _RLock])
def test_they_can_be_free_in_a_copy(make: Callable[[], Any]) -> None:
    lock = free_in_copies(make())
    lock.acquire()
    lock._at_fork_reinit()
    assert free(lock)


@pytest.mark.usefixtures("interrupt")
@pytest.mark.parametrize("make", [Lock, RLock, _Lock])
def test_ctrl_c_ends_the_wait_for_a_condition(make: Callable[[], Any]) -> None:
    changed = Condition(make())
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    with pytest.raises(KeyboardInterrupt), changed:
        changed.wait(30)
    assert free(changed)
    assert not changed._waiters  # type: ignore[attr-defined]


def test_who_waits_for_a_condition_is_notified() -> None:
    changed, heard = Condition(), []

    def wait() -> None:
        with changed:
            heard.append(changed.wait(30))

    with changed:
        assert not changed.wait(0.001)
        thread = threading.Thread(target=wait)
        thread.start()
        while not changed.wait_for(lambda: changed._waiters, 0.01):  # type: ignore[attr-defined]
            pass
        changed.notify_all()
    thread.join(10)
    assert heard == [True]
