"""How evenly work is spread: how much of its workers a run puts to use.

2,000 items of about 1 ms, and the same with a heavy tail: 5 % of them, at random places, take 40 × as long. An
item is a fixed number of steps (a few numbers, a dictionary, an object, a call), so it costs the same whatever else
the machine does; a plain loop over all of them, which runs in the same interleaved rounds, says what they cost
together. The even items come once more as bare countdowns, which tell less (see this folder's README).

    efficiency = the loop's time / (workers × the run's time)

Beside it stands what the machine can give at all: forked processes with no pool, each with its fair share of the
steps and one word to say at the end. Processors that share a core or a power budget do less together than each
alone, and no pool can change that; how much more processor time the same steps then take in weft's workers is printed
as well, with what its caller took and what nobody used: those two are weft's own part. Peers are searched for their
best chunk size first; weft is told nothing but,
in the last table, how many workers: that one shows 1, 2, 4, … workers, as far as there are processors.

Goal: efficiency of at least 0.95 for both, with a worker for each processor.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from bench._side_by_side import Times, cpus, fastest, goal_at_least, machine, measure, median, parser, table
from bench.process._peers import tuned, warm
from bench.process._work import compute, count_down, one_millisecond

import weft

GRID = (1, 4, 16, 63)
HEAVY, TIMES = 0.05, 40  # so many items take so many times as long
COUNTS = (1, 2, 4, 8, 16, 32, 64)  # workers


def square(x: int) -> int:
    return x * x


def main() -> None:
    arguments = parser(__doc__, rounds=5)
    arguments.add_argument("--items", type=int, default=2_000)
    arguments.add_argument("--tiny", type=int, default=200_000, help="items for the rate (default: %(default)s)")
    arguments.add_argument("--workers", type=int, nargs="+", help="numbers of workers (default: 1, 2, 4, … processors)")
    asked = arguments.parse_args()
    counts = asked.workers or [count for count in COUNTS if count < cpus()] + [cpus()]
    print(f"{machine()}; {asked.items:,} items, {asked.rounds} rounds")
    works = {"even": Work(compute, even(asked.items)), "heavy tail": Work(compute, heavy_tail(asked.items))}
    countdowns = Work(count_down, [one_millisecond(count_down)] * asked.items)
    reached = {name: against_peers(name, work, asked.rounds) for name, work in works.items()}
    against_peers("bare countdowns", countdowns, asked.rounds)
    by_workers(works, asked.tiny, counts, asked.rounds)
    print()
    for name, (efficiency, ceiling) in reached.items():
        goal_at_least(f"efficiency, {name}", efficiency, 0.95, "of 1")
        print(f"      the machine gives {ceiling:.2f}: weft has {efficiency / ceiling:.2f} of that")


# ── the work ──────────────────────────────────────────────────────────────────────────────────────────────


class Work(NamedTuple):
    """A function, and how many steps each item has."""

    fn: Callable[[int], int]
    steps: list[int]


def even(items: int) -> list[int]:
    return [one_millisecond(compute)] * items


def heavy_tail(items: int) -> list[int]:
    steps = even(items)
    for at in random.Random(1).sample(range(items), int(items * HEAVY)):
        steps[at] *= TIMES
    return steps


# ── who does it ───────────────────────────────────────────────────────────────────────────────────────────


def loop(work: Work) -> list[int]:
    return [work.fn(item) for item in work.steps]


def no_pool(work: Work, workers: int) -> list[int]:
    """Forked processes, each with its fair share, known beforehand."""
    share, odd = divmod(sum(work.steps), workers)
    born = [fork_one(work.fn, share + (number < odd)) for number in range(workers)]
    for pid in born:
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    return [0] * len(work.steps)


def fork_one(fn: Callable[[int], int], steps: int) -> int:
    pid = os.fork()
    if pid == 0:
        os._exit(fn(steps))
    return pid


def by_weft(work: Work, workers: int | None = None) -> list[int]:
    return list(weft.map(*work, on="process", max_workers=workers, progress=False))


def shares(work: Work, rounds: int) -> tuple[float, float, float]:
    """Seconds that all processors together spent on weft's workers, on its caller, and on neither."""
    seen = []
    for _ in range(rounds):
        began, worked = time.perf_counter(), time.process_time()
        run = weft.map(*work, on="process", progress=False)
        assert not any(run)
        caller, all_of_them = time.process_time() - worked, cpus() * (time.perf_counter() - began)
        seen.append((run.stats.cpu, caller, all_of_them - caller - run.stats.cpu))
    workers, caller, nobody = (sorted(column)[rounds // 2] for column in zip(*seen, strict=True))
    return workers, caller, nobody


# ── the program ───────────────────────────────────────────────────────────────────────────────────────────


def against_peers(what: str, work: Work, rounds: int) -> tuple[float, float]:
    """Print everybody's efficiency; weft's, and what the machine gives."""
    right = ([0] * len(work.steps)).__eq__
    runs: dict[str, Callable[[], Any]] = {
        "a plain loop": partial(loop, work),
        "no pool": partial(no_pool, work, cpus()),
        "weft": partial(by_weft, work),
    }
    times = measure(runs, 1, right, warmups=0)  # while nobody else has a thread: forking is safer so
    with warm(cpus()) as peers:
        best = tuned(peers, *work, GRID, rounds=max(1, rounds // 3), right=right)
        times = measure(runs | best, rounds, right)
    rows = [[name, f"{median(taken) * 1e3:.0f}", f"{used(times, name, cpus()):.3f}"] for name, taken in times.items()]
    table(f"{len(work.steps):,} items, {what}, {cpus()} workers", ["", "median ms", "efficiency"], rows)
    print(f"  the best peer: {fastest(times, best)}")
    workers, caller, nobody = shares(work, rounds)
    together = workers + caller + nobody
    print(
        f"  weft: its workers computed {workers / median(times['a plain loop']):.2f} × as long as the loop; of all"
        f" processor time its caller took {caller / together:.1%}, and nobody {nobody / together:.1%}"
    )
    return used(times, "weft", cpus()), used(times, "no pool", cpus())


def by_workers(works: dict[str, Work], tiny: int, counts: Sequence[int], rounds: int) -> None:
    """Print what weft makes of different numbers of workers."""
    rows = []
    for workers in counts:
        figures = []
        for work in works.values():
            runs: dict[str, Callable[[], Any]] = {
                "a plain loop": partial(loop, work),
                "no pool": partial(no_pool, work, workers),
                "weft": partial(by_weft, work, workers),
            }
            times = measure(runs, max(2, rounds // 2), ([0] * len(work.steps)).__eq__)
            figures += [f"{used(times, 'weft', workers):.3f}", f"{used(times, 'no pool', workers):.3f}"]
        rate = {"tiny": lambda: list(weft.map(square, range(tiny), on="process", max_workers=workers))}  # noqa: B023
        times = measure(rate, 2 * rounds, [square(x) for x in range(tiny)].__eq__)
        rows.append([str(workers), *figures, f"{tiny / median(times['tiny']) / 1e6:.2f}"])
    head = ["workers"] + [word for name in works for word in (name, "no pool")] + ["tiny, 10⁶ a second"]
    table("weft with other numbers of workers: efficiency, and the rate of x * x", head, rows)


def used(times: Times, name: str, workers: int) -> float:
    return median(times["a plain loop"]) / workers / median(times[name])


if __name__ == "__main__":
    main()
