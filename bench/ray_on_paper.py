"""weft on a Ray cluster that is not there: the real schedule, in virtual time, with simulated workers and one caller.

    python bench/ray_on_paper.py                       # 1,000 nodes of 16 processors, 10**9 items; some minutes
    python bench/ray_on_paper.py --nodes 10 --items 1e6

What decides (sizes of chunks, the window, what is sent again) is the schedule that runs every weft.map. What is
simulated: workers, each with one chunk at a time; a way to them and back; nodes that die; and the caller, who can do
one thing at a time: half a chunk's price to send it and half to take its answer (RAY_PRICE, which bench/on_ray.py
measures), and for each item what it costs to read, pickle, unpickle and hand out. So the table tells two things apart:
how busy the workers are, and how busy the caller is; where the second reaches 100 %, the caller is the limit.
"""

from __future__ import annotations

import argparse
import heapq
import random
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from time import process_time

from weft._model.outcome import Lost, Returned
from weft._schedule.policy import Policy
from weft._schedule.schedule import Schedule
from weft._workers.kinds import RAY_PRICE

ITEM = 150e-9  # seconds of the caller's for each item, all in all: what bench/tiny.py measures of processes, and more
WEIGHT = 64  # bytes of an item and its result: a number each
WAY = 0.002  # seconds from the caller to a worker that is free, and as many back
BEGIN = 0.001  # seconds that a worker has with each chunk besides
NOTICED = 5.0  # seconds until the caller hears that a node is dead


@dataclass
class Cluster:
    """Workers, and when each will be free; the dead are left out."""

    nodes: int
    cpus: int
    free: list[tuple[float, int]] = field(default_factory=list)
    alive: list[bool] = field(default_factory=list)
    running: dict[int, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))  # by node, until when

    def __post_init__(self) -> None:
        self.free = [(0.0, worker) for worker in range(self.nodes * self.cpus)]
        self.alive = [True] * self.nodes

    def take(self, number: int, now: float, took: float) -> float:
        """Run a chunk on the worker that is free first; when it is done."""
        while True:
            free, worker = heapq.heappop(self.free)
            node = worker // self.cpus
            if self.alive[node]:
                break
        done = max(now, free) + BEGIN + took
        heapq.heappush(self.free, (done, worker))
        self.running[node][number] = done
        return done

    def kill(self, now: float) -> list[int]:
        """A node dies; the chunks that it had, those that were waiting for it included."""
        node = next(node for node in range(self.nodes) if self.alive[node])
        self.alive[node] = False
        return [number for number, done in self.running.pop(node, {}).items() if done > now]


@dataclass
class Paper:
    """What came of a run."""

    virtual: float  # seconds
    driving: float  # of them that the caller was busy
    chunks: int
    lost: int
    held: int  # items read and not taken, at most
    deciding: float  # seconds of this processor's that the schedule really took


def simulate(items: int, cost: float, cluster: Cluster, *, deaths: list[float]) -> Paper:
    """Drive one run to its end; nodes die at the moments of *deaths*."""
    chance = random.Random(0)
    width = cluster.nodes * cluster.cpus
    schedule = Schedule(Policy(price=RAY_PRICE), width, total=items, chance=chance.random)
    blank: dict[int, list[None]] = {}
    answers: list[tuple[float, int, int, float]] = []  # when, number, items, how long it took; lost if less than none
    gone: set[int] = set()
    dying = deque(deaths)
    read = lost = held = chunks = 0
    now = driving = 0.0
    began = process_time()
    while not schedule.finished:
        for number, size in sendings(schedule, blank, now, items - read):
            if number < 0:
                read += size
                if read == items:
                    schedule.end_input()
                continue
            price = RAY_PRICE / 2 + size * ITEM / 2
            now, driving = now + price, driving + price
            took = size * cost * (0.5 + chance.random())
            done = cluster.take(number, now + WAY, took)
            heapq.heappush(answers, (done + WAY, number, size, took))
        held = max(held, schedule.untaken)
        while dying and answers and dying[0] <= max(now, answers[0][0]):
            died = dying.popleft()
            for number in cluster.kill(died):
                gone.add(number)
                heapq.heappush(answers, (died + NOTICED, number, 0, -1.0))
        if answers:
            when, number, size, took = heapq.heappop(answers)
            now = max(now, when)
            if took < 0:
                gone.discard(number)
                lost += 1
                schedule.lose(Lost(number, "w", "its node died", begun=False), now)
            elif number not in gone:
                price = RAY_PRICE / 2 + size * ITEM / 2
                now, driving = now + price, driving + price
                chunks += 1
                schedule.settle(Returned(number, blank.setdefault(size, [None] * size), "w", took, nbytes=WEIGHT), now)
        while schedule.release() is not None:
            schedule.taken()
    assert schedule.untaken == 0, "results are missing"
    return Paper(now, driving, chunks, lost, held, process_time() - began)


def sendings(schedule: Schedule, blank: dict[int, list[None]], now: float, left: int) -> Iterator[tuple[int, int]]:
    """What is sent now, by number and length; what is read for that has no number."""
    while True:
        chunk = schedule.next_chunk(now)
        if chunk is not None:
            yield chunk.number, len(chunk.items)
            continue
        wanted = min(schedule.wants_items(), left)
        if not wanted:
            return
        schedule.add(blank.setdefault(wanted, [None] * wanted))
        left -= wanted
        yield -1, wanted


def show(items: int, cost: float, nodes: int, cpus: int, *, deaths: int = 0) -> None:
    """One row."""
    width = nodes * cpus
    ideal = items * cost / width
    moments = [ideal * (at + 1) / (deaths + 1) for at in range(deaths)]
    paper = simulate(items, cost, Cluster(nodes, cpus), deaths=moments)
    figures = [
        f"{nodes:,}",
        f"{width:,}",
        f"{items:,}",
        f"{cost * 1e3:g}",
        f"{items / paper.chunks:,.0f}",
        f"{paper.virtual:,.1f}",
        f"{ideal / paper.virtual:.0%}",
        f"{paper.driving / paper.virtual:.0%}",
        f"{items / paper.virtual:,.0f}",
        f"{paper.held * WEIGHT / 2**20:,.0f}",
        f"{deaths}",
        f"{paper.lost}",
        f"{paper.deciding / paper.chunks * 1e6:.0f}",
    ]
    print(line(figures), flush=True)


HEAD = {
    "nodes": 6, "workers": 7, "items": 13, "ms each": 8, "items/chunk": 11, "seconds": 9, "busy": 5, "caller": 6,
    "items/s": 11, "MiB read": 8, "deaths": 6, "lost": 5, "µs/chunk": 8,
}  # fmt: skip


def line(cells: Iterable[str]) -> str:
    return "  ".join(f"{cell:>{width}}" for cell, width in zip(cells, HEAD.values(), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--cpus", type=int, default=16, help="processors of each")
    parser.add_argument("--items", type=lambda text: int(float(text)), default=10**9)
    asked = parser.parse_args()
    print(line(HEAD))
    for nodes in sorted({max(1, asked.nodes // 1000), max(1, asked.nodes // 100), max(1, asked.nodes // 10)}):
        show(max(10_000, asked.items * nodes // asked.nodes // 10), 0.01, nodes, asked.cpus)
    show(asked.items // 10, 0.1, asked.nodes, asked.cpus)
    show(asked.items // 10, 0.1, asked.nodes, asked.cpus, deaths=min(10, asked.nodes - 1))
    for cost in (0.01, 0.001):
        show(asked.items, cost, asked.nodes, asked.cpus)


if __name__ == "__main__":
    main()
