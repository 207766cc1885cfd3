"""Computing without a GIL: `on="auto"` has to find by itself that threads are the answer, two of them worth two.

    python -m bench.free_threading

Pure Python that computes for 3 ms an item, in a plain loop and by `weft.map` with nothing said but `max_workers=2`:
the mixed work of `process/_work.py`, and a bare loop that adds up squares. Beside them two bare threads, each with
half of the items: that is what the machine gives, whoever asks for it. Needs a free-threaded Python (3.13t or later).

Goal: at least 1.9 times as fast as the loop, on threads; and what bare threads come to, but for a twentieth.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from functools import partial

from bench._side_by_side import goal_at_least, machine, measure, parser, ratio, show
from bench.process._work import compute, one_millisecond

import weft

ITEMS = 400


def add_squares(n: int) -> int:
    total = 0
    for i in range(n):
        total += i * i
    return total


def halves(fn: Callable[[int], int], items: list[int]) -> list[int]:
    """All of them on two threads, with nothing in between."""
    results: list[list[int]] = [[], []]
    parts = items[: len(items) // 2], items[len(items) // 2 :]

    def run(place: int) -> None:
        results[place] = [fn(n) for n in parts[place]]

    threads = [threading.Thread(target=run, args=(place,)) for place in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results[0] + results[1]


def side_by_side(what: str, fn: Callable[[int], int], steps: int, rounds: int) -> None:
    """Print what everybody took for items of so many *steps*, and the goals."""
    items = [steps] * ITEMS
    runs = {
        "a plain loop": lambda: [fn(n) for n in items],
        "two bare threads": partial(halves, fn, items),
        "weft.map, auto": lambda: weft.map(fn, items, max_workers=2).results(),
        "weft.map, two threads": lambda: weft.map(fn, items, on="thread", max_workers=2).results(),
    }
    expected = [fn(steps)] * ITEMS
    times = measure(runs, rounds, lambda found: found == expected)
    show(f"{ITEMS} items, {what}", times, peer="a plain loop")
    run = weft.map(fn, items, max_workers=2)
    run.results()
    print(f"\n{run.explain()}\n")
    for peer, goal in (("a plain loop", 1.9), ("two bare threads", 0.95)):
        goal_at_least(f"{peer} / weft.map, auto, {what}", ratio(times, peer, "weft.map, auto"), goal)


def main() -> None:
    asked = parser(__doc__, rounds=5).parse_args()
    if getattr(sys, "_is_gil_enabled", lambda: True)():
        sys.exit("this interpreter has a GIL")
    print(f"{machine()}, without a GIL; {asked.rounds} rounds")
    side_by_side("mixed work", compute, 3 * one_millisecond(), asked.rounds)
    side_by_side("sums of squares", add_squares, 60_000, asked.rounds)


if __name__ == "__main__":
    main()
