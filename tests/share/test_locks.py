"""Locks and what is built on them: whoever dies, at whatever moment, the others go on, and are told."""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import threading
import time

import numpy as np
import pytest

import weft
from weft._share import cells
from weft._share.claims import _TROUBLED
from weft._transport.passage import KEPT

BOTH = pytest.mark.parametrize("make", [weft.Lock, weft.RLock])


def hold(lock, held):
    with lock:
        held.set()
        time.sleep(60)


def count_for_ever(lock, values, begun):
    while True:
        with lock:
            if lock.abandoned:
                values[1] = values[0]
            values[0] += 1
            values[1] += 1
        begun.set()


def count(lock, values, times):
    for _ in range(times):
        with lock:
            values[0] += 1


@BOTH
def test_nobody_else_has_it(make, started):
    """The whole point of a lock: no addition is lost, in any process."""
    lock, values = make(), weft.share(np.zeros(2, "i8"), writable=True)
    processes = [started.start(count, lock, values, 1000) for _ in range(3)]
    threads = [threading.Thread(target=count, args=(lock, values, 1000)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for each in (*processes, *threads):
        each.join(30)
    assert values[0] == 5000


@BOTH
def test_the_death_of_its_holder_opens_it_and_the_next_is_told(make, started):
    """What it protects may be half done: who has it next must know, and nobody after that."""
    lock, held = make(), weft.Event()
    process = started.start(hold, lock, held)
    assert held.wait(30)
    assert not lock.acquire(timeout=0.1)
    assert not lock.acquire(block=False)
    started.kill(process)
    with lock:
        assert lock.abandoned
    assert not lock.abandoned
    with lock:
        assert not lock.abandoned


@pytest.mark.parametrize(("method", "make"), [("fork", weft.Lock), ("fork", weft.RLock), ("spawn", weft.Lock)])
def test_deaths_at_random_moments_lose_no_lock_and_give_it_to_nobody_twice(method, make, chance, until):
    """Killed between any two steps of taking it and letting it go, four at a time."""
    import multiprocessing

    context = multiprocessing.get_context(method)
    lock, values = make(), weft.share(np.zeros(2, "i8"), writable=True)
    for _ in range(12 if method == "fork" else 4):
        begun = weft.Event()
        processes = [context.Process(target=count_for_ever, args=(lock, values, begun)) for _ in range(4)]
        for process in processes:
            process.start()
        assert begun.wait(30)
        time.sleep(chance.random() * 0.02)
        for process in processes[:2]:
            process.kill()
        assert lock.acquire(timeout=30)
        assert lock.abandoned or values[0] == values[1], "somebody died between the two, and nobody was told"
        values[1] = values[0]
        before = values[0]
        time.sleep(0.002)
        assert values[0] == before, "two have it"
        lock.release()
        assert until(lambda before=before: values[0] > before)  # the two that live go on
        for process in processes:
            process.kill()
            process.join()
            process.close()


def test_an_rlock_that_was_a_dead_ones_counts_as_any(started):
    """As often as it is taken then, it is to be released; the news lasts as long as that."""
    lock, held = weft.RLock(), weft.Event()
    process = started.start(hold, lock, held)
    assert held.wait(30)
    started.kill(process)
    with lock:
        with lock:
            assert lock.depth == 2
        assert lock.abandoned
        assert lock.depth == 1
        assert weft.submit(lock.acquire, block=False, on="thread").result() is False
    assert not lock.locked()
    with lock:
        assert not lock.abandoned


def test_who_has_an_rlock_takes_it_again_while_others_look_who_is_dead():
    """It has it: whatever they find out, it need not wait for that."""
    lock = weft.RLock()
    with lock:
        claims = lock.claims
        claims._set(_TROUBLED, 1)
        try:
            assert lock.acquire()
            assert lock.depth == 2
            lock.release()
        finally:
            claims._set(_TROUBLED, 0)
    assert not lock.locked()


def test_several_dead_at_once_and_many_who_wait(started):
    """All who wait find out together, and one of them has it."""
    lock, held, counter = weft.Lock(), weft.Event(), weft.Counter()
    dying = started.start(hold, lock, held)
    assert held.wait(30)
    waiting = [started.start(add_with, lock, counter) for _ in range(3)]
    time.sleep(0.1)
    started.kill(dying)
    for process in waiting:
        process.join(30)
    assert counter.value == 3
    assert not lock.locked()


def add_with(lock, counter):
    with lock:
        counter.add(1)


def test_who_has_not_taken_it_can_not_release_it():
    """And it stays as it was."""
    for lock in (weft.Lock(), weft.RLock()):
        with pytest.raises(RuntimeError, match="has not been acquired here"):
            lock.release()
        assert not lock.locked()
    lock = weft.RLock()
    with lock:
        with pytest.raises(RuntimeError):
            weft.submit(lock.release, on="thread").result()
        assert lock.locked()


def test_an_rlock_is_free_when_it_was_released_as_often():
    lock = weft.RLock()
    with lock, lock:
        assert lock.acquire(timeout=0.01)
        lock.release()
        assert weft.submit(lock.acquire, block=False, on="thread").result() is False
    assert not lock.locked()


def test_it_takes_the_arguments_of_both_of_the_standard_librarys():
    lock = weft.Lock()
    assert lock.acquire(blocking=True, timeout=-1)
    assert not lock.acquire(blocking=False)
    assert not lock.acquire(False)
    assert not lock.acquire(True, 0.01)
    lock.release()
    assert lock.acquire(block=True, timeout=None)
    lock.release()


def test_in_one_process_there_is_one_of_each():
    """Else a thread could wait for itself."""
    lock = weft.RLock()
    with KEPT:
        packed = pickle.dumps(lock)
    assert pickle.loads(packed) is lock


def test_a_fork_in_the_middle_has_not_got_it(started):
    lock = weft.Lock()
    with lock:
        process = started.start(try_it, lock)
        process.join(30)
        assert process.exitcode == 7
    assert not lock.locked()


def try_it(lock):
    os._exit(7 if not lock.acquire(timeout=0.05) else 0)


def test_coroutines_wait_without_holding_up_their_loop():
    """And one that is cancelled while it waits has not got it."""
    order = []

    async def use(lock, number):
        async with lock:
            order.append(number)
            await asyncio.sleep(0.005)

    async def main():
        lock, gate, event = weft.Lock(), weft.Semaphore(1), weft.Event()
        await asyncio.gather(*(use(lock, number) for number in range(3)), *(use(gate, number) for number in range(3)))
        await lock.aacquire()
        waiting = asyncio.create_task(lock.aacquire())
        await asyncio.sleep(0.01)
        waiting.cancel()
        lock.release()
        asyncio.get_running_loop().call_later(0.01, event.set)
        assert await event.await_(10)
        assert not await weft.Event().await_(0.01)
        assert await lock.aacquire(10)
        lock.release()

    asyncio.run(main())
    assert sorted(order) == [0, 0, 1, 1, 2, 2]


def test_a_semaphore_lets_so_many_in():
    semaphore, inside = weft.Semaphore(2), weft.Counter()
    run = weft.map(lambda _: enter_and_tell(semaphore, inside), range(8), on="process", max_workers=4)
    assert max(run) <= 2
    semaphore.release(2)
    assert semaphore.get_value() == 4
    with pytest.raises(ValueError, match=">= 0"):
        weft.Semaphore(-1)


def enter_and_tell(semaphore, inside):
    with semaphore:
        inside.add(1)
        seen = inside.value
        time.sleep(0.01)
        inside.add(-1)
        return seen


def wait_for_it(event, answers):
    answers.add(event.wait(30))


def test_an_event_wakes_all_who_wait(started):
    """A waiter that is killed keeps nobody from it."""
    event, answers = weft.Event(), weft.Counter()
    waiting = [started.start(wait_for_it, event, answers) for _ in range(3)]
    time.sleep(0.05)
    started.kill(waiting[0])
    event.set()
    for process in waiting[1:]:
        process.join(30)
    assert 2 <= answers.value <= 3
    assert event.is_set()
    event.clear()
    assert not event.wait(0.01)


def take_one(condition, stock, taken):
    with condition:
        condition.wait_for(lambda: stock.value > 0)
        stock.value -= 1
        taken.add(1)


def test_a_condition_wakes_the_living(started, until):
    """One that is killed while it waits is passed over: what it was to be told is told to another."""
    condition, stock, taken = weft.Condition(), weft.Value("i", 0), weft.Counter()
    waiting = [started.start(take_one, condition, stock, taken) for _ in range(3)]
    assert until(lambda: len(condition._waiters._waiting()) == 3, 30)
    started.kill(waiting[0])
    waiting[0].join()
    for _ in range(2):
        with condition:
            stock.value += 1
            condition.notify()
    for process in waiting[1:]:
        process.join(30)
    assert taken.value == 2


def test_a_condition_asks_for_its_lock():
    condition = weft.Condition(weft.Lock())
    for use in (condition.wait, condition.notify, condition.notify_all):
        with pytest.raises(RuntimeError, match="un-acquired lock"):
            use()
    with condition:
        assert not condition.wait(0.01)
    with pytest.raises(TypeError, match=r"weft\.Lock"):
        weft.Condition(threading.Lock())


def come(barrier, counter):
    try:
        barrier.wait(30)
    except threading.BrokenBarrierError:
        counter.add(100)
    else:
        counter.add(1)


def test_at_a_barrier_all_go_on_together(started):
    barrier, counter = weft.Barrier(3), weft.Counter()
    coming = [started.start(come, barrier, counter) for _ in range(2)]
    barrier.wait(30)
    for process in coming:
        process.join(30)
    assert counter.value == 2
    assert not barrier.broken


def test_who_dies_at_a_barrier_breaks_it(started, until):
    """The others would wait for ever."""
    barrier, counter = weft.Barrier(3), weft.Counter()
    coming = [started.start(come, barrier, counter) for _ in range(2)]
    assert until(lambda: barrier.n_waiting == 2, 30)
    started.kill(coming[0])
    coming[1].join(30)
    assert counter.value == 100
    assert barrier.broken
    barrier.reset()
    assert not barrier.broken


def test_a_seat_is_used_again_and_what_was_left_there_is_not_lost(started, monkeypatch):
    """More processes than there are seats, one after the other; the last but one died with the lock."""
    monkeypatch.setattr(cells, "SEATS", 3)
    lock, counter, held = weft.Lock(), weft.Counter(), weft.Event()
    with lock:
        pass
    process = started.start(hold, lock, held)
    assert held.wait(30)
    started.kill(process)
    process.join()
    sheet = lock.sheet
    dead = next(seat for seat in range(3) if sheet.sitting(seat)[0] == process.pid)
    from weft._share.claims import vacate

    vacate(sheet, dead)
    sheet.words[(cells.SEATED + 16 * dead) // 8] = 0
    with lock:
        assert lock.abandoned
    counter.add(1)
    assert counter.value == 1


def test_what_nobody_uses_is_gone():
    """Not even a descriptor is left, and no garbage collector is needed for it."""
    gc.collect()
    gc.disable()
    try:
        before = len(os.listdir("/proc/self/fd"))
        for make in (weft.Lock, weft.RLock, weft.Semaphore, weft.Event, weft.Condition, weft.Counter, weft.Dict):
            made = make()
            if hasattr(made, "acquire"):
                with made:
                    pass
            del made
            assert len(os.listdir("/proc/self/fd")) == before, make
    finally:
        gc.enable()
