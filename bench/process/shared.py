"""512 MiB that 64 tasks read: what it takes in memory beyond one copy, and in time.

    python -m bench.process.shared

The array is in the function's closure, in a partial's argument, or the object a method is bound to. Memory is the
proportional set size (PSS: a page that three processes share counts a third for each) of this process and its
workers together, as the kernel tells it in /proc/*/smaps_rollup, while the workers are at it. The caller has its own
array before the first figure is taken; what is allowed is one copy more, for everybody.

ProcessPoolExecutor beside it sends the array with each task: for that, it is shown with 8 tasks.
"""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, Self

import numpy as np
from bench._side_by_side import cpus, goal, machine, median, parser, table

import weft
from weft._workers.kinds import stop_idle_workers

MIB = 2**20
TASKS = 64


class Table:
    """Something with a method."""

    def __init__(self, rows: Any) -> None:
        self.rows = rows

    def total(self, _: int) -> float:
        return float(self.rows.sum())


def total(rows: Any, _: int) -> float:
    return float(rows.sum())


class Watch:
    """The most memory that this process and its children have together while it watches, in bytes of PSS."""

    def __enter__(self) -> Self:
        self.most, self._over = memory(), threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.02):
            self.most = max(self.most, memory())


def memory() -> int:
    """PSS of this process and of those it has started, in bytes."""
    return sum(map(pss, ["self", *descendants("self")]))


def descendants(pid: str) -> list[str]:
    found = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += (task / "children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return found
    return found + [each for child in found for each in descendants(child)]


def pss(pid: str) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0


def main() -> None:
    arguments = parser(__doc__, rounds=5)
    arguments.add_argument("--mib", type=int, default=512)
    asked = arguments.parse_args()
    size = asked.mib * MIB
    rows = np.ones(size // 8)
    expected = float(rows.sum())
    print(f"{machine()}; {asked.mib} MiB, {TASKS} tasks, {asked.rounds} rounds")

    carriers: dict[str, Callable[[int], float]] = {
        "closure": lambda _: float(rows.sum()),
        "partial": partial(total, rows),
        "bound method": Table(rows).total,
    }
    list(weft.map(abs, range(8), on="process"))  # workers that have NumPy, as the caller has
    list(weft.map(lambda _: np.ones(1).sum(), range(8), on="process"))
    shown, worst = [], 0.0
    for name, fn in carriers.items():
        times, added = [], []
        for _ in range(asked.rounds):
            before = memory()
            with Watch() as watch:
                began = perf_counter()
                results = weft.map(fn, range(TASKS), on="process").results()
                times.append(perf_counter() - began)
            assert results == [expected] * TASKS
            added.append((watch.most - before) / size)
        worst = max(worst, median(added) - 1)
        shown.append([name, f"{median(times) * 1e3:.0f}", f"{median(added):.3f}"])
    stop_idle_workers()

    few = 8
    fork = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(cpus(), mp_context=fork) as executor:
        list(executor.map(abs, range(8)))
        before = memory()
        with Watch() as watch:
            began = perf_counter()
            results = list(executor.map(partial(total, rows), range(few)))
            took = perf_counter() - began
        assert results == [expected] * few
        peer = [f"ProcessPoolExecutor, partial, {few} tasks", f"{took * 1e3:.0f}"]
        shown.append([*peer, f"{(watch.most - before) / size:.3f}"])
    table("An array that all tasks read", ["carried by a", "median ms", "memory added, copies of it"], shown)
    print()
    goal("memory beyond one copy, of the worst", 100 * worst, 5, "%")


if __name__ == "__main__":
    main()
