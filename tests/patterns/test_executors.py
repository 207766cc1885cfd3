"""on=executor: anybody's Executor is a kind of worker."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import pytest

import weft


def square(n):
    return n * n


def fails(n):
    if n % 2:
        raise ValueError(n)
    return n


@pytest.fixture
def pool():
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


def test_a_process_pool_runs_lambdas_and_closures(pool):
    """What the pool itself refuses travels by value."""
    offset = 3
    assert list(weft.map(lambda n: n + offset, range(50), on=pool)) == list(range(3, 53))
    assert set(weft.map(lambda _: os.getpid(), range(5), on=pool)) & {os.getpid()} == set()


def test_errors_come_back_from_a_process_pool(pool):
    results = list(weft.map(fails, range(6), on=pool, on_error="keep"))
    assert [r if isinstance(r, int) else type(r.error) for r in results] == [
        0,
        ValueError,
        2,
        ValueError,
        4,
        ValueError,
    ]
    with pytest.raises(ValueError) as caught:
        list(weft.map(fails, range(6), on=pool))
    assert "in fails" in str(caught.value.__cause__)


def test_the_executor_is_left_open():
    """It is its owner's."""
    with ThreadPoolExecutor(1) as pool:
        assert list(weft.map(square, range(3), on=pool)) == [0, 1, 4]
        assert pool.submit(square, 3).result() == 9


def test_an_executor_that_was_shut_down_says_so():
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        list(weft.map(square, range(3), on=pool))


class OnlySubmit:
    """Somebody's executor that has nothing but submit."""

    def __init__(self):
        self.chunks = 0

    def submit(self, fn, *args):
        self.chunks += 1
        future: Future = Future()
        future.set_result(fn(*args))
        return future


def test_submit_is_all_an_executor_needs_and_items_travel_in_chunks():
    executor = OnlySubmit()
    assert not isinstance(executor, Executor)
    assert list(weft.map(square, range(10_000), on=executor)) == [n * n for n in range(10_000)]
    assert executor.chunks < 1000


def test_a_broken_pool_ends_the_run_with_its_own_error():
    """It does not hang, and the reason is the pool's."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool, pytest.raises(Exception, match=r"terminated|died"):
        list(weft.map(os._exit, [3], on=pool))


def nap(seconds):
    time.sleep(seconds)
    return seconds


def test_waiting_for_a_worker_that_is_late_with_another_item_is_nobodys_time():
    """An executor's worker can't be stopped: what would be its next item has to wait, and is not late by that."""
    naps = [0.9, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.9, 0.1, 0.1]
    with ThreadPoolExecutor(2) as pool:
        run = weft.map(nap, naps, on=pool, max_workers=4, timeout=0.4, on_error="keep")
        assert [isinstance(result, weft.Failure) for result in run] == [nap == 0.9 for nap in naps]


def test_items_for_an_executor_whose_workers_all_hang_fail_one_by_one():
    gate = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        run = weft.map(lambda n: gate.wait(60), range(4), on=pool, timeout=0.2, on_error="keep")
        stopped = [failure.error.stopped for failure in run]
        gate.set()
    assert stopped == [False, True, True, True]


def test_an_executor_that_could_be_taken_for_a_number_is_none():
    """A stand-in of unittest.mock's is all things at once."""

    class Counted(ThreadPoolExecutor):
        def __index__(self):
            return 1

    with Counted(2) as executor:
        assert weft.map(abs, [-1, -2], on=executor).results() == [1, 2]
