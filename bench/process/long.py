"""10,000,000 items from a generator: is a long run as light at its end as at its beginning?

Each contender runs in a fresh interpreter, reads a generator and keeps nothing; the results are counted and
summed. During the run, every hundredth of it, these are noted: the resident set, descriptors and threads of the
parent, and the resident sets of its workers together. What is printed is from the first tenth, the middle and the
end; growth is what the largest after the first tenth is above what there was then. Pool.imap at a chunk size that
suits it stands beside: it reads its input as fast as it can and keeps what is not asked for.

Goals: in parent and workers less than 20 MB of growth; not one descriptor or thread more.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import Any

from bench._side_by_side import cpus, goal, machine, parser, table
from bench.process._peers import FORK
from bench.process._processes import descendants

import weft

LOOKS = 100  # times that the run is looked at
FIGURES = ("parent MB", "workers MB", "descriptors", "threads")


def successor(x: int) -> int:
    return x + 1


def by_weft(items: Iterable[int]) -> Iterator[int]:
    return iter(weft.map(successor, items, on="process", progress=False))


def by_pool(items: Iterable[int]) -> Iterator[int]:
    with FORK.Pool(cpus()) as pool:
        yield from pool.imap(successor, items, 4_096)


CONTENDERS = {"weft": by_weft, "Pool.imap": by_pool}


# ── looking ───────────────────────────────────────────────────────────────────────────────────────────────


def look() -> list[float]:
    """The figures, now."""
    here = Path("/proc/self")
    return [
        resident("self"),
        sum(map(resident, descendants("self"))),
        float(len(os.listdir(here / "fd"))),
        float(len(os.listdir(here / "task"))),
    ]


def resident(pid: str) -> float:
    """MB that a process has in memory."""
    with suppress(FileNotFoundError, ProcessLookupError):
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
        return next((float(line.split()[1]) / 1_000 for line in lines if line.startswith("VmRSS:")), 0.0)
    return 0.0


def run(contender: str, items: int) -> dict[str, Any]:
    """One long run, looked at all along."""
    looks, count, total, step = [], 0, 0, max(1, items // LOOKS)
    began = perf_counter()
    for value in CONTENDERS[contender](x for x in range(items)):
        count += 1
        total += value
        if count % step == 0:
            looks.append(look())
    seconds = perf_counter() - began
    assert count == items, f"{count} results of {items}"
    assert total == items * (items + 1) // 2, "wrong results"
    return {"seconds": seconds, "looks": looks}


# ── the program ───────────────────────────────────────────────────────────────────────────────────────────


def main() -> None:
    arguments = parser(__doc__, rounds=3)
    arguments.add_argument("--items", type=int, default=10_000_000)
    arguments.add_argument("--inside", choices=CONTENDERS, help="measure this one in this process; print JSON")
    asked = arguments.parse_args()
    if asked.inside:
        print(json.dumps(run(asked.inside, asked.items)))
        return
    print(f"{machine()}; {asked.items:,} items, {asked.rounds} rounds")
    grown: dict[str, list[float]] = {}
    for contender in CONTENDERS:
        runs = [elsewhere(contender, asked.items) for _ in range(asked.rounds)]
        grown[contender] = report(contender, runs, asked.items)
    print()
    for name, growth, limit, unit in zip(
        FIGURES, grown["weft"], (20, 20, 0, 0), ("MB", "MB", "more", "more"), strict=True
    ):
        goal(f"growth, {name.removesuffix(' MB')}", growth, limit, unit)


def elsewhere(contender: str, items: int) -> dict[str, Any]:
    """What a fresh interpreter measures."""
    command = [sys.executable, "-m", "bench.process.long", "--inside", contender, "--items", str(items)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def report(contender: str, runs: list[dict[str, Any]], items: int) -> list[float]:
    """Print the worst of the runs, figure by figure; how much each grew there."""
    rows, grown = [], []
    for at, name in enumerate(FIGURES):
        tracks = [[look[at] for look in run["looks"]] for run in runs]
        tenth = LOOKS // 10
        worst = max(tracks, key=lambda track: max(track[tenth:]) - track[tenth])
        grown.append(max(worst[tenth:]) - worst[tenth])
        shown = (worst[tenth], worst[len(worst) // 2], worst[-1], grown[-1])
        rows.append([name, *(f"{figure:.1f}" for figure in shown)])
    each = min(run["seconds"] for run in runs) / items * 1e9
    table(f"{contender}, {each:.0f} ns an item", ["", "a tenth", "middle", "end", "growth"], rows)
    return grown


if __name__ == "__main__":
    main()
