"""weft.submit: one call, somewhere else, and a future for it."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait

import pytest

import weft

KINDS = ["auto", "serial", "thread", "process", "async"]
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
    with pytest.raises(weft.NotSendable, match=r"_thread\.lock"):
        weft.submit(add, threading.Lock(), on="process").result(30)


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
