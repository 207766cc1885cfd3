"""weft.submit: one call, somewhere else, and a future for it."""

from __future__ import annotations

import asyncio
import contextvars
import os
import sys
import threading
import time
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, as_completed, wait

import pytest

import weft

KINDS = ["auto", "serial", "thread", "process", "async"]
if sys.version_info >= (3, 14):
    KINDS.append("interpreter")
VARIABLE = contextvars.ContextVar("VARIABLE", default=0)


def add(first, second=1):
    return first + second


async def add_later(first, second=1):
    await asyncio.sleep(0)
    return first + second


def fail():
    raise LookupError("nothing there")


@pytest.mark.parametrize("on", KINDS)
@pytest.mark.parametrize("fn", [add, add_later, lambda a, second: a + second])
def test_the_future_has_the_result(on, fn):
    """Arguments and keyword arguments reach the function on every kind of worker."""
    future = weft.submit(fn, 3, second=4, on=on)
    assert isinstance(future, Future)
    assert future.result(30) == 7


@pytest.mark.parametrize("on", KINDS)
def test_the_future_has_the_error(on):
    future = weft.submit(fail, on=on)
    with pytest.raises(LookupError, match="nothing there"):
        future.result(30)


@pytest.mark.parametrize("on", KINDS)
def test_many_calls_at_once_are_all_answered(on):
    futures = [weft.submit(add, n, on=on) for n in range(200)]
    assert sorted(future.result(30) for future in as_completed(futures)) == list(range(1, 201))
    assert not wait(futures).not_done


def test_a_call_that_has_not_begun_can_be_cancelled():
    """As with the standard library's executors."""
    gate = threading.Event()
    with_workers = [weft.submit(gate.wait, 30, on="thread") for _ in range(100)]
    last = weft.submit(add, 1, on="thread")
    assert last.cancel()
    gate.set()
    assert all(future.result(30) for future in with_workers)
    assert last.cancelled()


@pytest.mark.parametrize("on", ["thread", "async"])
def test_context_variables_are_those_of_the_caller(on):
    token = VARIABLE.set(5)
    try:
        assert weft.submit(VARIABLE.get, on=on).result(30) == 5
    finally:
        VARIABLE.reset(token)


def test_an_executor_gets_the_call_itself():
    with ThreadPoolExecutor(1, thread_name_prefix="mine") as pool:
        assert weft.submit(lambda: threading.current_thread().name, on=pool).result(30).startswith("mine")


def test_a_plain_function_does_not_block_coroutines():
    """On "async" too, what may block is called in a thread."""
    gate = threading.Event()
    blocking = weft.submit(gate.wait, 30, on="async")
    assert weft.submit(add_later, 1, on="async").result(30) == 2
    gate.set()
    assert blocking.result(30)


def test_what_cannot_be_sent_fails_its_future():
    with pytest.raises(weft.NotSendable, match=r"its argument 0 is a _thread\.lock"):
        weft.submit(add, threading.Lock(), on="process").result(30)


def test_a_result_that_cannot_be_sent_names_the_part():
    """It is the result of a call, and not of an item somewhere."""
    error = weft.submit(lambda: {"of": [threading.Lock()]}, on="process").exception(30)
    assert isinstance(error, weft.NotSendable)
    assert (error.what, error.path) == ("the call's result", "['of'][0]")


def test_submitting_from_many_threads_works():
    results = []

    def work(n):
        results.extend(weft.submit(add, k, on="process").result(30) for k in range(n, n + 20))

    threads = [threading.Thread(target=work, args=(n,)) for n in (0, 100, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == sorted(k + 1 for n in (0, 100, 200) for k in range(n, n + 20))


# ── who reads the answers ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("on", ["thread", "process", "async"])
def test_a_callback_is_called_though_nobody_waits(on):
    """Somebody reads the answers for those who don't ask."""
    called = threading.Event()
    weft.submit(add, 1, on=on).add_done_callback(lambda _: called.set())
    assert called.wait(30)


@pytest.mark.parametrize("on", ["thread", "process", "async"])
def test_threads_that_wait_side_by_side_each_get_their_own(on):
    """One reads for all; when it has its own, another goes on."""
    found: dict[int, list[int]] = {}

    def ask(caller):
        found[caller] = [weft.submit(add, caller, n, on=on).result(30) for n in range(30)]

    callers = [threading.Thread(target=ask, args=(n * 1000,)) for n in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(60)
    assert found == {n * 1000: [n * 1000 + k for k in range(30)] for n in range(6)}


@pytest.mark.parametrize("on", ["thread", "process", "async"])
def test_a_callback_may_submit_and_wait(on):
    inner = []

    def again(future):
        inner.append(weft.submit(add, future.result(), on=on).result(30))

    done = threading.Event()
    future = weft.submit(add, 1, on=on)
    future.add_done_callback(again)
    future.add_done_callback(lambda _: done.set())
    assert future.result(30) == 2
    assert done.wait(30)
    assert inner == [3]


@pytest.mark.parametrize("on", ["thread", "process"])
def test_who_waits_only_so_long_waits_no_longer(on):
    slow = weft.submit(time.sleep, 0.5, on=on)
    with pytest.raises(TimeoutError):
        slow.result(0.05)
    with pytest.raises(TimeoutError):
        slow.exception(0)
    assert slow.result(30) is None


def test_a_call_that_kills_its_worker_is_tried_on_two_more():
    future = weft.submit(os._exit, 3, on="process")
    after = [weft.submit(add, n, on="process") for n in range(10)]
    assert [other.result(30) for other in after] == list(range(1, 11))
    error = future.exception(30)
    assert isinstance(error, weft.WorkerDied)
    assert (error.status, error.attempts) == ("exit status 3", 3)


@pytest.mark.parametrize("kind", [weft.ProcessExecutor, weft.ThreadExecutor, weft.AsyncExecutor])
def test_a_callback_may_ask_what_was_cancelled(kind):
    """It is called by whoever cancels, and finds a future that is done."""
    told = []

    def ask(future):
        with pytest.raises(CancelledError):
            future.exception(10)
        with pytest.raises(CancelledError):
            future.result()
        told.append(future)

    with kind(1) as executor:
        futures = [executor.submit(time.sleep, 0.2), *(executor.submit(add, n) for n in range(8))]
        futures[-1].add_done_callback(ask)
        assert futures[-1].cancel()
        assert told == futures[-1:]


@pytest.mark.parametrize("kind", [weft.ProcessExecutor, weft.ThreadExecutor])
def test_who_waits_for_a_call_learns_at_once_that_it_was_cancelled(kind):
    """Whoever waits reads the workers' answers himself, and of this call there will be none."""
    with kind(1) as executor:
        running, *waiting = [executor.submit(time.sleep, 1.5), *(executor.submit(add, n) for n in range(8))]
        threading.Timer(0.1, waiting[-1].cancel).start()
        with pytest.raises(CancelledError):
            waiting[-1].result(30)
        assert not running.done()


@pytest.mark.parametrize("raised", [SystemExit, KeyboardInterrupt])
def test_a_coroutine_that_exits_ends_no_loop(raised):
    """It is weft's, and others are in it."""

    async def leave():
        raise raised("for good")

    with pytest.raises(raised):
        weft.submit(leave).result(20)
    assert weft.submit(asyncio.sleep, 0, "fine").result(20) == "fine"
