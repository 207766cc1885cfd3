"""200,000 items of x * x, and nobody says a chunk size: weft against the best that can be got out of each peer.

First each peer is searched for its best chunk size. Then weft, told nothing, runs side by side with the peers at
their best, and then with the peers told nothing either. Those that by default send items one by one do a fiftieth
of the items there, for they need half a minute for all: a time for each item is what is compared.

Goals: the best peer at its best takes at least 1.2 × as long as weft; every peer told nothing 1.5 ×.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from bench._side_by_side import cpus, fastest, goal_at_least, machine, measure, parser, ratio, show
from bench.process._peers import tuned, warm

import weft

GRID = (1_000, 4_000, 8_000, 16_000, 33_000, 100_000)
ONE_BY_ONE = ("ProcessPoolExecutor", "pebble", "loky")  # what they do unless told otherwise
SHARE = 50  # the part of the items that those do


def square(x: int) -> int:
    return x * x


def main() -> None:
    arguments = parser(__doc__, rounds=11)
    arguments.add_argument("--items", type=int, default=200_000)
    asked = arguments.parse_args()
    items, few = range(asked.items), range(asked.items // SHARE)
    expected = [square(x) for x in items]
    print(f"{machine()}; {asked.items:,} items, {asked.rounds} rounds")

    def right(result: list[int]) -> bool:
        return len(result) in {len(items), len(few)} and result == expected[: len(result)]

    by_weft: dict[str, Callable[[], Any]] = {"weft": lambda: list(weft.map(square, items, on="process"))}
    with warm(cpus()) as peers:
        by_best = tuned(peers, square, items, GRID, rounds=max(2, asked.rounds // 4), right=right)
        best = measure(by_weft | by_best, asked.rounds, right, warmups=2)
        by_default: dict[str, Callable[[], Any]] = {
            name: partial(peer.map, square, few if name in ONE_BY_ONE else items, None) for name, peer in peers.items()
        }
        default = measure(by_weft | by_default, max(2, asked.rounds // 3), right)
    for name in default.keys() & set(ONE_BY_ONE):
        default[name] = [SHARE * taken for taken in default[name]]
    show("Peers at their best", best, peer="weft", items=asked.items)
    show("Peers told nothing", default, peer="weft", items=asked.items)
    print()
    at_best, at_default = fastest(best, by_best), fastest(default, by_default)
    goal_at_least(f"{at_best} / weft, tiny items", ratio(best, at_best, "weft"), 1.2)
    goal_at_least(f"{at_default}, told nothing / weft, tiny items", ratio(default, at_default, "weft"), 1.5)


if __name__ == "__main__":
    main()
