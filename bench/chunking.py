"""What the constants in src/weft/_schedule/chunking.py do: the length a chunk aims at, and its most items.

1. TARGET, 0.5 to 20 ms, on warm process workers: 20,000 items that compute for 20 µs each, where a chunk is too
   short if its round trip shows, and 2,000 items that compute for 1 ms each, where it is too long if the workers
   do not finish together. 200,000 items of x * x are there to show that TARGET does nothing for them: NEAR.largest
   of them take less than 0.5 ms. Chunks are not cut short by the worker here (PATIENCE), so that 20 ms are 20 ms.
2. NEAR.largest, 2,048 to 65,536 items, on 200,000 items of x * x, in the caller and on processes; and what the parent
   grows by in a run of 2,000,000 items from a generator, each in a fresh interpreter. NEAR.window, of which a
   worker's chunk may be no more than its share, grows along (four chunks a worker at least), so that it is
   NEAR.largest that is measured; without that, the window of 65,536 items caps chunks at 16,384 on two processes.

The value in use is marked with a star. Flat is the expected answer: a constant is right if its neighbours do
no better.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from _side_by_side import cpus, machine, measure, median, parser, show, table
from memory import elsewhere, growth

import weft
import weft._engine as engine
from weft._model.chunk import Call
from weft._model.noun import replace
from weft._schedule import chunking

TARGETS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.010, 0.020)  # seconds
SIZES = (2_048, 4_096, 8_192, 16_384, 32_768, 65_536)  # items
MEMORY_ITEMS = 2_000_000


def square(x: int) -> int:
    return x * x


def compute(steps: int) -> int:
    """Count down; the same work on every machine, however busy it is."""
    left = steps
    while left:
        left -= 1
    return left


def main() -> None:
    arguments = parser(__doc__, rounds=7)
    arguments.add_argument("--inside", type=int, help="measure the memory of NEAR.largest=… in this process")
    arguments.add_argument("--kind", default="serial")
    arguments.add_argument("--only", choices=("target", "largest"))
    asked = arguments.parse_args()
    if asked.inside:
        with patched(**limits(asked.inside)):
            print(json.dumps(growth(asked.kind, MEMORY_ITEMS)))
        return
    print(f"{machine()}; {asked.rounds} rounds")
    if asked.only != "largest":
        compare_targets(asked.rounds)
    if asked.only != "target":
        compare_largest(asked.rounds)


def compare_targets(rounds: int) -> None:
    named = {f"{target * 1e3:g} ms{mark(target, chunking.TARGET)}": target for target in TARGETS}
    tiny = range(200_000)
    runs = {name: partial(run, square, tiny, "process", TARGET=target) for name, target in named.items()}
    show("TARGET, 200,000 items of x * x on processes", measure(runs, rounds, [x * x for x in tiny].__eq__))

    millisecond = one_millisecond()
    for count, steps, times_more in ((20_000, millisecond // 50, 2), (2_000, millisecond, 1)):
        items = [steps] * count
        alone = min(measure({"one": partial(compute, steps)}, 200, (0).__eq__)["one"])
        runs = {name: partial(run, compute, items, "process", TARGET=target) for name, target in named.items()}
        times = measure(runs, times_more * rounds, ([0] * count).__eq__)
        least = alone * count / cpus()
        show(f"TARGET, {count:,} items of {alone * 1e6:.0f} µs; at best {least * 1e3:.0f} ms", times)


def compare_largest(rounds: int) -> None:
    tiny = range(200_000)
    named = {f"{largest:,}{mark(largest, chunking.NEAR.largest)}": largest for largest in SIZES}
    for kind in ("serial", "process"):
        runs = {name: partial(run, square, tiny, kind, **limits(most)) for name, most in named.items()}
        times = measure(runs, 3 * rounds, [x * x for x in tiny].__eq__)
        show(f"NEAR.largest, 200,000 items of x * x, {kind}", times, items=len(tiny))
    rows = []
    for name, most in named.items():
        row = [name]
        for kind in ("serial", "process"):
            found = [elsewhere(__file__, ["--inside", str(most), "--kind", kind]) for _ in range(min(rounds, 3))]
            row += [f"{median([mb for mb, _ in found]):.1f}", f"{median([s for _, s in found]):.2f}"]
        rows.append(row)
    head = ["", "serial MB", "serial s", "process MB", "process s"]
    table(
        f"NEAR.largest, {MEMORY_ITEMS:,} items from a generator: growth of the parent, fresh interpreters", head, rows
    )


def run(fn: Callable[[Any], Any], items: Any, kind: str, **constants: Any) -> list[Any]:
    with patched(**constants):
        return list(weft.map(fn, items, on=kind, progress=False))


def limits(largest: int) -> Mapping[str, chunking.Terms]:
    near = chunking.NEAR
    return {"NEAR": replace(near, largest=largest, window=max(near.window, 4 * largest * cpus()))}


@contextmanager
def patched(**constants: Any) -> Iterator[None]:
    """Set constants of chunking.py for a while, and let workers finish their chunks."""
    before = {name: getattr(chunking, name) for name in constants}
    vars(chunking).update(constants)
    engine.Call = patient  # type: ignore[misc, assignment]
    try:
        yield
    finally:
        vars(chunking).update(before)
        engine.Call = Call  # type: ignore[misc]


def patient(*args: Any, **named: Any) -> Call:
    """A call whose chunks are never cut short for taking longer than they were made for."""
    return Call(*args, **{**named, "hurry": False})


def one_millisecond() -> int:
    """How many steps of :func:`compute` take 1 ms."""
    trial = 20_000
    times = measure({"trial": partial(compute, trial)}, 50, lambda left: left == 0)
    return int(trial * 0.001 / min(times["trial"]))


def mark(value: float, chosen: float) -> str:
    return " *" if value == chosen else ""


if __name__ == "__main__":
    main()
