"""200,000 items of x * x: what weft itself costs where the work costs nothing.

Serial: weft.map(on="serial") against a list comprehension that calls the function; goal at most 1.5 ×.
Processes, warm: weft.map(on="process"), which is told no chunk size, against multiprocessing.Pool.map at the
best chunk size of a grid that is searched first; goal at most 1.5 ×. ProcessPoolExecutor.map at its best chunk
size, Pool.map without one and weft's threads stand beside them.

All have as many workers as there are processors, started before the clock is.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

from _side_by_side import cpus, fastest, goal, machine, measure, parser, ratio, show

import weft

GRID = (250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 33_000, 100_000)


def square(x: int) -> int:
    return x * x


def main() -> None:
    arguments = parser(__doc__, rounds=15)
    arguments.add_argument("--items", type=int, default=200_000)
    asked = arguments.parse_args()
    items = range(asked.items)
    expected = [x * x for x in items]
    print(f"{machine()}; {asked.items:,} items, {asked.rounds} rounds")

    def right(result: list[int]) -> bool:
        return result == expected

    fork = multiprocessing.get_context("fork")
    with fork.Pool(cpus()) as pool, ProcessPoolExecutor(cpus(), mp_context=fork) as executor:
        by_pool: dict[str, Callable[[], Any]] = {
            f"Pool.map, chunksize={size}": partial(pool.map, square, items, size) for size in GRID
        }
        by_executor: dict[str, Callable[[], Any]] = {
            f"ProcessPoolExecutor.map, chunksize={size}": partial(by_chunks, executor, items, size) for size in GRID
        }
        searched = measure(by_pool | by_executor, max(5, asked.rounds // 3), right)
        show("The search for the best chunk size", searched, items=asked.items)
        pool_best, executor_best = fastest(searched, by_pool), fastest(searched, by_executor)

        runs: dict[str, Callable[[], Any]] = {
            "list comprehension": lambda: [square(x) for x in items],
            "weft, serial": lambda: list(weft.map(square, items, on="serial")),
            "weft, auto": lambda: list(weft.map(square, items)),
            "weft, threads": lambda: list(weft.map(square, items, on="thread")),
            "weft, processes": lambda: list(weft.map(square, items, on="process")),
            pool_best: by_pool[pool_best],
            executor_best: by_executor[executor_best],
            "Pool.map, default": partial(pool.map, square, items),
        }
        times = measure(runs, asked.rounds, right, warmups=2)
    show("Side by side", times, peer="list comprehension", items=asked.items)
    print()
    goal("serial / list comprehension", ratio(times, "weft, serial", "list comprehension"), 1.5)
    goal(f"processes / {pool_best}", ratio(times, "weft, processes", pool_best), 1.5)


def by_chunks(executor: ProcessPoolExecutor, items: range, size: int) -> list[int]:
    return list(executor.map(square, items, chunksize=size))


if __name__ == "__main__":
    main()
