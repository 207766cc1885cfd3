"""How long workers take to start, and what work is worth it: what src/weft/_workers/starting.py cites.

1. From nothing to the first results of two workers: weft's processes cold, the same warm (left over from the
   last run), its threads; and the standard library's pools, made and closed each time. Both workers must have
   answered: they are told apart by what they return, or meet at a barrier.
2. The same in a fresh interpreter, from before `import weft`.
3. Where processes begin to pay: items that compute for 1 ms, so many that they take 20 to 400 ms in all, in the
   caller, on cold and on warm processes. The same for items that wait for 1 ms, in the
   caller and on threads.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from typing import Any

from _side_by_side import Times, machine, measure, median, parser, ratio, show, table

import weft
from weft._workers.kinds import stop_idle_workers

TOTALS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4)  # seconds of computing
WAITS = (0.002, 0.005, 0.010, 0.020, 0.050)  # seconds of waiting

FRESH = """
import time
began = time.perf_counter()
import os, weft
def who(_): return os.getpid()
found = {found}
print(time.perf_counter() - began, len(set(found)))
"""
FRESH_RUNS = {
    "weft, two processes": "list(weft.map(who, range(2), on='process', max_workers=2))",
    "weft, the caller": "list(weft.map(who, range(2), on='serial')) + [0]",
}


# ── two workers, from nothing ─────────────────────────────────────────────────────────────────────────────


def process(_: int) -> int:
    return os.getpid()


def weft_processes() -> int:
    return len(set(weft.map(process, range(2), on="process", max_workers=2)))


def weft_threads() -> int:
    barrier = threading.Barrier(2, timeout=10)

    def meet(_: int) -> int:
        barrier.wait()
        return threading.get_ident()

    return len(set(weft.map(meet, range(2), on="thread", max_workers=2)))


def thread_pool() -> int:
    barrier = threading.Barrier(2, timeout=10)

    def meet(_: int) -> int:
        barrier.wait()
        return threading.get_ident()

    with ThreadPoolExecutor(2) as executor:
        return len(set(executor.map(meet, range(2))))


meeting: Any = None  # where the workers of a pool meet


def arrange(barrier: Any) -> None:
    global meeting  # noqa: PLW0603  an initializer has no other way to leave something behind
    meeting = barrier


def meet(_: int) -> int:
    meeting.wait(10)
    return os.getpid()


def executor(method: str) -> int:
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(2, context, arrange, (context.Barrier(2),)) as pool:
        return len(set(pool.map(meet, range(2))))


def pool(method: str) -> int:
    context = multiprocessing.get_context(method)
    with context.Pool(2, arrange, (context.Barrier(2),)) as workers:
        return len(set(workers.map(meet, range(2), 1)))


# ── what is worth a start ─────────────────────────────────────────────────────────────────────────────────


def compute(steps: int) -> int:
    left = steps
    while left:
        left -= 1
    return left


def one_millisecond() -> int:
    """How many steps of :func:`compute` take 1 ms."""
    trial = 20_000
    times = measure({"trial": partial(compute, trial)}, 50, lambda left: left == 0)
    return int(trial * 0.001 / min(times["trial"]))


def worth_processes(rounds: int) -> None:
    steps = one_millisecond()
    rows = []
    for total in TOTALS:
        items = [steps] * round(total * 1000)
        right = ([0] * len(items)).__eq__
        serial: dict[str, Callable[[], Any]] = {"caller": partial(results, compute, items, "serial")}
        processes = {"processes": partial(results, compute, items, "process")}
        times: Times = measure(serial | processes, rounds, right)
        times["cold"] = measure(processes, rounds, right, between=stop_idle_workers)["processes"]
        rows.append([f"{total * 1e3:g} ms", *row(times, ("cold", "processes"))])
    head = ["computes for", "caller ms", "cold ms", "warm ms", "× cold", "× warm"]
    table("Where processes begin to pay (× is caller / processes: above 1 they pay)", head, rows)


def worth_threads(rounds: int) -> None:
    rows = []
    for total in WAITS:
        items = [0.001] * round(total * 1000)
        runs: dict[str, Callable[[], Any]] = {
            "caller": partial(results, time.sleep, items, "serial"),
            "threads": partial(results, time.sleep, items, "thread"),
        }
        times = measure(runs, rounds, ([None] * len(items)).__eq__)
        rows.append([f"{total * 1e3:g} ms", *row(times, ("threads",))])
    head = ["waits for", "caller ms", "threads ms", "× threads"]
    table("Where threads begin to pay", head, rows)


def results(fn: Callable[[Any], Any], items: list[Any], kind: str) -> list[Any]:
    return list(weft.map(fn, items, on=kind, progress=False))


def row(times: Times, others: tuple[str, ...]) -> list[str]:
    figures = [f"{median(times[name]) * 1e3:.1f}" for name in ("caller", *others)]
    return figures + [f"{ratio(times, 'caller', name):.2f}" for name in others]


# ── the program ───────────────────────────────────────────────────────────────────────────────────────────


def fresh(rounds: int) -> Times:
    """Seconds to both results, from before `import weft`, in interpreters of their own."""
    times: Times = {name: [] for name in FRESH_RUNS}
    for _ in range(rounds):
        for name, found in FRESH_RUNS.items():
            program = FRESH.format(found=found)
            done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
            seconds, workers = json.loads(f"[{done.stdout.strip().replace(' ', ',')}]")
            assert workers == 2, f"{name}: {workers} answered"
            times[name].append(seconds)
    return times


def main() -> None:
    asked = parser(__doc__, rounds=9).parse_args()
    print(f"{machine()}; {asked.rounds} rounds")
    cold: dict[str, Callable[[], int]] = {"weft, processes, cold": weft_processes, "weft, threads": weft_threads}
    cold["ThreadPoolExecutor"] = thread_pool
    for method in ("fork", "forkserver", "spawn"):
        cold[f"ProcessPoolExecutor, {method}"] = partial(executor, method)
        cold[f"Pool, {method}"] = partial(pool, method)
    times = measure(cold, asked.rounds, (2).__eq__, between=stop_idle_workers)
    warm = {"weft, processes, warm": weft_processes}
    times |= measure(warm, 5 * asked.rounds, (2).__eq__, warmups=3)
    order = ("weft, processes, cold", "weft, processes, warm", "weft, threads")
    times = {name: times[name] for name in order} | times
    show("To the first results of both of two workers", times, peer="ProcessPoolExecutor, spawn")
    show("The same from before `import weft`, in a fresh interpreter", fresh(asked.rounds))
    worth_processes(asked.rounds)
    worth_threads(asked.rounds)


if __name__ == "__main__":
    main()
