"""All that is shared, used at once by processes that were started in every way, and killed at any moment."""

from __future__ import annotations

import multiprocessing
import os
import random
import time

import numpy as np
import pytest

import weft

METHODS = ["fork", "forkserver", "spawn"]


class Ledger:
    def __init__(self):
        self.entries = []

    def enter(self, who, n):
        self.entries.append((who, n))
        return len(self.entries)

    def all(self):
        return self.entries

    def pid(self):
        return os.getpid()


class Shared:
    """One of each, handed over as one argument."""

    def __init__(self, ledger):
        self.jobs, self.done = weft.Channel(maxsize=4), weft.Channel()
        self.ledger, self.counter = ledger, weft.Counter()
        self.lock, self.values = weft.Lock(), weft.share(np.zeros(2, "i8"), writable=True)
        self.begin, self.table = weft.Event(), weft.Dict()
        self.barrier = weft.Barrier(3)

    def __reduce__(self):
        return _again, (self.__dict__,)


def _again(parts):
    made = Shared.__new__(Shared)
    made.__dict__.update(parts)
    return made


def work(shared, who, ends):
    """Take jobs until there are none, and use all that is shared for each."""
    assert shared.begin.wait(30)
    if ends:
        shared.barrier.wait(30)
    for n in shared.jobs:
        with shared.lock:
            if shared.lock.abandoned:
                shared.values[1] = shared.values[0]
            shared.values[0] += 1
            shared.values[1] += 1
        shared.ledger.enter(who, n).result(30)
        shared.counter.add()
        shared.done.put((who, n))
        shared.table[who] = n


@pytest.fixture
def forkserver():
    yield
    multiprocessing.forkserver._forkserver._stop()


@pytest.mark.parametrize("on", ["process", "thread", "async"])
def test_processes_of_all_start_methods_share_everything(on, forkserver):
    """Each pair of them: who was forked with who was spawned, at the same channel, lock, barrier, actor and table."""
    with weft.Actor(Ledger, on=on) as ledger:
        shared = Shared(ledger)
        workers = [
            multiprocessing.get_context(method).Process(target=work, args=(shared, method, True)) for method in METHODS
        ]
        for worker in workers:
            worker.start()
        shared.begin.set()
        for n in range(60):
            shared.jobs.put(n)
        shared.jobs.shutdown()
        for worker in workers:
            worker.join(60)
            assert worker.exitcode == 0
            worker.close()
        shared.done.shutdown()
        done = list(shared.done)
        assert sorted(n for _, n in done) == list(range(60))
        assert sorted(ledger.all().result()) == sorted(done)
        assert shared.counter.value == shared.values[0] == shared.values[1] == 60
        assert set(shared.table) == {who for who, _ in done} <= set(METHODS)


@pytest.mark.parametrize("method", METHODS)
def test_killed_at_any_moment_they_hold_up_nobody(method, forkserver):
    """In the lock, at the channel, in a call of the actor, while writing to the table: the others go on."""
    seed = random.randrange(1 << 30)
    chance, context = random.Random(seed), multiprocessing.get_context(method)
    with weft.Actor(Ledger) as ledger:
        shared = Shared(ledger)
        shared.begin.set()
        names, workers = iter(range(1000)), []

        def start():
            workers.append(context.Process(target=work, args=(shared, f"w{next(names)}", False)))
            workers[-1].start()

        for _ in range(3):
            start()
        kills, put = (8 if method == "fork" else 3), 0
        for _ in range(kills):
            before = shared.counter.value
            ending = time.monotonic() + 30
            while shared.counter.value == before:  # until something has gone through
                assert time.monotonic() < ending, f"nobody goes on, with seed {seed}"
                shared.jobs.put(put)
                put += 1
            time.sleep(chance.random() * 0.01)
            dead = workers.pop(chance.randrange(len(workers)))
            dead.kill()
            dead.join()
            dead.close()
            start()
        shared.jobs.shutdown()
        for worker in workers:
            worker.join(60)
            assert worker.exitcode == 0, f"with seed {seed}"
            worker.close()
        shared.done.shutdown()
        done = [n for _, n in shared.done]
        assert len(done) == len(set(done)), f"twice, with seed {seed}"
        assert put - len(done) <= kills, f"lost, with seed {seed}"
        assert shared.values[0] - shared.values[1] in {0, 1}
        assert not shared.lock.locked()


@pytest.mark.parametrize("method", METHODS)
def test_an_actor_that_is_killed_again_and_again_goes_on(method):
    """Each call is done once or fails; nobody waits for ever."""
    kills = 4 if method == "fork" else 2
    chance = random.Random(3)
    with weft.Actor(Ledger, restarts=kills, start_method=method) as ledger:
        callers = [weft.submit(enter_many, ledger, who, on="process") for who in range(2)]
        for _ in range(kills):
            pid = pid_of(ledger)
            time.sleep(chance.random() * 0.02)
            os.kill(pid, 9)
        entered, failed = map(sum, zip(*(caller.result(60) for caller in callers), strict=True))
        assert entered + failed == 2 * CALLS
        assert entered


CALLS = 100


def enter_many(ledger, who):
    entered = failed = 0
    for n in range(CALLS):
        try:
            ledger.enter(who, n).result(30)
            entered += 1
        except weft.WorkerDied:
            failed += 1
        time.sleep(0.001)
    return entered, failed


def pid_of(ledger):
    """Of the one that lives, which may have begun just now."""
    while True:
        try:
            return ledger.pid().result(30)
        except weft.WorkerDied:
            time.sleep(0.005)
