"""Interpreters of one process against the standard library's: 20,000 tiny tasks by map, and 500 calls one by one.

`weft.map(..., on="interpreter")` and `weft.InterpreterExecutor` against `InterpreterPoolExecutor`, all warm, as many
interpreters each as there are processors. Needs Python 3.14.

And beside weft's own processes, in a fresh program, from nothing and warm: what `on="auto"` would have of them.

Goal: the standard library's map takes at least 10 times as long.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

from _side_by_side import cpus, goal_at_least, machine, measure, parser, ratio, show

import weft
from weft._workers.kinds import stop_idle_workers

TINY = range(20_000)
CALLS = range(500)
COMPUTING = [20_000] * 200
BYTES = [bytes(100_000)] * 200
FRESH = "import sys, weft; weft.map(abs, range(4), on=sys.argv[1], max_workers=2).results()"


def square(x: int) -> int:
    return x * x


def compute(n: int) -> int:
    return sum(i * i for i in range(n))


def main() -> None:
    asked = parser(__doc__, rounds=5).parse_args()
    if sys.version_info < (3, 14):
        sys.exit("there are no interpreters to compare with before Python 3.14")
    from concurrent.futures import InterpreterPoolExecutor

    print(f"{machine()}; {asked.rounds} rounds")
    with ExitStack() as house:
        theirs = house.enter_context(InterpreterPoolExecutor(cpus()))
        ours = house.enter_context(weft.InterpreterExecutor(cpus()))
        tiny = {
            "weft.map": lambda: weft.map(square, TINY, on="interpreter").results(),
            "InterpreterExecutor.map": lambda: list(ours.map(square, TINY)),
            "InterpreterPoolExecutor.map": lambda: list(theirs.map(square, TINY)),
        }
        calls = {
            "InterpreterExecutor, one by one": lambda: one_by_one(ours),
            "InterpreterPoolExecutor, one by one": lambda: one_by_one(theirs),
        }
        times = measure(tiny, asked.rounds, lambda found: found == [x * x for x in TINY])
        show(f"{len(TINY):,} tiny tasks by map", times, peer="weft.map", items=len(TINY))
        more = measure(calls, asked.rounds, lambda found: found == [x * x for x in CALLS])
        show(f"{len(CALLS)} calls", more, peer="InterpreterExecutor, one by one", items=len(CALLS))
    print()
    goal_at_least("InterpreterPoolExecutor.map / weft.map", ratio(times, "InterpreterPoolExecutor.map", "weft.map"), 10)
    slow, fast = "InterpreterPoolExecutor.map", "InterpreterExecutor.map"
    goal_at_least(f"{slow} / {fast}", ratio(times, slow, fast), 10)
    fresh = {kind: partial(run_fresh, kind) for kind in ("process", "interpreter")}
    times = measure(fresh, asked.rounds, lambda status: status == 0)
    show("weft, a fresh program of 4 items on two workers", times, peer="process")
    for what, fn, items, before in (
        ("4 items from nothing", square, range(4), stop_idle_workers),
        ("200 items that compute", compute, COMPUTING, None),
        ("20,000 tiny items", square, TINY, None),
        ("200 items of 100 kB", len, BYTES, None),
    ):
        beside_processes(what, fn, items, asked.rounds, before)


def beside_processes(
    what: str, fn: Callable[[Any], Any], items: Sequence[Any], rounds: int, before: Callable[[], object] | None
) -> None:
    """Print what weft's processes and its interpreters took for the same."""
    expected = [fn(item) for item in items]
    kinds = ("process", "interpreter")
    runs = {kind: partial(run_on, kind, fn, items) for kind in kinds}
    times = measure(runs, rounds, lambda found: found == expected, between=before)
    show(f"weft, {what}", times, peer="process", items=len(items))


def run_on(kind: str, fn: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    return weft.map(fn, items, on=kind, max_workers=cpus()).results()


def run_fresh(kind: str) -> int:
    """The exit status of a program that does nothing else."""
    return subprocess.run([sys.executable, "-c", FRESH, kind], check=False).returncode


def one_by_one(executor: Any) -> list[int]:
    return [executor.submit(square, x).result() for x in CALLS]


if __name__ == "__main__":
    main()
