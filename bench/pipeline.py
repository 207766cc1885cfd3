"""Three stages, a coroutine that waits, a process that computes and a thread that waits: who holds them up?

2,000 items: 2 ms of waiting, 2 ms of computing, 1 ms of waiting. The bound is what the computing alone takes on all
processors: measured by forked processes with no pool, each with its share of the items, in the same rounds; and, for
comparison, on paper. Beside weft.pipeline: weft.map of the slowest stage alone, and the same three stages by hand, of
standard parts (threads, queues, a ProcessPoolExecutor); and pypeln, if installed, with processes for each stage:
its coroutines hang before these (0.4.9), and with threads it takes longer.

Then what a border between two stages costs: 200,000 items through one, two and three stages that do nothing.

A process that is disturbed computes longer than 2 ms by the clock, not by its own account: on paper nobody is.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import queue
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.util import find_spec
from typing import Any

from _side_by_side import cpus, machine, measure, median, parser, show

import weft

ITEMS = 2_000
TINY = 200_000


async def ask(n: int) -> int:
    await asyncio.sleep(0.002)
    return n


def compute(n: int) -> int:
    ending = time.process_time() + 0.002
    while time.process_time() < ending:
        pass
    return n


def store(n: int) -> int:
    time.sleep(0.001)
    return n


def nothing(n: int) -> int:
    return n


def no_pool() -> list[int]:
    """The slowest stage by forked processes, each with its share; nothing travels."""
    born = []
    for share in range(cpus()):
        pid = os.fork()
        if pid == 0:
            for n in range(share, ITEMS, cpus()):
                compute(n)
            os._exit(0)
        born.append(pid)
    assert not any(os.waitpid(pid, 0)[1] for pid in born)
    return list(range(ITEMS))


def alone() -> list[int]:
    return weft.map(compute, range(ITEMS), on="process").results()


def pipeline() -> list[int]:
    flow = weft.pipeline(range(ITEMS)).map(ask, on="async", max_workers=20)
    return flow.map(compute, on="process").map(store, on="thread", max_workers=8).run().results()


def by_hand(pool: ProcessPoolExecutor) -> list[int]:
    """Coroutines in a thread of their own, a window of futures, eight threads; queues that are bounded in between."""
    asked: queue.Queue[Any] = queue.Queue(100)
    computed: queue.Queue[Any] = queue.Queue(100)
    stored: list[int] = []

    async def ask_all() -> None:
        places = asyncio.Semaphore(20)

        async def one(n: int) -> None:
            async with places:
                value = await ask(n)
            await asyncio.to_thread(asked.put, value)

        await asyncio.gather(*(one(n) for n in range(ITEMS)))
        asked.put(None)

    def compute_all() -> None:
        room = threading.Semaphore(16)

        def done(future: Any) -> None:
            room.release()
            computed.put(future.result())

        futures = []
        while (value := asked.get()) is not None:
            room.acquire()
            futures.append(pool.submit(compute, value))
            futures[-1].add_done_callback(done)
        for future in futures:
            future.result()
        while room._value < 16:  # until the last callback is through
            time.sleep(0.001)
        for _ in range(8):
            computed.put(None)

    def store_all() -> None:
        while (value := computed.get()) is not None:
            stored.append(store(value))

    threads = [threading.Thread(target=asyncio.run, args=(ask_all(),)), threading.Thread(target=compute_all)]
    threads += [threading.Thread(target=store_all) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return stored


def ask_in_a_process(n: int) -> int:
    time.sleep(0.002)
    return n


def with_pypeln() -> list[int]:
    import pypeln

    stage = pypeln.process.map(ask_in_a_process, range(ITEMS), workers=8, maxsize=100)
    stage = pypeln.process.map(compute, stage, workers=cpus(), maxsize=100)
    return list(pypeln.process.map(store, stage, workers=4, maxsize=100))


def through(stages: int, on: str) -> int:
    flow = weft.pipeline(range(TINY))
    for _ in range(stages):
        flow = flow.map(nothing, on=on, max_workers=2)
    return sum(1 for _ in flow)


def main() -> None:
    asked = parser(__doc__, rounds=5).parse_args()
    print(f"{machine()}; {ITEMS:,} items, {asked.rounds} rounds; {ITEMS * 0.002 / cpus():.1f} s if nothing disturbs")
    with ProcessPoolExecutor(cpus(), mp_context=multiprocessing.get_context("forkserver")) as pool:
        runs = {
            "no pool": no_pool,
            "slowest stage alone": alone,
            "weft.pipeline": pipeline,
            "by hand": lambda: by_hand(pool),
        }
        if find_spec("pypeln"):
            runs["pypeln"] = with_pypeln
        times = measure(runs, asked.rounds, lambda found: sorted(found) == list(range(ITEMS)))
    show("Three stages", times, peer="no pool", items=ITEMS)
    paper, bound = ITEMS * 0.002 / cpus(), median(times["no pool"])
    for name, taken in times.items():
        print(f"{name}: {bound / median(taken):.1%} of the bound, {paper / median(taken):.1%} of what it is on paper")
    share = bound / median(times["weft.pipeline"])
    print(f"goal: at least 95 % of the bound: {share:.1%}, {'met' if share >= 0.95 else 'missed'}")

    for on in ("thread", "process"):
        kinds = {f"{stages} × {on}": partial(through, stages, on) for stages in (1, 2, 3)}
        times = measure(kinds, asked.rounds, lambda count: count == TINY)
        show(f"{TINY:,} items, nothing done", times, peer=f"1 × {on}", items=TINY)
        more = (median(times[f"3 × {on}"]) - median(times[f"1 × {on}"])) / 2 / TINY
        print(f"goal: a border costs under 2 µs an item: {more * 1e6:.2f} µs, {'met' if more < 2e-6 else 'missed'}")


if __name__ == "__main__":
    main()
