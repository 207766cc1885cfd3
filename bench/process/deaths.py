"""Workers that die: 2,000 items of about 1 ms, 1 % of which kill their worker the first time they are run.

Such an item leaves a mark in a folder and sends its own process SIGKILL; when it is run again it finds the mark
and does its work. weft's time stands beside its time for the same items with all marks there already. Then each
peer tries its hand, in an interpreter of its own that is ended after a while: what it said and how many results
it had is what the table shows. Peers are given the items one by one, so that a death costs them as little as it
can.

Goals: with deaths at most 2 × the time without; no result lost.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from bench._side_by_side import cpus, goal, machine, measure, median, parser, ratio, table
from bench.process._peers import FORK
from bench.process._processes import end_below
from bench.process._work import compute, one_millisecond

import weft

SHARE = 0.01  # so many items are deadly
PATIENCE = 20  # seconds for a peer


def deadly(items: int) -> list[int]:
    """The items that kill: the same ones each time."""
    return random.Random(1).sample(range(items), max(1, int(items * SHARE)))


def mark(folder: Path, items: Iterable[int]) -> None:
    """Have only *items* left to do their work at once."""
    for old in folder.iterdir():
        old.unlink()
    for item in items:
        (folder / str(item)).touch()


def work(folder: str, killers: frozenset[int], steps: int, item: int) -> int:
    """Give the item back, after a millisecond; or never."""
    if item in killers:
        try:
            os.close(os.open(f"{folder}/{item}", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            pass
        else:
            os.kill(os.getpid(), signal.SIGKILL)
    return item + compute(steps)


# ── the peers ─────────────────────────────────────────────────────────────────────────────────────────────
# Each gives as many results as it has, and may raise in the middle.


def in_pool(fn: Callable[[int], int], items: range) -> Iterable[int]:
    with FORK.Pool(cpus()) as pool:
        yield from pool.imap(fn, items)


def in_executor(fn: Callable[[int], int], items: range) -> Iterable[int]:
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(cpus(), mp_context=FORK) as pool:
        yield from pool.map(fn, items)


def in_loky(fn: Callable[[int], int], items: range) -> Iterable[int]:
    from loky import get_reusable_executor

    yield from get_reusable_executor(cpus()).map(fn, items)


def in_joblib(fn: Callable[[int], int], items: range) -> Iterable[int]:
    from joblib import Parallel, delayed

    yield from Parallel(cpus(), return_as="generator")(delayed(fn)(item) for item in items)


def in_mpire(fn: Callable[[int], int], items: range) -> Iterable[int]:
    from mpire import WorkerPool

    with WorkerPool(cpus(), start_method="fork") as pool:
        yield from pool.imap(fn, items, chunk_size=1)


def in_pebble(fn: Callable[[int], int], items: range) -> Iterable[int]:
    from pebble import ProcessExpired, ProcessPool

    with ProcessPool(cpus(), context=FORK) as pool:
        results = pool.map(fn, items).result()
        for _ in items:
            try:
                yield next(results)
            except ProcessExpired:  # it says which item died, and goes on
                continue


def in_ray(fn: Callable[[int], int], items: range) -> Iterable[int]:
    import ray

    ray.init(num_cpus=cpus(), include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    remote = ray.remote(fn.func if isinstance(fn, partial) else fn)
    told = fn.args if isinstance(fn, partial) else ()
    try:
        yield from ray.get([remote.remote(*told, item) for item in items])
    finally:
        ray.shutdown()


PEERS: dict[str, Callable[[Callable[[int], int], range], Iterable[int]]] = {
    "Pool": in_pool,
    "ProcessPoolExecutor": in_executor,
    "loky": in_loky,
    "joblib": in_joblib,
    "mpire": in_mpire,
    "pebble": in_pebble,
    "Ray": in_ray,
}


def attempt(peer: str, fn: Callable[[int], int], items: range) -> dict[str, Any]:
    """What the peer comes to; told line by line, for it may never come to an end."""
    began, got, ended = perf_counter(), 0, "ends"
    try:
        for _ in PEERS[peer](fn, items):
            got += 1
            print(json.dumps({"got": got, "ended": "hangs", "seconds": perf_counter() - began}), flush=True)
    except ImportError as error:
        ended = f"not here: {error}"
    except Exception as error:
        ended = f"breaks: {type(error).__name__}"
    return {"got": got, "ended": ended, "seconds": perf_counter() - began}


def watch(peer: str, items: int) -> list[str]:
    """Its row of the table."""
    command = [sys.executable, "-m", "bench.process.deaths", "--inside", peer, "--items", str(items)]
    with tempfile.TemporaryFile("w+") as said:
        trying = subprocess.Popen(command, stdout=said, stderr=subprocess.DEVNULL)
        try:
            trying.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            end_below(str(trying.pid))
            trying.kill()
            trying.wait()
        said.seek(0)
        lines = said.read().splitlines()
    last: dict[str, Any] = json.loads(lines[-1]) if lines else {"got": 0, "ended": "hangs", "seconds": 0.0}
    seconds = f"{last['seconds']:.2f}" if last["ended"] == "ends" else "–"
    return [peer, last["ended"], f"{items - last['got']:,}", seconds]


# ── the program ───────────────────────────────────────────────────────────────────────────────────────────


def main() -> None:
    arguments = parser(__doc__, rounds=7)
    arguments.add_argument("--items", type=int, default=2_000)
    arguments.add_argument("--inside", choices=PEERS, help="have this peer try in this process; print JSON")
    asked = arguments.parse_args()
    items, killers = range(asked.items), deadly(asked.items)
    with tempfile.TemporaryDirectory() as name:
        fn = partial(work, name, frozenset(killers), one_millisecond())
        if asked.inside:
            print(json.dumps(attempt(asked.inside, fn, items)), flush=True)
            end_below("self")
            os._exit(0)  # a broken pool may hang on its way out
        print(f"{machine()}; {asked.items:,} items, {len(killers)} of them deadly, {asked.rounds} rounds")
        lost: list[int] = []

        def run(marked: Iterable[int]) -> list[Any]:
            mark(Path(name), marked)
            return list(weft.map(fn, items, on="process", on_error="keep", progress=False))

        def right(results: list[Any]) -> bool:
            lost.append(sum(isinstance(result, weft.Failure) for result in results))
            there = [item for item, result in zip(items, results, strict=True) if result != item]
            return len(there) == lost[-1]

        times = measure({"deaths": partial(run, ()), "no deaths": partial(run, killers)}, asked.rounds, right)
    rows = [["weft", "ends", str(max(lost)), f"{median(times['deaths']):.2f}"]]
    rows += [watch(peer, asked.items) for peer in PEERS]
    table(f"{len(killers)} workers die", ["", "", "results missing", "seconds"], rows)
    print(f"  weft without deaths: {median(times['no deaths']):.2f} s")
    print()
    goal("deaths / no deaths", ratio(times, "deaths", "no deaths"), 2)
    goal("results lost", max(lost), 0, "of all")


if __name__ == "__main__":
    main()
