"""weft on Ray beside the ways there are: a task for each item, batches by hand, Ray's own Pool, joblib's Ray backend.

    python bench/on_ray.py                # all of it
    python bench/on_ray.py --only tiny    # or: ms, arrays, shared, price

Ray is started once, with as many processors as this process may use; everything is warm. By hand means: items cut into
lists, a task for each list, at the best of several lengths. What Ray makes of a function is made once, before the clock
starts. Goals (20,000 items of x * x): at least 20 × as fast as a task for each item, at most 1.3 × the best batches by
hand. weft knows from earlier rounds what an item takes, but in the row that says so.

`price` is what a chunk costs the caller's process, Ray's threads in it included: the constant RAY_PRICE of
`_workers/kinds.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import ray
from _side_by_side import cpus, fastest, goal, goal_at_least, machine, measure, parser, ratio, show

import weft
from weft._choose.lately import LATELY

TINY = list(range(20_000))
LENGTHS = (100, 500, 1_000, 2_500, 5_000, 10_000)  # of batches by hand
MIB = 2**20


def square(x: int) -> int:
    return x * x


def spin(n: int) -> int:
    """About a millisecond."""
    return sum(i * i for i in range(12_000 + n % 7))


def each(fn: Callable[[Any], Any]) -> Callable[[Iterable[Any]], list[Any]]:
    """A task for each item: what one writes first."""
    task = ray.remote(fn)
    return lambda items: ray.get([task.remote(item) for item in items])


def by_hand(fn: Callable[[Any], Any]) -> Callable[[Sequence[Any], int], list[Any]]:
    """A task for each list of items."""

    @ray.remote
    def run(batch: Sequence[Any]) -> list[Any]:
        return [fn(item) for item in batch]

    def in_batches(items: Sequence[Any], length: int) -> list[Any]:
        parts = ray.get([run.remote(items[at : at + length]) for at in range(0, len(items), length)])
        return [value for part in parts for value in part]

    return in_batches


def unknown(fn: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
    """As in a process that has never run it."""
    LATELY.forget()
    return weft.map(fn, items, on="ray").results()


def joblib_on_ray(fn: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
    import joblib

    with joblib.parallel_config(backend="ray", n_jobs=cpus()):
        return joblib.Parallel()(joblib.delayed(fn)(item) for item in items)


def peers(fn: Callable[[Any], Any], items: Sequence[Any], pool: Any, lengths: Sequence[int]) -> dict[str, Any]:
    one_by_one, batched = each(fn), by_hand(fn)
    runs: dict[str, Callable[[], Any]] = {
        "weft.map(on='ray')": lambda: weft.map(fn, items, on="ray").results(),
        "a task for each": lambda: one_by_one(items),
        "ray.util.multiprocessing.Pool.map": lambda: pool.map(fn, items),
    }
    if joblib_is_there():
        runs["joblib, backend='ray'"] = lambda: joblib_on_ray(fn, items)
    return runs | {f"by hand, {length:,} each": lambda length=length: batched(items, length) for length in lengths}


def joblib_is_there() -> bool:
    try:
        from ray.util.joblib import register_ray
    except ImportError:
        return False
    register_ray()
    return True


def tiny(rounds: int) -> None:
    from ray.util.multiprocessing import Pool

    with Pool(cpus()) as pool:
        runs = peers(square, TINY, pool, LENGTHS)
        with weft.RayExecutor() as executor:
            runs["weft.RayExecutor().map"] = lambda: list(executor.map(square, TINY))
            runs["weft.map, the function's first run"] = lambda: unknown(square, TINY)
            slow = {name: runs.pop(name) for name in list(runs) if name in {"a task for each", "joblib, backend='ray'"}}
            expected = [x * x for x in TINY]
            times = measure(runs, rounds, lambda got: got == expected)
            few = measure(slow | {"weft": runs["weft.map(on='ray')"]}, min(3, rounds), lambda got: got == expected)
    show("20,000 items of x * x", times | {name: few[name] for name in slow}, items=len(TINY))
    best = fastest(times, [name for name in times if name.startswith("by hand")])
    print()
    goal_at_least("a task for each item / weft", ratio(few, "a task for each", "weft"), 20)
    for name in [name for name in times if name.startswith("weft")]:
        goal(f"{name} / {best}", ratio(times, name, best), 1.3)


def milliseconds(rounds: int) -> None:
    from ray.util.multiprocessing import Pool

    items = list(range(2_000))
    with Pool(cpus()) as pool:
        expected = list(map(spin, items))
        times = measure(peers(spin, items, pool, (10, 50, 200)), min(3, rounds), lambda got: got == expected)
    show("2,000 items of about 1 ms", times, items=len(items))


def double(array: Any) -> Any:
    return array * 2


def arrays(rounds: int) -> None:
    items = [np.full(MIB, n, np.float64) for n in range(24)]
    one_by_one = each(double)
    runs = {
        "weft.map(on='ray')": lambda: [a[0] for a in weft.map(double, items, on="ray")],
        "a task for each": lambda: [a[0] for a in one_by_one(items)],
    }
    show("24 arrays of 8 MiB there and back", measure(runs, rounds, lambda got: got == [2.0 * n for n in range(24)]))


def shared(rounds: int) -> None:
    table = np.arange(8 * MIB)
    reference = ray.put(table)

    @ray.remote
    def row(rows: Any, n: int) -> int:
        return int(rows[n])

    picks = list(range(0, 8 * MIB, MIB // 8))
    runs = {
        "weft.map(on='ray'), a closure": lambda: weft.map(lambda n: int(table[n]), picks, on="ray").results(),
        "a task for each, ray.put by hand": lambda: ray.get([row.remote(reference, n) for n in picks]),
    }
    show("64 MiB that 64 calls read", measure(runs, rounds, lambda got: got == picks))


def price(rounds: int) -> None:
    print(f"\n{'chunks':>8}  {'µs of processor a chunk':>24}  {'µs a chunk':>11}")
    for _ in range(min(3, rounds)):
        used, began = time.process_time(), time.perf_counter()
        run = weft.map(square, range(5_000), on="ray", chunksize=1)
        run.results()
        used, took = time.process_time() - used, time.perf_counter() - began
        print(f"{run.stats.chunks:>8,}  {used / run.stats.chunks * 1e6:>24.0f}  {took / run.stats.chunks * 1e6:>11.0f}")


ALL = {"tiny": tiny, "ms": milliseconds, "arrays": arrays, "shared": shared, "price": price}


def main() -> None:
    arguments = parser(__doc__, rounds=7)
    arguments.add_argument("--only", nargs="*", choices=ALL, default=list(ALL))
    asked = arguments.parse_args()
    print(f"{machine()}, Ray {ray.__version__}; {asked.rounds} rounds")
    ray.init("local", num_cpus=cpus(), include_dashboard=False, object_store_memory=1024 * MIB, log_to_driver=False)
    try:
        for name in asked.only:
            ALL[name](asked.rounds)
    finally:
        ray.shutdown()


if __name__ == "__main__":
    main()
