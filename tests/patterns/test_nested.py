"""Calls that wait for calls of the same workers: all of those may wait so, and still it comes to an end."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import as_completed, wait
from typing import Any

import pytest

import weft
from weft.multiprocessing import ThreadPool


@pytest.fixture
def one() -> Iterator[weft.ThreadExecutor]:
    with weft.ThreadExecutor(1) as executor:
        yield executor


# ── threads ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_divide_and_conquer_by_submit_comes_to_an_end() -> None:
    """Far more calls wait than there are threads."""

    def fib(n: int) -> int:
        if n < 2:
            return n
        before, last = weft.submit(fib, n - 2), weft.submit(fib, n - 1)
        return int(before.result() + last.result())

    assert weft.submit(fib, 14).result(60) == 377


def test_a_call_that_waits_for_the_next_needs_no_second_thread(one: weft.ThreadExecutor) -> None:
    """The thread makes it itself; each call is one of its own all the same."""

    def deep(n: int) -> list[tuple[str, Any]]:
        info = weft.current_worker()
        assert info is not None
        below = one.submit(deep, n - 1).result() if n else []
        after = weft.current_worker()
        assert after is not None
        assert after.item == info.item == (n,)
        return [*below, (threading.current_thread().name, info.item)]

    found = one.submit(deep, 20).result(60)
    assert [item for _, item in found] == [(n,) for n in range(21)]
    assert len({name for name, _ in found}) == 1


def test_what_fails_there_fails_its_own_call_and_no_other(one: weft.ThreadExecutor) -> None:
    def outer() -> str:
        inner = one.submit(int, "no number")
        assert isinstance(inner.exception(), ValueError)
        with pytest.raises(ValueError, match="no number"):
            inner.result()
        return "went on"

    assert one.submit(outer).result(60) == "went on"


def test_a_call_that_was_made_by_who_waited_is_made_once(one: weft.ThreadExecutor) -> None:
    """The queue still has it; whoever finds it there passes on, also at the end."""
    made: list[int] = []

    def outer() -> None:
        for future in [one.submit(made.append, n) for n in range(50)]:
            future.result()

    one.submit(outer).result(60)
    one.submit(made.append, 50).result(60)
    one.shutdown()
    assert made == list(range(51))


def test_who_waits_only_so_long_makes_nothing_itself(one: weft.ThreadExecutor) -> None:
    """It might take longer."""
    made: list[int] = []

    def outer() -> list[int]:
        future = one.submit(made.append, 1)
        with pytest.raises(TimeoutError):
            future.result(0.1)
        return list(made)

    assert one.submit(outer).result(60) == []
    one.shutdown()
    assert made == [1]


def test_who_is_no_worker_makes_nothing_himself(one: weft.ThreadExecutor) -> None:
    name = one.submit(lambda: threading.current_thread().name).result(60)
    assert name != threading.current_thread().name
    with weft.ThreadExecutor(1) as other:
        assert other.submit(lambda: one.submit(lambda: threading.current_thread().name).result()).result(60) == name


def test_what_a_waiting_worker_did_not_begin_can_be_cancelled(one: weft.ThreadExecutor) -> None:
    def outer() -> bool:
        future = one.submit(abs, -1)
        return future.cancel() and future.cancelled()

    assert one.submit(outer).result(60)
    assert one.submit(abs, -2).result(60) == 2


def test_maps_in_each_other_come_to_an_end(one: weft.ThreadExecutor) -> None:
    def total(n: int) -> int:
        return sum(one.map(abs, range(-n, 1)))

    assert list(one.map(total, range(5))) == [0, 1, 3, 6, 10]


def test_a_map_in_a_map_that_fails_says_so(one: weft.ThreadExecutor) -> None:
    def numbers(texts: list[str]) -> list[int]:
        return list(one.map(int, texts))

    assert one.submit(numbers, ["1", "2"]).result(60) == [1, 2]
    with pytest.raises(ValueError, match="three"):
        one.submit(numbers, ["1", "three"]).result(60)


@pytest.mark.parametrize("ask", ["apply", "map", "imap", "imap_unordered", "starmap", "map_async"])
def test_a_pool_of_one_thread_may_ask_itself(ask: str) -> None:
    with ThreadPool(1) as pool:
        asks: dict[str, Any] = {
            "apply": lambda: [pool.apply(abs, (-3,)), 4],
            "map": lambda: pool.map(abs, [-3, -4]),
            "imap": lambda: list(pool.imap(abs, [-3, -4])),
            "imap_unordered": lambda: sorted(pool.imap_unordered(abs, [-3, -4])),
            "starmap": lambda: pool.starmap(abs, [(-3,), (-4,)]),
            "map_async": lambda: pool.map_async(abs, [-3, -4]).get(),
        }
        assert pool.apply_async(asks[ask]).get(60) == [3, 4]
        assert pool.apply_async(abs, (-5,)).get(60) == 5


@pytest.mark.parametrize("how", ["wait", "as_completed", "as_completed, left early"])
def test_who_waits_as_the_standard_library_does_leaves_its_place_to_another(how: str) -> None:
    """Every thread waits, and each call in it; at the end there are as many as before."""

    def leaves(executor: weft.ThreadExecutor, depth: int) -> int:
        if depth == 0:
            return 1
        below = [executor.submit(leaves, executor, depth - 1) for _ in range(2)]
        if how == "wait":
            done, _ = wait(below)
        elif how == "as_completed":
            done = set(as_completed(below))
        else:
            first = next(as_completed(below))
            done = {first, *wait(set(below) - {first}).done}
        return sum(future.result() for future in done)

    with weft.ThreadExecutor(2, thread_name_prefix="few") as executor:
        assert executor.submit(leaves, executor, 6).result(60) == 64
        ending = time.monotonic() + 20
        while len(threads := [t for t in threading.enumerate() if t.name.startswith("few")]) > 2:
            assert time.monotonic() < ending, threads
            time.sleep(0.01)


def test_those_that_have_the_place_of_who_waits_leave_when_he_is_back() -> None:
    """Meanwhile there may be one more for each."""
    at_once, most, lock = 0, 0, threading.Lock()

    def item(_: int) -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.005)
        with lock:
            at_once -= 1

    with ThreadPool(2) as pool:
        pool.map(lambda n: pool.map(item, range(10), 1), range(4), 1)
        assert most <= 4
        most = 0
        pool.map(item, range(20), 1)
        assert most <= 2


# ── coroutines ────────────────────────────────────────────────────────────────────────────────────────────────


async def same(n: int) -> int:
    await asyncio.sleep(0.001)
    return n


@pytest.mark.parametrize("held", [False, True])
def test_a_coroutine_that_would_stop_its_own_loop_is_told_so(held: bool) -> None:
    """It would wait for ever, and all others with it."""
    with weft.AsyncExecutor() as executor:

        def submit(fn: Any, *args: Any) -> Any:
            return executor.submit(fn, *args) if held else weft.submit(fn, *args, on="async")

        async def blocks() -> int:
            return int(submit(same, 3).result())

        async def awaits() -> int:
            return int(await submit(same, 3))

        async def looks() -> int:
            future = submit(same, 3)
            with pytest.raises(TimeoutError):
                future.result(0.05)
            return int(await future)

        with pytest.raises(RuntimeError, match="await the future"):
            submit(blocks).result(60)
        assert submit(awaits).result(60) == 3
        assert submit(looks).result(60) == 3


def test_a_coroutine_may_ask_for_a_result_that_is_there() -> None:
    """Though nobody has read it yet."""

    async def asks() -> list[int]:
        found = []
        for n in range(50):
            done = asyncio.Event()

            async def last(n: int, done: asyncio.Event) -> int:
                done.set()
                return n

            future = weft.submit(last, n, done, on="async")
            await done.wait()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            found.append(future.result())
        return found

    assert weft.submit(asks, on="async").result(60) == list(range(50))


def test_a_run_within_a_coroutine_of_another_has_a_loop_of_its_own() -> None:
    """It holds up the other coroutines, as whatever blocks does, and comes to an end."""

    async def total(n: int) -> int:
        return sum(weft.map(same, range(n), on="async"))

    async def total_of_totals(n: int) -> int:
        return sum(weft.map(total, range(n), on="async"))

    assert list(weft.map(total, range(5), on="async")) == [0, 0, 1, 3, 6]
    assert list(weft.map(total_of_totals, [5, 4], on="async")) == [10, 4]
    assert list(weft.map(same, range(3), on="async")) == [0, 1, 2]
