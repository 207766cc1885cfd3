"""What it costs to read a function's code, to look at what it reaches, and to remember.

    python -m bench.choose.price

For each function of both sets of workloads and each of ``mutating/``: reading it and all it calls, once per run that
might use processes; the two looks at what it can reach; and for the table in a file one recall and one note.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from time import perf_counter
from typing import Any

from bench._side_by_side import goal, machine, median, parser, table

from weft._choose.effects import effects_of
from weft._choose.fingerprint import key_of
from weft._choose.machine import Machine
from weft._choose.memory import Learned, Memory
from weft._choose.search import LISTINGS
from weft._choose.witness import Witness

from . import mutating
from ._sets import SETS
from ._stage import missing, stage


def main() -> None:
    asked = parser(__doc__).parse_args()
    print(machine())
    functions = list(_functions())
    effects_of(functions[0][1], functions[0][2])  # what it needs is imported
    here, mine = Machine.here(), Memory(tempfile.mkdtemp(prefix="weft-price-"))
    rows, worst = [], 0.0
    figures: dict[str, list[float]] = {}
    for name, fn, item in functions:
        took = _prices(fn, item, here, mine, asked.rounds)
        for what, seconds in took.items():
            figures.setdefault(what, []).append(seconds)
        if took["read, first"] > worst:
            worst, slowest = took["read, first"], name
    mine.clear()
    for what, seconds in figures.items():
        rows.append([what, f"{median(seconds) * 1e6:,.0f}", f"{max(seconds) * 1e6:,.0f}"])
    table(f"{len(functions)} functions", ["", "median µs", "most µs"], rows)
    print(f"the longest to read: {slowest}\n")
    goal("remembering, all of it", sum(median(figures[what]) for what in ("key", "note", "recall")) * 1e3, 1.0, "ms")
    goal("reading and looking, median", sum(median(figures[what]) for what in ("read, first", "look")) * 1e3, 3.0, "ms")


def _prices(fn: Any, item: Any, here: Machine, mine: Memory, rounds: int) -> dict[str, float]:
    key = key_of(fn, item, here)
    return {
        "read, first": _time(lambda: _read_anew(fn, item), 1),
        "read, again": _time(lambda: effects_of(fn, item), rounds),
        "look": _time(lambda: Witness(fn, item).changed(), rounds),
        "key": _time(lambda: key_of(fn, item, here), rounds),
        "note": _time(lambda: mine.note(key, Learned("thread", 4, 0.001)), rounds),
        "recall": _time(lambda: mine.recall(key), rounds),
    }


def _functions() -> Any:
    with stage(postgres=False) as (place, _):
        for known in SETS.values():
            for name, workload in known.items():
                if missing(workload, place) is None:
                    fn, items = workload.make(place)
                    yield name, fn, items[0]
    for name, make in mutating.CASES.items():
        fn, items, _ = make()
        yield name, fn, items[0]


def _read_anew(fn: Any, item: Any) -> None:
    LISTINGS.clear()
    effects_of(fn, item)


def _time(call: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        began = perf_counter()
        call()
        times.append(perf_counter() - began)
    return median(times)


if __name__ == "__main__":
    main()
