"""A signal handler that raises while somebody waits ends the wait, and none of the calls."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import weft
import weft.multiprocessing

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no alarms")


class Late(TimeoutError):
    """What a handler raises; a TimeoutError, as it mostly is."""


@pytest.fixture
def alarm() -> Iterator[Callable[[float], None]]:
    """Has :class:`Late` raised in so many seconds."""

    def ring(*_: object) -> None:
        raise Late

    before = signal.signal(signal.SIGALRM, ring)
    yield lambda seconds: signal.setitimer(signal.ITIMER_REAL, seconds)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def slowly(n: int) -> int:
    time.sleep(0.25)
    return n


@contextmanager
def submitted(executor: Any) -> Iterator[list[Callable[..., Any]]]:
    with executor:
        assert executor.submit(abs, -1).result(30) == 1
        yield [executor.submit(slowly, n).result for n in range(4)]


@contextmanager
def applied(pool: Any) -> Iterator[list[Callable[..., Any]]]:
    with pool:
        assert pool.apply(abs, (-1,)) == 1
        yield [pool.apply_async(slowly, (n,)).get for n in range(4)]


@contextmanager
def mapped(pool: Any) -> Iterator[list[Callable[..., Any]]]:
    with pool:
        whole = pool.map_async(slowly, range(4))
        yield [lambda timeout=None, n=n: whole.get(timeout)[n] for n in range(4)]


class Account:
    def __init__(self) -> None:
        self.sum = -1

    def add_slowly(self) -> int:
        time.sleep(0.2)
        self.sum += 1
        return self.sum


@contextmanager
def asked(on: str) -> Iterator[list[Callable[..., Any]]]:
    with weft.Actor(Account, on=on) as account:
        yield [account.add_slowly().result for _ in range(4)]


WAYS: dict[str, Callable[[], Any]] = {
    "ProcessExecutor": lambda: submitted(weft.ProcessExecutor(2)),
    "ThreadExecutor": lambda: submitted(weft.ThreadExecutor(2)),
    "Pool": lambda: applied(weft.multiprocessing.Pool(2)),
    "ThreadPool": lambda: applied(weft.multiprocessing.ThreadPool(2)),
    "Pool.map": lambda: mapped(weft.multiprocessing.Pool(2)),
    "ThreadPool.map": lambda: mapped(weft.multiprocessing.ThreadPool(2)),
    "Actor": lambda: asked("process"),
    "Actor on a thread": lambda: asked("thread"),
}


@pytest.mark.parametrize("timeout", [None, 30])
@pytest.mark.parametrize("way", WAYS)
def test_a_signal_handler_that_raises_ends_the_wait_and_no_call(
    way: str, timeout: float | None, alarm: Callable[[float], None]
) -> None:
    """The error is its own, not one that says that the time is over."""
    with WAYS[way]() as results:
        alarm(0.1)
        with pytest.raises(Late):
            results[3](timeout)
        assert [result() for result in results] == [0, 1, 2, 3]


def shortly(n: int) -> int:
    time.sleep(0.0001)
    return n


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # as garbage is collected, say
@pytest.mark.parametrize("executor", [weft.ProcessExecutor, weft.ThreadExecutor])
def test_whenever_it_raises_what_was_submitted_is_done_and_more_can_be(
    executor: Any, alarm: Callable[[float], None]
) -> None:
    """As it is packed, sent, answered or waited for; sixty times, each a little later than the time before."""
    late = 0
    with executor(2) as held:
        for moment in range(60):
            futures: list[Any] = []
            alarm(0.0003 + 0.0002 * moment)
            try:
                for n in range(60):
                    futures.append(held.submit(shortly, n))
                assert [future.result() for future in futures] == list(range(60))
                alarm(0)
            except Late:
                late += 1
            assert [future.result(20) for future in futures] == list(range(len(futures)))
    assert late
