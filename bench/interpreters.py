"""Interpreters of one process against the standard library's: 20,000 tiny tasks by map, and 500 calls one by one.

`weft.map(..., on="interpreter")` and `weft.InterpreterExecutor` against `InterpreterPoolExecutor`, all warm, as many
interpreters each as there are processors. Needs Python 3.14.

Goal: the standard library's map takes at least 10 times as long.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import Any

from _side_by_side import cpus, goal_at_least, machine, measure, parser, ratio, show

import weft

TINY = range(20_000)
CALLS = range(500)


def square(x: int) -> int:
    return x * x


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


def one_by_one(executor: Any) -> list[int]:
    return [executor.submit(square, x).result() for x in CALLS]


if __name__ == "__main__":
    main()
