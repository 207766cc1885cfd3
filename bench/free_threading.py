"""Computing without a GIL: `on="auto"` has to find by itself that threads are the answer, two of them worth two.

Pure Python that computes for 3 ms an item, in a plain loop and by `weft.map` with nothing said but `max_workers=2`.
Needs a free-threaded Python (3.13t or later).

Goal: at least 1.9 times as fast as the loop, on threads.
"""

from __future__ import annotations

import sys

from _side_by_side import goal_at_least, machine, measure, parser, ratio, show

import weft

ITEMS = [60_000] * 400


def work(n: int) -> int:
    total = 0
    for i in range(n):
        total += i * i
    return total


def main() -> None:
    asked = parser(__doc__, rounds=5).parse_args()
    if getattr(sys, "_is_gil_enabled", lambda: True)():
        sys.exit("this interpreter has a GIL")
    print(f"{machine()}, without a GIL; {asked.rounds} rounds")
    runs = {
        "a plain loop": lambda: [work(n) for n in ITEMS],
        "weft.map, auto": lambda: weft.map(work, ITEMS, max_workers=2).results(),
        "weft.map, two threads": lambda: weft.map(work, ITEMS, on="thread", max_workers=2).results(),
    }
    expected = [work(ITEMS[0])] * len(ITEMS)
    times = measure(runs, asked.rounds, lambda found: found == expected)
    show(f"{len(ITEMS)} items", times, peer="a plain loop")
    run = weft.map(work, ITEMS, max_workers=2)
    run.results()
    print(f"\n{run.explain()}\n")
    goal_at_least("a plain loop / weft.map, auto", ratio(times, "a plain loop", "weft.map, auto"), 1.9)


if __name__ == "__main__":
    main()
