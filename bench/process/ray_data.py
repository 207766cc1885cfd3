"""64 arrays of 8 MiB to workers and 64 back: weft against Ray and its object store.

Each item is an array of its own and so is each result (`a * 2`), all of which are kept until the end: 1 GiB passes
between processes. Ray is asked in its two ways: with arrays as arguments, which it puts into its store by itself,
and with arrays that were put there before the clock was started, so that only results travel. Its store has room
for everything; its workers are warm, and as many as weft's.

Goal: the first, which does the same work, takes at least 2.5 × as long as weft. Without Ray this says so and ends.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
from bench._side_by_side import cpus, goal_at_least, machine, measure, parser, ratio, show

import weft

ARRAYS, SIZE = 64, 8 * 2**20  # bytes
STORE = 4 * 2**30  # bytes


def double(array: Any) -> Any:
    return array * 2


def main() -> None:
    arguments = parser(__doc__, rounds=7)
    arguments.add_argument("--arrays", type=int, default=ARRAYS)
    asked = arguments.parse_args()
    print(f"{machine()}; {asked.arrays} arrays of {SIZE // 2**20} MiB, {asked.rounds} rounds")
    if find_spec("ray") is None:
        print("without Ray: it is not installed")
        return
    import ray

    arrays = [np.full(SIZE // 8, number, dtype="f8") for number in range(asked.arrays)]
    ray.init(
        num_cpus=cpus(), include_dashboard=False, logging_level="ERROR", log_to_driver=False, object_store_memory=STORE
    )
    remote = ray.remote(double)

    def right(results: list[Any]) -> bool:
        return [(result[0], result[-1]) for result in results] == [(2 * n, 2 * n) for n in range(asked.arrays)]

    try:
        runs: dict[str, Callable[[], Any]] = {
            "weft": lambda: list(weft.map(double, arrays, on="process", progress=False)),
            "Ray": lambda: ray.get([remote.remote(array) for array in arrays]),
        }
        times = measure(runs, asked.rounds, right, warmups=2)
        put = [ray.put(array) for array in arrays]
        stored: dict[str, Callable[[], Any]] = {
            "Ray, in its store": lambda: ray.get([remote.remote(ref) for ref in put])
        }
        times |= measure(stored, asked.rounds, right)
    finally:
        ray.shutdown()
    show("There and back", times, peer="weft")
    print()
    goal_at_least("Ray / weft, arrays", ratio(times, "Ray", "weft"), 2.5)


if __name__ == "__main__":
    main()
