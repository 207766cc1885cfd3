"""10,000,000 items from a generator: does the memory of a long run stay flat?

Each kind runs in a fresh interpreter of its own: 10,000 items to warm up, then the long run in a for loop that
keeps nothing, with the count and the sum of the results checked. Growth is the peak of the resident set (VmHWM)
after the long run less the resident set (VmRSS) before it, in the parent; goal less than 20 MB for each kind.
Pool.imap at weft's largest chunk stands beside them: it too reads and answers lazily, without a bound.
"""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
from collections.abc import Iterable, Iterator
from time import perf_counter

from _side_by_side import cpus, goal, machine, median, parser, table

import weft

KINDS = ("serial", "thread", "process", "Pool.imap")
WARM = 10_000


def main() -> None:
    arguments = parser(__doc__, rounds=5)
    arguments.add_argument("--items", type=int, default=10_000_000)
    arguments.add_argument("--inside", choices=KINDS, help="measure this kind in this process, print JSON")
    asked = arguments.parse_args()
    if asked.inside:
        print(json.dumps(growth(asked.inside, asked.items)))
        return
    print(f"{machine()}; {asked.items:,} items, {asked.rounds} rounds")
    found: dict[str, list[tuple[float, float]]] = {kind: [] for kind in KINDS}
    for _ in range(asked.rounds):
        for kind in KINDS:
            found[kind].append(elsewhere(__file__, ["--inside", kind, "--items", str(asked.items)]))
    rows = []
    for kind, pairs in found.items():
        grown, seconds = [pair[0] for pair in pairs], median([pair[1] for pair in pairs])
        each = seconds / asked.items * 1e9
        rows.append([kind, f"{median(grown):.1f}", f"{max(grown):.1f}", f"{seconds:.2f}", f"{each:.0f}"])
    table("Growth of the parent", ["", "median MB", "most MB", "seconds", "ns an item"], rows)
    print()
    for kind in ("serial", "thread", "process"):
        goal(kind, median([pair[0] for pair in found[kind]]), 20, "MB")


def elsewhere(program: str, arguments: list[str]) -> tuple[float, float]:
    """What *program* prints when it is run in a fresh interpreter: MB, seconds."""
    done = subprocess.run([sys.executable, program, *arguments], check=True, capture_output=True, text=True)
    grown, seconds = json.loads(done.stdout)
    return grown, seconds


def growth(kind: str, items: int) -> tuple[float, float]:
    """MB by which the peak of this process grows in a run of *items*, and the seconds that it takes."""
    consume(kind, WARM)
    before = status("VmRSS")
    began = perf_counter()
    consume(kind, items)
    return (status("VmHWM") - before) / 1e6, perf_counter() - began


def consume(kind: str, items: int) -> None:
    """Run *items* through *kind*; keep nothing."""
    count = total = 0
    for value in results(kind, (x for x in range(items))):
        count += 1
        total += value
    assert count == items, f"{count} results of {items}"
    assert total == items * (items + 1) // 2, "wrong results"


def results(kind: str, items: Iterable[int]) -> Iterator[int]:
    if kind != "Pool.imap":
        yield from weft.map(successor, items, on=kind, progress=False)
        return
    with multiprocessing.get_context("fork").Pool(cpus()) as pool:
        yield from pool.imap(successor, items, 4096)


def successor(x: int) -> int:
    return x + 1


def status(field: str) -> float:
    """A line of /proc/self/status, in bytes."""
    with open("/proc/self/status", encoding="ascii") as lines:
        return next(float(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":"))


if __name__ == "__main__":
    main()
