"""Drop-in replacements against their originals: the same program, one import changed.

`weft.multiprocessing.Pool` against `multiprocessing.Pool`, `weft.ProcessExecutor` against `ProcessPoolExecutor`,
`weft.ThreadExecutor` against `ThreadPoolExecutor`, and the `ThreadPool`s of both; all warm, as many workers each as
there are processors, in both ways of use: calls one by one, and map with the default chunk size. The originals are
forked, which is their fastest.

Goal: the originals of processes take at least as long on every row.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from multiprocessing.pool import ThreadPool
from typing import Any

from _side_by_side import cpus, goal_at_least, machine, measure, parser, ratio, show

import weft
from weft import multiprocessing as ours

# What is run: its name, over which items, by which method.
TINY = range(20_000)
CALLS = range(500)
SPINS = [400] * 500


def square(x: int) -> int:
    return x * x


def spin(n: int) -> int:
    return sum(i * i for i in range(n * 20))


def main() -> None:
    asked = parser(__doc__, rounds=7).parse_args()
    print(f"{machine()}; {asked.rounds} rounds")
    context = multiprocessing.get_context("fork")
    with ExitStack() as house:
        pools = house.enter_context(context.Pool(cpus())), house.enter_context(ours.Pool(cpus()))
        threads = house.enter_context(ThreadPoolExecutor(cpus())), house.enter_context(weft.ThreadExecutor(cpus()))
        thread_pools = house.enter_context(ThreadPool(cpus())), house.enter_context(ours.ThreadPool(cpus()))
        processes = (
            house.enter_context(ProcessPoolExecutor(cpus(), mp_context=context)),
            house.enter_context(weft.ProcessExecutor(cpus())),
        )
        figures = [
            *rows("Pool", *pools, pool_ways, asked.rounds),
            *rows("ProcessExecutor", *processes, executor_ways, asked.rounds),
        ]
        rows("ThreadExecutor", *threads, executor_ways, asked.rounds)
        rows("ThreadPool", *thread_pools, pool_ways, asked.rounds)
    print()
    for what, figure in figures:
        goal_at_least(f"original / weft, {what}", figure, 1)


def pool_ways(pool: Any) -> dict[str, Callable[[], Any]]:
    return {
        "apply, one by one": lambda: [pool.apply(square, (x,)) for x in CALLS],
        "apply_async, all at once": lambda: [r.get() for r in [pool.apply_async(square, (x,)) for x in CALLS]],
        "map, tiny": lambda: pool.map(square, TINY),
        "imap, tiny": lambda: list(pool.imap(square, TINY)),
        "imap, a generator": lambda: list(pool.imap(square, (x for x in TINY))),
        "imap_unordered, tiny": lambda: sorted(pool.imap_unordered(square, TINY)),
        "map, about 0.5 ms each": lambda: pool.map(spin, SPINS),
    }


def executor_ways(executor: Any) -> dict[str, Callable[[], Any]]:
    return {
        "submit, one by one": lambda: [executor.submit(square, x).result() for x in CALLS],
        "submit, all at once": lambda: [f.result() for f in [executor.submit(square, x) for x in CALLS]],
        "map, tiny": lambda: list(executor.map(square, TINY)),
        "map, about 0.5 ms each": lambda: list(executor.map(spin, SPINS)),
    }


def rows(
    title: str, original: Any, weft_s: Any, ways: Callable[[Any], dict[str, Callable[[], Any]]], rounds: int
) -> list[tuple[str, float]]:
    """Measure every way of use; how many times as long the original takes."""
    found = []
    for way, theirs in ways(original).items():
        expected = theirs()
        runs = {"weft": ways(weft_s)[way], "original": theirs}
        times = measure(runs, rounds, lambda result, right=expected: result == right)
        show(f"{title}: {way}", times, peer="weft")
        found.append((f"{title}: {way}", ratio(times, "original", "weft")))
    return found


if __name__ == "__main__":
    main()
