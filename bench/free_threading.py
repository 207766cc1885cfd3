"""Computing without a GIL: `on="auto"` has to find by itself that threads are the answer, two of them worth two.

Pure Python that computes for 3 ms an item, in a plain loop and by `weft.map` with nothing said but `max_workers=2`.
Beside them two bare threads, each with half of the items: that is what the machine gives, whoever asks for it.
Needs a free-threaded Python (3.13t or later).

Goal: at least 1.9 times as fast as the loop, on threads; and what bare threads come to, but for a twentieth.
"""

from __future__ import annotations

import sys
import threading

from _side_by_side import goal_at_least, machine, measure, parser, ratio, show

import weft

ITEMS = [60_000] * 400


def work(n: int) -> int:
    total = 0
    for i in range(n):
        total += i * i
    return total


def halves() -> list[int]:
    """The same on two threads, with nothing in between."""
    results: list[list[int]] = [[], []]
    parts = ITEMS[: len(ITEMS) // 2], ITEMS[len(ITEMS) // 2 :]

    def run(place: int) -> None:
        results[place] = [work(n) for n in parts[place]]

    threads = [threading.Thread(target=run, args=(place,)) for place in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results[0] + results[1]


def main() -> None:
    asked = parser(__doc__, rounds=5).parse_args()
    if getattr(sys, "_is_gil_enabled", lambda: True)():
        sys.exit("this interpreter has a GIL")
    print(f"{machine()}, without a GIL; {asked.rounds} rounds")
    runs = {
        "a plain loop": lambda: [work(n) for n in ITEMS],
        "two bare threads": halves,
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
    goal_at_least("two bare threads / weft.map, auto", ratio(times, "two bare threads", "weft.map, auto"), 0.95)


if __name__ == "__main__":
    main()
