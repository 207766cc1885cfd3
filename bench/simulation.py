"""The pure schedule with 10,000 simulated workers and 100 million items, in virtual time.

Shows that the schedule's cost is per chunk and does not grow with the number of workers (one heap of events and
one dictionary of chunks in flight), and that memory stays where it was after the first tenth. Nothing runs: a
worker is an entry in a heap of moments at which chunks come back, and all chunks of a size share one list of
items, since the schedule never looks at them.

With many workers chunks are smaller, for the window is 65,536 items or 64 a worker: that, and not the schedule,
is why an item costs more there.

    python bench/simulation.py                            # 10**8 items on 10,000 workers, then 10**7 on 10 … 10,000
    python bench/simulation.py --items 1e6 --workers 100  # smaller
"""

from __future__ import annotations

import argparse
import heapq
import random
import resource
import sys
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from _side_by_side import machine

from weft._model.outcome import Returned
from weft._schedule.policy import Policy
from weft._schedule.schedule import Schedule

COST = 20e-6  # virtual seconds an item, half of that to half as much again: chunks of up to 150


@dataclass
class Mark:
    """The figures at one point of the way."""

    items: int
    chunks: int
    seconds: float  # of processor time, since the last mark
    held: int  # items read and not taken
    resident: int  # bytes
    virtual: float  # seconds


def resident() -> int:
    """Bytes of memory this process holds now; where the system does not say, the most it ever held."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    return pages * resource.getpagesize()


def simulate(items: int, workers: int, *, ordered: bool, marks: int) -> Iterator[Mark]:
    """Drive one run to its end; a mark after each of so many equal parts of its items."""
    chance = random.Random(0)
    schedule = Schedule(Policy(ordered=ordered), workers, total=items, chance=chance.random)
    schedule.suit(workers, prefetches=False)  # a chunk begins when it is sent
    blank: dict[int, list[None]] = {}  # what travels, by its length
    events: list[tuple[float, int, int, float]] = []  # when, number, items, how long it took
    read = taken = chunks = last_chunks = 0
    now = 0.0
    step = -(-items // marks)
    due = step
    began = time.process_time()
    while not schedule.finished:
        while True:
            chunk = schedule.next_chunk(now)
            if chunk is not None:
                size = len(chunk.items)
                took = size * COST * (0.5 + chance.random())
                heapq.heappush(events, (now + took, chunk.number, size, took))
                continue
            wanted = schedule.wants_items()
            if not wanted:
                break
            wanted = min(wanted, items - read)
            schedule.add(blank.setdefault(wanted, [None] * wanted))
            read += wanted
            if read == items:
                schedule.end_input()
        if events:
            now, number, size, took = heapq.heappop(events)
            schedule.settle(Returned(number, blank.setdefault(size, [None] * size), "w", took), now)
            chunks += 1
        while (batch := schedule.release()) is not None:
            taken += len(batch)
            schedule.taken()
        if taken >= due:
            ended = time.process_time()
            yield Mark(taken, chunks - last_chunks, ended - began, schedule.untaken, resident(), now)
            last_chunks, due = chunks, min(items, taken + step) if taken < items else items + 1
            began = time.process_time()
    assert taken == items, "results are missing"
    assert schedule.untaken == 0


def along_the_way(items: int, workers: int, *, ordered: bool) -> None:
    """Print the figures after each tenth of one long run."""
    print(f"{items:,} items on {workers:,} workers, {'in order' if ordered else 'as they come'}:\n")
    print(
        f"{'items':>13}  {'chunks':>9}  {'items/chunk':>11}  {'ns/item':>8}  {'µs/chunk':>8}  "
        f"{'read, not taken':>15}  {'MiB':>6}"
    )
    before, last = 0, None
    began = time.process_time()
    for mark in simulate(items, workers, ordered=ordered, marks=10):
        count = mark.items - before
        print(
            f"{mark.items:>13,}  {mark.chunks:>9,}  {count / mark.chunks:>11.0f}  {mark.seconds / count * 1e9:>8.1f}  "
            f"{mark.seconds / mark.chunks * 1e6:>8.2f}  {mark.held:>15,}  {mark.resident / 2**20:>6.1f}",
            flush=True,
        )
        before, last = mark.items, mark
    spent = time.process_time() - began
    if last is not None:
        speedup = items * COST / last.virtual
        print(
            f"\n{spent:.1f} s of processor time in all for {last.virtual:.1f} virtual ones; "
            f"the workers were busy {speedup / workers:.0%} of these\n"
        )


def by_workers(items: int, counts: list[int], *, ordered: bool) -> None:
    """Print what a chunk costs with few workers and with many."""
    print(f"{items:,} items each:\n")
    print(f"{'workers':>8}  {'chunks':>9}  {'ns/item':>8}  {'µs/chunk':>8}  {'peak of Python objects, MiB':>27}")
    for workers in counts:
        chunks, seconds = 0, 0.0
        for mark in simulate(items, workers, ordered=ordered, marks=1):
            chunks, seconds = chunks + mark.chunks, seconds + mark.seconds
        tracemalloc.start()
        for _ in simulate(max(items // 10, 100 * workers), workers, ordered=ordered, marks=1):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        print(
            f"{workers:>8,}  {chunks:>9,}  {seconds / items * 1e9:>8.1f}  {seconds / chunks * 1e6:>8.2f}  "
            f"{peak / 2**20:>27.1f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--items", type=lambda text: int(float(text)), default=10**8, help="of the long run")
    parser.add_argument("--workers", type=int, default=10_000, help="of the long run")
    parser.add_argument("--each", type=lambda text: int(float(text)), default=10**7, help="items for each width")
    parser.add_argument("--unordered", action="store_true", help="take results as they come")
    asked = parser.parse_args()
    print(f"{machine()}\n")
    along_the_way(asked.items, asked.workers, ordered=not asked.unordered)
    by_workers(asked.each, [10, 100, 1000, 10_000], ordered=not asked.unordered)


if __name__ == "__main__":
    main()
