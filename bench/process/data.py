"""Large data there and back: what weft costs where the bytes are the work, against pools and pools with shared memory.

    python -m bench.process.data
    python -m bench.process.data --only arrays bytes

Five workloads: 64 arrays of 8 MiB in and a * 2 back, kept; 8 data frames of a million rows and 3 columns; 10,000
arrays of 64 KiB there and back; 200 bytes objects of 1 MiB in; and 600 lists of 600 dictionaries back, which is no
matter of bytes but of objects. Each on multiprocessing.Pool at the best chunk size
of a few, ProcessPoolExecutor, joblib if it can be imported, and, for the arrays, a Pool with the shared memory
written by hand: each array in a SharedMemory of its own, named to the worker, the result in another.

Warm: all workers are started and all have had three rounds before the clock is. Results are kept until the round is
over, checked, and dropped. weft's first run is shown too: that is where its shared memory is made.
"""

from __future__ import annotations

import multiprocessing
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.pool import Pool
from multiprocessing.shared_memory import SharedMemory
from time import perf_counter
from typing import Any

import numpy as np
from bench._side_by_side import Times, cpus, fastest, goal_at_least, machine, measure, parser, ratio, show

import weft
from weft._workers.kinds import stop_idle_workers

MIB = 2**20
HAND = "Pool + SharedMemory by hand"
Runs = dict[str, Callable[[], Any]]


def double(a: Any) -> Any:
    return a * 2


# ── the same by hand ──────────────────────────────────────────────────────────────────────────────────────────

Place = tuple[str, tuple[int, ...], Any]


def lend(array: Any) -> tuple[SharedMemory, Place]:
    """The array in a segment of its own, and what another process needs to find it."""
    segment = SharedMemory(create=True, size=array.nbytes)
    np.ndarray(array.shape, array.dtype, segment.buf)[...] = array
    return segment, (segment.name, array.shape, array.dtype)


def double_by_name(place: Place) -> Place:
    """In the worker: map the argument, write the result into a new segment."""
    name, shape, dtype = place
    segment = SharedMemory(name)
    out, found = lend(double(np.ndarray(shape, dtype, segment.buf)))
    out.close()
    segment.close()
    return found


def by_hand(pool: Pool, items: list[Any], chunksize: int) -> list[Any]:
    """All items, 64 segments ahead at most; the results are copies, and no segment is left."""
    results = []
    lent: deque[SharedMemory] = deque()
    room = threading.Semaphore(64 + chunksize)

    def places() -> Iterator[Place]:
        for item in items:
            room.acquire()
            segment, place = lend(item)
            lent.append(segment)
            yield place

    for name, shape, dtype in pool.imap(double_by_name, places(), chunksize):
        segment = SharedMemory(name)
        results.append(np.ndarray(shape, dtype, segment.buf).copy())
        for spent in (segment, lent.popleft()):
            spent.close()
            spent.unlink()
        room.release()
    return results


# ── the workloads ─────────────────────────────────────────────────────────────────────────────────────────────


class Workload:
    """One kind of data: the items, the function, what must come of it, and how far weft should be ahead."""

    def __init__(
        self,
        title: str,
        fn: Callable[[Any], Any],
        items: list[Any],
        check: Callable[[Any], bool],
        goal: float,
        *,
        chunksizes: tuple[int, ...] = (1, 4),
        segments: int = 0,
    ) -> None:
        self.title, self.fn, self.items, self.check, self.goal = title, fn, items, check, goal
        self.chunksizes, self.segments = chunksizes, segments

    def runs(self, pool: Pool, executor: ProcessPoolExecutor) -> Runs:
        """By name, everybody who does it."""
        fn, items = self.fn, self.items
        runs: Runs = {"weft": lambda: weft.map(fn, items, on="process").results()}
        for size in self.chunksizes:
            runs[f"Pool.map, chunksize={size}"] = partial(pool.map, fn, items, size)
        for size in self.chunksizes:
            runs[f"ProcessPoolExecutor.map, chunksize={size}"] = partial(in_chunks, executor, fn, items, size)
        with suppress(ImportError):
            import joblib

            parallel = joblib.Parallel(n_jobs=cpus())
            runs["joblib"] = lambda: parallel(joblib.delayed(fn)(item) for item in items)
        if self.segments:
            runs[HAND] = partial(by_hand, pool, items, self.segments)
        return runs


def in_chunks(executor: ProcessPoolExecutor, fn: Callable[[Any], Any], items: list[Any], size: int) -> list[Any]:
    return list(executor.map(fn, items, chunksize=size))


def records(n: int) -> list[dict[str, Any]]:
    """Many small objects."""
    return [{"id": i, "name": f"user {i}", "tags": ["a", "b"], "score": i / (n + 1)} for i in range(600)]


def arrays(count: int, nbytes: int) -> list[Any]:
    return [np.full(nbytes // 8, float(n)) for n in range(count)]


def doubled(count: int) -> Callable[[Any], bool]:
    return lambda results: len(results) == count and all(a[0] == a[-1] == 2.0 * n for n, a in enumerate(results))


def workloads(only: set[str]) -> Iterator[Workload]:
    """Each made when it is its turn: they are large."""
    if "arrays" in only:
        title = "64 arrays of 8 MiB in, a * 2 back, kept"
        yield Workload(title, double, arrays(64, 8 * MIB), doubled(64), 6, segments=1)
    if "frames" in only:
        with suppress(ImportError):
            import pandas as pd

            rows = 1_000_000
            frame = pd.DataFrame({"a": np.arange(rows) * 1.0, "b": np.arange(rows) * 2.0, "c": np.arange(rows)})

            def check(results: Any) -> bool:
                return len(results) == 8 and all(r["a"].iloc[-1] == 2.0 * (rows - 1) for r in results)

            yield Workload("8 data frames of 1e6 x 3 in, d * 2 back", double, [frame] * 8, check, 6)
    if "small" in only:
        title = "10,000 arrays of 64 KiB in, a * 2 back, kept"
        made = Workload(title, double, arrays(10_000, 65_536), doubled(10_000), 5, chunksizes=(1, 16, 64), segments=16)
        yield made
    if "bytes" in only:
        sent = [bytes([n % 256]) * MIB for n in range(200)]
        yield Workload("200 bytes objects of 1 MiB in, len back", len, sent, lambda r: r == [MIB] * 200, 10)
    if "records" in only:
        title, expected = "600 lists of 600 dictionaries back, kept", [records(n) for n in range(600)]
        yield Workload(title, records, list(range(600)), expected.__eq__, 1, chunksizes=(1, 4, 16, 75))


def main() -> None:
    names = ["arrays", "frames", "small", "bytes", "records"]
    arguments = parser(__doc__, rounds=5)
    arguments.add_argument("--only", nargs="+", choices=names, default=names, help="some of the workloads")
    asked = arguments.parse_args()
    print(f"{machine()}; {asked.rounds} rounds")
    resource_tracker.ensure_running()  # before the workers are forked, or each of them would start its own
    verdicts = []
    for workload in workloads(set(asked.only)):
        with ExitStack() as house:
            fork = multiprocessing.get_context("fork")
            pool = house.enter_context(fork.Pool(cpus()))
            executor = house.enter_context(ProcessPoolExecutor(cpus(), mp_context=fork))
            runs = workload.runs(pool, executor)
            began = perf_counter()
            first = runs["weft"]()
            cold = perf_counter() - began
            workload.check(first)
            del first
            times = measure(runs, asked.rounds, workload.check, warmups=3)
        show(workload.title, times, peer="weft")
        print(f"  weft's first run, workers started in it: {cold * 1e3:.0f} ms")
        verdicts.append((workload, times))
        stop_idle_workers()  # the next has workers of its own
    print()
    for workload, times in verdicts:
        judge(workload, times)


def judge(workload: Workload, times: Times) -> None:
    """How far ahead, and whether that is enough."""
    best = fastest(times, [name for name in times if name not in {"weft", HAND}])
    goal_at_least(f"{workload.title}: {best} / weft", ratio(times, best, "weft"), workload.goal)
    if HAND in times:
        goal_at_least(f"{workload.title}: {HAND} / weft", ratio(times, HAND, "weft"), 1.5)


if __name__ == "__main__":
    main()
