"""Locks and what is built on them, for coroutines, beside threads and processes: their loop goes on."""

from __future__ import annotations

import asyncio
import threading
import time

import numpy as np
import pytest

import weft
from weft._share.sleepers import _WAITING

BOTH = pytest.mark.parametrize("make", [weft.Lock, weft.RLock, weft.Condition])


def count(lock, values, times):
    for _ in range(times):
        with lock:
            values[0] += 1


async def count_async(lock, values, times):
    for _ in range(times):
        async with lock:
            seen = values[0]
            await asyncio.sleep(0)  # another task would be in here now
            values[0] = seen + 1


def waiting(condition):
    return len(condition._waiters._waiting())


async def until(condition, seconds=10.0):
    ending = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ending
        await asyncio.sleep(0.001)


@BOTH
def test_nobody_else_has_it_task_thread_or_process(make, started):
    """All three of them at the same time: no addition is lost."""
    lock, values = make(), weft.share(np.zeros(1, "i8"), writable=True)
    process = started.start(count, lock, values, 200)
    thread = threading.Thread(target=count, args=(lock, values, 200))
    thread.start()

    async def main():
        await asyncio.gather(*(count_async(lock, values, 20) for _ in range(3)))

    asyncio.run(main())
    for each in (process, thread):
        each.join(30)
    assert values[0] == 460


def test_the_task_that_has_it_may_take_it_again_and_no_other():
    """By `with` as well: what it calls may be written for threads."""
    lock = weft.RLock()

    def plainly():
        with lock:
            return lock.depth

    async def other():
        assert lock.depth == 0
        assert not await lock.aacquire(0.01)
        with pytest.raises(RuntimeError, match="has not been acquired here"):
            lock.release()

    async def main():
        async with lock, lock:
            assert plainly() == 3
            assert lock.acquire()
            lock.release()
            await asyncio.create_task(other())
            assert await asyncio.to_thread(lock.acquire, block=False) is False
        assert not lock.locked()
        with lock:  # the thread has it now
            assert not await lock.aacquire(0.01)
        assert await lock.aacquire(10)
        lock.release()

    asyncio.run(main())
    assert not lock.locked()
    with pytest.raises(RuntimeError, match="has not been acquired here"):
        lock.release()


def hold(lock, held):
    with lock:
        held.set()
        time.sleep(60)


@BOTH
def test_a_coroutine_gets_what_a_dead_process_had_and_is_told(make, started):
    lock, held = make(), weft.Event()
    process = started.start(hold, lock, held)
    assert held.wait(30)

    async def take():
        async with lock:
            return lock.abandoned

    async def main():
        waits = asyncio.create_task(take())
        await asyncio.sleep(0.02)
        started.kill(process)
        assert await waits
        assert not await take()

    asyncio.run(main())


def tell(condition, stock):
    with condition:
        stock.value += 1
        condition.notify()


@pytest.mark.parametrize("lock", [weft.Lock, weft.RLock])
def test_coroutines_wait_at_a_condition_and_others_tell_them(lock, started):
    """A process does; the loop goes on meanwhile, and the lock can be had."""
    condition, stock = weft.Condition(lock()), weft.Value("i", 0)

    async def take():
        async with condition:
            await condition.await_for(lambda: stock.value > 0)
            stock.value -= 1

    async def main():
        taking = [asyncio.create_task(take()) for _ in range(2)]
        await until(lambda: waiting(condition) == 2)
        processes = [started.start(tell, condition, stock) for _ in range(2)]
        await asyncio.gather(*taking)
        return processes

    for process in asyncio.run(main()):
        process.join(30)
    assert stock.value == 0


def test_a_coroutine_tells_threads():
    condition, told = weft.Condition(), []

    def wait():
        with condition:
            told.append(condition.wait(30))

    async def main():
        thread = threading.Thread(target=wait)
        thread.start()
        await until(lambda: waiting(condition) == 1)
        async with condition:
            condition.notify_all()
        await asyncio.to_thread(thread.join)

    asyncio.run(main())
    assert told == [True]


def test_waiting_at_a_condition_has_an_end_and_needs_the_lock():
    condition = weft.Condition()

    async def main():
        with pytest.raises(RuntimeError, match="un-acquired lock"):
            await condition.await_()
        async with condition, condition:
            assert not await condition.await_(0.01)
            assert not await condition.await_for(lambda: False, 0.01)
            assert condition._lock.depth == 2, "it has it as often as before"
        assert not condition._lock.locked()

    asyncio.run(main())


def test_what_a_cancelled_one_was_told_is_told_to_another():
    """Else both would be lost: the one that was cancelled, and the word."""
    condition, went_on = weft.Condition(), []

    async def wait(name):
        async with condition:
            await condition.await_(30)
            went_on.append(name)

    async def main():
        first = asyncio.create_task(wait("first"))
        await until(lambda: waiting(condition) == 1)
        second = asyncio.create_task(wait("second"))
        await until(lambda: waiting(condition) == 2)
        async with condition:
            condition.notify()
            first.cancel()  # it has been told and has not got the lock
            await asyncio.sleep(0.01)
        await asyncio.wait_for(second, 10)
        with pytest.raises(asyncio.CancelledError):
            await first

    asyncio.run(main())
    assert went_on == ["second"]
    assert not condition._lock.locked()
    assert _WAITING not in [condition._waiters._state(place) for place in range(4)]


def come(barrier, answers):
    answers.add(1 + barrier.wait(30))


def test_at_a_barrier_tasks_threads_and_processes_go_on_together(started):
    """And again: it can be used any number of times."""
    barrier, answers = weft.Barrier(4), weft.Counter()

    async def main():
        for _ in range(2):
            processes = [started.start(come, barrier, answers)]
            thread = asyncio.create_task(asyncio.to_thread(come, barrier, answers))
            mine = await asyncio.gather(barrier.await_(30), barrier.await_())
            answers.add(sum(mine) + 2)
            await thread
            for process in processes:
                await asyncio.to_thread(process.join, 30)

    asyncio.run(main())
    assert answers.value == 2 * (1 + 2 + 3 + 4)
    assert not barrier.broken


def test_a_coroutine_that_is_cancelled_at_a_barrier_has_not_come():
    barrier = weft.Barrier(2)

    async def main():
        cancelled = asyncio.create_task(barrier.await_())
        await until(lambda: barrier.n_waiting == 1)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        assert barrier.n_waiting == 0
        assert sorted(await asyncio.gather(barrier.await_(), barrier.await_())) == [0, 1]
        with pytest.raises(threading.BrokenBarrierError):
            await barrier.await_(0.01)
        with pytest.raises(threading.BrokenBarrierError):
            await barrier.await_()
        barrier.reset()
        assert sorted(await asyncio.gather(barrier.await_(), barrier.await_())) == [0, 1]

    asyncio.run(main())


def test_who_dies_at_a_barrier_breaks_it_for_coroutines_too(started):
    barrier, answers = weft.Barrier(3), weft.Counter()
    process = started.start(come, barrier, answers)

    async def main():
        waits = asyncio.create_task(barrier.await_(30))
        await until(lambda: barrier.n_waiting == 2, 30)
        started.kill(process)
        with pytest.raises(threading.BrokenBarrierError):
            await waits

    asyncio.run(main())
