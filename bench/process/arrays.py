"""Items that compute with arrays which they make and drop: what the C library's allocator does with the memory.

    python -m bench.process.arrays

glibc gives back what is freed at the end of its heap, and the system clears every page of it anew for the next item.
weft's own workers are told to keep up to 64 MiB (weft/_workers/allocator.py); workers that are forked, as the peers'
are here and weft's with start_method="fork", have it as their parent has. 150,000 numbers of 8 bytes are 1.2 MB, and
an item has five such arrays; 10,000 are 80 kB, which glibc keeps by itself; 1,500,000 are 12 MB. The answers are single
numbers, so that nothing is measured but the items.

No goal: what it is worth depends on the item.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from bench._side_by_side import cpus, machine, measure, parser, show
from bench.process._peers import warm

import weft

PEERS = ("Pool", "ProcessPoolExecutor", "joblib")
SIZES = {10_000: 1_500, 150_000: 100, 1_500_000: 10}  # numbers in an array, items


def wave(size: int, seed: int) -> float:
    x = np.arange(size, dtype=np.float64) + seed
    return float((np.sin(x) * np.exp(-x * 1e-6)).sum())


def by_weft(fn: Any, items: range, start_method: str | None) -> list[float]:
    return weft.map(fn, items, on="process", max_workers=cpus(), start_method=start_method).results()


def main() -> None:
    asked = parser(__doc__, rounds=7).parse_args()
    print(f"{machine()}; {asked.rounds} rounds")
    with warm(cpus(), PEERS) as peers:
        for size, count in SIZES.items():
            fn, items = partial(wave, size), range(count)
            expected = list(map(fn, items))
            runs: dict[str, Any] = {
                "weft": partial(by_weft, fn, items, None),
                "weft, forked": partial(by_weft, fn, items, "fork"),
                "a plain loop": partial(lambda fn, items: list(map(fn, items)), fn, items),
                **{name: partial(peer.map, fn, items, None) for name, peer in peers.items()},
            }
            times = measure(runs, asked.rounds, lambda found, expected=expected: found == expected)
            show(f"{count:,} items, five arrays of {size:,} numbers each", times, peer="weft", items=count)


if __name__ == "__main__":
    main()
