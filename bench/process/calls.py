"""One call at a time, there and back: weft.submit(on="process").result() against every peer's way to make one.

Each waits for its result before it makes the next call. All are warm, and each peer has as many workers as suits
it best: one, two, or one for each processor, which is searched first. weft is told nothing. The function is
one of this program's; a row shows weft with one that workers can import, which has less to carry.

Goal: the best peer's median takes at least 5 × as long as weft's.
"""

from __future__ import annotations

import gc
import operator
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from time import perf_counter
from typing import Any, TypeAlias

from bench._side_by_side import Times, cpus, fastest, goal_at_least, interleaved, machine, median, parser, ratio, table
from bench.process._peers import Peer, warm

import weft

Call: TypeAlias = Callable[[int], Any]


def negative(x: int) -> int:
    return -x


def main() -> None:
    arguments = parser(__doc__, rounds=15)
    arguments.add_argument("--calls", type=int, default=500, help="calls a round (default: %(default)s)")
    asked = arguments.parse_args()
    print(f"{machine()}; {asked.rounds} rounds of {asked.calls} calls")
    workers = most_suitable(max(2, asked.rounds // 5), asked.calls // 5)
    with ExitStack() as house:
        peers: dict[str, Call] = {}
        for count in sorted(set(workers.values())):
            running = house.enter_context(warm(count, [name for name in workers if workers[name] == count]))
            peers |= {f"{name}, workers: {count}": call for name, call in calls_of(running).items()}
        ours: dict[str, Call] = {
            "weft": lambda x: weft.submit(negative, x, on="process").result(),
            "weft, importable function": lambda x: weft.submit(operator.neg, x, on="process").result(),
        }
        times = one_by_one(ours | peers, asked.rounds, asked.calls)
    rows = []
    for name, taken in times.items():
        late = sorted(taken)[int(len(taken) * 0.99)]
        figures = (median(taken) * 1e6, late * 1e6, min(taken) * 1e6)
        rows.append([name, *(f"{figure:.0f}" for figure in figures), f"{ratio(times, name, 'weft'):.2f}"])
    table("One call there and back", ["", "median µs", "p99 µs", "best µs", "× weft"], rows)
    print()
    peer = fastest(times, peers)
    goal_at_least(f"{peer} / weft, one call", ratio(times, peer, "weft"), 5)


def most_suitable(rounds: int, count: int) -> dict[str, int]:
    """With how many workers each peer's calls are fastest."""
    found: dict[str, tuple[float, int]] = {}
    for workers in sorted({1, 2, cpus()}):
        with warm(workers) as running:
            for name, taken in one_by_one(calls_of(running), rounds, count).items():
                found[name] = min(found.get(name, (float("inf"), 0)), (median(taken), workers))
    return {name: workers for name, (_, workers) in found.items()}


def calls_of(peers: Mapping[str, Peer]) -> dict[str, Call]:
    return {name: partial(peer.call, negative) for name, peer in peers.items() if peer.call}


def one_by_one(calls: Mapping[str, Call], rounds: int, count: int) -> Times:
    """What each call took: *count* in a row of each of *calls*, *rounds* times, interleaved."""
    times: Times = {name: [] for name in calls}
    for turn, name in interleaved(calls, rounds):
        call, taken = calls[name], []
        gc.collect()
        for x in range(count):
            began = perf_counter()
            value = call(x)
            taken.append(perf_counter() - began)
            assert value == -x, f"{name}: wrong result"
        if turn >= 0:
            times[name] += taken
    return times


if __name__ == "__main__":
    main()
