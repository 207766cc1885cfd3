"""Drop-in replacements against their originals: the same program, one import changed.

    python -m bench.dropin
    python -m bench.dropin --only Pool ProcessExecutor --work tiny even

`weft.multiprocessing.Pool` against `multiprocessing.Pool`, `weft.ProcessExecutor` against `ProcessPoolExecutor`,
`weft.ThreadExecutor` against `ThreadPoolExecutor`, and the `ThreadPool`s of both; all warm, as many workers each as
there are processors, in the ways of use that people have: calls one by one, calls all at once, and map, with what it
does by default. The originals are forked, which is their fastest.

The work is nothing (`x * x`), half a millisecond, and, for processes, what `process/even.py` and `process/data.py`
have: 2,000 items of a millisecond, the same with a heavy tail, large data. What takes one call after the other long is
a part of the same items there.

Goal: the originals of processes take at least as long on every row.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from multiprocessing.pool import ThreadPool
from typing import Any, NamedTuple

from bench._side_by_side import cpus, goal_at_least, machine, measure, parser, ratio, show

import weft
from weft import multiprocessing as ours

Way = Callable[[Any], Any]

# Calls of nothing: so many, one by one or all at once.
CALLS = range(500)
TINY = range(20_000)

# And by a map that makes chunks of them.
TINIER = range(200_000)

# Items of a millisecond: so many.
LONGER = 2_000

# Items of large data that go one by one, or all at once: so many of them.
FEW = {"arrays": 16, "frames": 4, "small": 1_000, "bytes": 50}


def square(x: int) -> int:
    return x * x


def spin(n: int) -> int:
    return sum(i * i for i in range(n * 20))


class Row(NamedTuple):
    """A way of use, for both.

    Attributes:
        name: What it is called.
        way: What is done with a pool, or an executor.
        check: Whether that came out right.
    """

    name: str
    way: Way
    check: Callable[[Any], bool]


# ── what is done ──────────────────────────────────────────────────────────────────────────────────────────────


def one_by_one(call: str, fn: Any, items: Sequence[Any]) -> Way:
    if call == "apply":
        return lambda pool: [pool.apply(fn, (item,)) for item in items]
    return lambda executor: [executor.submit(fn, item).result() for item in items]


def all_at_once(call: str, fn: Any, items: Sequence[Any]) -> Way:
    if call == "apply":
        return lambda pool: [result.get() for result in [pool.apply_async(fn, (item,)) for item in items]]
    return lambda executor: [future.result() for future in [executor.submit(fn, item) for item in items]]


def rows_of(call: str, work: str) -> Iterator[Row]:
    """The ways of use of one kind of work, where a single call is made by *call*; large data is made here."""
    names = ("apply", "apply_async") if call == "apply" else ("submit", "submit")
    singly, at_once = f"{names[0]}, one by one", f"{names[1]}, all at once"
    if work == "tiny":
        few, squares = [x * x for x in CALLS], [x * x for x in TINY]
        yield Row(singly, one_by_one(call, square, CALLS), few.__eq__)
        yield Row(at_once, all_at_once(call, square, CALLS), few.__eq__)
        many = TINIER if call == "apply" else TINY  # an executor's map takes a message for each
        yield Row("map", lambda pool: list(pool.map(square, many)), [x * x for x in many].__eq__)
        if call == "apply":
            yield Row("imap", lambda pool: list(pool.imap(square, TINY)), squares.__eq__)
            yield Row("imap, a generator", lambda pool: list(pool.imap(square, (x for x in TINY))), squares.__eq__)
            yield Row("imap_unordered", lambda pool: sorted(pool.imap_unordered(square, TINY)), squares.__eq__)
    elif work == "half":
        sums = [spin(400)] * 500
        yield Row("map", lambda pool: list(pool.map(spin, [400] * 500)), sums.__eq__)
    elif work in {"even", "tail"}:
        from bench.process import even
        from bench.process._work import compute

        items = even.even(LONGER) if work == "even" else even.heavy_tail(LONGER)
        nothing = [0] * LONGER
        yield Row(at_once, all_at_once(call, compute, items), nothing.__eq__)
        yield Row("map", lambda pool: list(pool.map(compute, items)), nothing.__eq__)
    else:
        from bench.process.data import workloads

        for data in workloads({work}):
            fn, items, few = data.fn, data.items, data.items[: FEW[work]]
            right = partial(same_number, len(few))
            yield Row(singly, one_by_one(call, fn, few), right)
            yield Row(at_once, all_at_once(call, fn, few), right)
            yield Row("map", lambda pool, fn=fn, items=items: list(pool.map(fn, items)), data.check)


def same_number(count: int, results: list[Any]) -> bool:
    return len(results) == count


WORK = {
    "tiny": "x * x",
    "half": "about 0.5 ms each",
    "even": "1 ms each",
    "tail": "1 ms each, 5 % of them 40 ms",
    "arrays": "arrays of 8 MiB",
    "frames": "data frames of 1e6 x 3",
    "small": "arrays of 64 KiB",
    "bytes": "bytes of 1 MiB",
}

# ── with what ─────────────────────────────────────────────────────────────────────────────────────────────────

FORK = multiprocessing.get_context("fork")


class Pair(NamedTuple):
    """An original, and what weft has in its place.

    Attributes:
        call: How a single call is made.
        original: What makes it, for so many workers.
        weft: The same.
        works: What work it is for.
        goal: Whether the original is to take at least as long.
    """

    call: str
    original: Callable[[int], Any]
    weft: Callable[[int], Any]
    works: Sequence[str]
    goal: bool


PAIRS = {
    "Pool": Pair("apply", FORK.Pool, ours.Pool, list(WORK), goal=True),
    "ProcessExecutor": Pair(
        "submit", partial(ProcessPoolExecutor, mp_context=FORK), weft.ProcessExecutor, list(WORK), goal=True
    ),
    "ThreadExecutor": Pair("submit", ThreadPoolExecutor, weft.ThreadExecutor, ["tiny", "half"], goal=False),
    "ThreadPool": Pair("apply", ThreadPool, ours.ThreadPool, ["tiny", "half"], goal=False),
}


def main() -> None:
    arguments = parser(__doc__, rounds=5)
    arguments.add_argument("--only", nargs="+", choices=PAIRS, default=list(PAIRS), help="some of the pairs")
    arguments.add_argument("--work", nargs="+", choices=WORK, default=list(WORK), help="some of the work")
    asked = arguments.parse_args()
    print(f"{machine()}; {asked.rounds} rounds")
    figures: list[tuple[str, float]] = []
    for name in asked.only:
        pair = PAIRS[name]
        for work in asked.work:
            if work in pair.works:
                found = list(compare(name, pair, work, asked.rounds))
                figures += found if pair.goal else []
    print()
    for what, figure in figures:
        goal_at_least(f"original / weft, {what}", figure, 1)


def compare(name: str, pair: Pair, work: str, rounds: int) -> Iterator[tuple[str, float]]:
    """Measure every way of use of one kind of work; how many times as long the original takes."""
    with ExitStack() as house:
        pools = {kind: house.enter_context(getattr(pair, kind)(cpus())) for kind in ("original", "weft")}
        for row in rows_of(pair.call, work):
            runs = {kind: partial(row.way, pools[kind]) for kind in ("weft", "original")}
            times = measure(runs, rounds, row.check)
            title = f"{name}, {WORK[work]}: {row.name}"
            show(title, times, peer="weft")
            yield title, ratio(times, "original", "weft")


if __name__ == "__main__":
    main()
