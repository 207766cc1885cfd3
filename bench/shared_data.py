"""Shared data: counters and locks against multiprocessing's, one array for many tasks, a dictionary and an actor.

Uncontended, in one process, as most of them are most of the time; the memory that 64 tasks take to read 512 MiB is
measured in the workers, as what they have of their own before and after.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import threading
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from _side_by_side import cpus, goal, machine, measure, parser, ratio, show

import weft

TIMES = 100_000
TASKS = 64
MUTEX = 64  # bytes, more than any system's


def repeat(do: Any) -> int:
    for _ in range(TIMES):
        do()
    return TIMES


def with_it(lock: Any) -> int:
    for _ in range(TIMES):
        with lock:
            pass
    return TIMES


def by_hand(lock: Any) -> int:
    for _ in range(TIMES):
        lock.acquire()
        lock.release()
    return TIMES


def add_with_lock(value: Any) -> int:
    for _ in range(TIMES):
        with value.get_lock():
            value.value += 1
    return TIMES


def add(counter: Any) -> int:
    for _ in range(TIMES):
        counter.add(1)
    return TIMES


def mutex() -> Any:
    """A mutex of pthread's by way of ctypes, as cheap as that can be: the GIL is kept, errors are not looked at."""
    library = ctypes.PyDLL(None)
    memory = ctypes.create_string_buffer(MUTEX)
    address = ctypes.byref(memory)  # as it is passed on
    lock, unlock = library.pthread_mutex_lock, library.pthread_mutex_unlock
    unlock.restype = None

    def use() -> None:
        lock(address)
        unlock(address)

    return use


def own_memory() -> int:
    """Bytes of this process that are no file's and no shared memory's, which are there once for all who map them."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Anonymous:")) * 1024


def read(task: int, shared: Any) -> tuple[int, float]:
    before = own_memory()
    total = float(shared.sum())
    return own_memory() - before, total


class Echo:
    def say(self, value: int) -> int:
        return value


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--mib", type=int, default=512, help="size of the array (default: %(default)s)")
    asked = arguments.parse_args()
    print(machine())

    def right(done: object) -> bool:
        return done == TIMES

    lock, theirs, plain = weft.Lock(), multiprocessing.Lock(), threading.Lock()
    times = measure(
        {
            "weft.Lock, with": partial(with_it, lock),
            "multiprocessing.Lock, with": partial(with_it, theirs),
            "threading.Lock, with": partial(with_it, plain),
            "weft.Lock, by hand": partial(by_hand, lock),
            "multiprocessing.Lock, by hand": partial(by_hand, theirs),
            "weft.RLock, with": partial(with_it, weft.RLock()),
            "multiprocessing.RLock, with": partial(with_it, multiprocessing.RLock()),
            "pthread's, by ctypes": partial(repeat, mutex()),
        },
        asked.rounds,
        right,
    )
    show("a lock, taken and let go", times, items=TIMES)
    goal("weft.Lock / multiprocessing.Lock, with", ratio(times, "weft.Lock, with", "multiprocessing.Lock, with"), 1.0)
    hand = ratio(times, "weft.Lock, by hand", "multiprocessing.Lock, by hand")
    goal("weft.Lock / multiprocessing.Lock, acquire() and release()", hand, 1.0)

    times = measure(
        {
            "weft.Counter": partial(add, weft.Counter()),
            "weft.Value with its lock": partial(add_with_lock, weft.Value("q")),
            "multiprocessing.Value with its lock": partial(add_with_lock, multiprocessing.Value("q")),
        },
        asked.rounds,
        right,
    )
    show("one more", times, items=TIMES)
    goal("weft.Counter / multiprocessing.Value", ratio(times, "weft.Counter", "multiprocessing.Value with its lock"), 1)

    shared = weft.share(np.ones(asked.mib * 2**17))
    grown = weft.map(partial(read, shared=shared), range(TASKS), on="process", max_workers=cpus()).results()
    assert all(total == len(shared) for _, total in grown)
    goal(f"{asked.mib} MiB, {TASKS} tasks: more memory", sum(max(0, more) for more, _ in grown) / 2**20, 16, "MiB")

    with multiprocessing.Manager() as manager, weft.Actor(Echo) as actor:
        ours, managed = weft.Dict(a=1), manager.dict(a=1)
        times = measure(
            {
                "weft.Dict": lambda: [ours["a"] for _ in range(1000)],
                "Manager().dict()": lambda: [managed["a"] for _ in range(1000)],
                "weft.Actor, a call": lambda: [actor.say(1).result() for _ in range(1000)],
                "weft.Actor, many at once": lambda: [said.result() for said in [actor.say(1) for _ in range(1000)]],
            },
            asked.rounds,
            lambda read: read == [1] * 1000,
        )
    show("1,000 reads, 1,000 calls", times, peer="Manager().dict()", items=1000)


if __name__ == "__main__":
    main()
