"""Measure things side by side: interleaved rounds, medians, every result checked.

Rounds are interleaved (A B C, B C A, C A B, …) so that whatever else the machine does meets all of them alike.
Read the ratios, not the absolutes: those are another machine's. A best that is far below its median says that
the run was disturbed and is worth repeating.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from time import perf_counter
from typing import Any, TypeAlias

Times: TypeAlias = dict[str, list[float]]

os.environ.setdefault("WEFT_CACHE", "off")  # what one run has learned is nothing to the next that is measured


def parser(doc: str | None, *, rounds: int = 7) -> argparse.ArgumentParser:
    """The arguments that every program takes."""
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--rounds", type=int, default=rounds, help="measurements of each (default: %(default)s)")
    return made


def cpus() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine() -> str:
    """The machine, as far as it matters."""
    return f"{cpus()} CPUs, {platform.system()}, Python {platform.python_version()}"


def measure(
    runs: Mapping[str, Callable[[], Any]],
    rounds: int,
    check: Callable[[Any], bool],
    *,
    warmups: int = 1,
    between: Callable[[], object] | None = None,
) -> Times:
    """Time each of *runs*, *rounds* times, interleaved; *check* each result; call *between* before each, untimed.

    Raises:
        AssertionError: A result was wrong.
    """
    times: Times = {name: [] for name in runs}
    for turn, name in interleaved(runs, rounds, warmups=warmups):
        if between is not None:
            between()
        gc.collect()
        began = perf_counter()
        result = runs[name]()
        took = perf_counter() - began
        if not check(result):
            raise AssertionError(f"{name}: wrong result")
        del result
        if turn >= 0:
            times[name].append(took)
    return times


def interleaved(names: Iterable[str], rounds: int, *, warmups: int = 1) -> Iterator[tuple[int, str]]:
    """Whose turn it is, round by round; rounds below 0 are warm-ups.

    Each round has another beginner, and nobody comes after the same one each time, who may leave caches, idle workers
    or memory in some state: a balanced Latin square (E. J. Williams, Australian Journal of Scientific Research A 2,
    1949), which goes 0, 1, n - 1, 2, n - 2 and so on, one further in each round.
    """
    order = list(names)
    zigzag = [(place + 1) // 2 if place % 2 else -place // 2 for place in range(len(order))]
    for turn in range(-warmups, rounds):
        for step in zigzag:
            yield turn, order[(turn + step) % len(order)]


def median(times: Sequence[float]) -> float:
    """The one in the middle."""
    return statistics.median(times)


def ratio(times: Times, name: str, peer: str) -> float:
    """How many times as long as *peer* *name* takes: the ratio of their medians."""
    return median(times[name]) / median(times[peer])


def fastest(times: Times, among: Iterable[str]) -> str:
    """Which of them has the least median."""
    return min(among, key=lambda name: median(times[name]))


def show(title: str, times: Times, *, peer: str | None = None, items: int | None = None) -> None:
    """Print a table of medians; as multiples of *peer*'s, and for each of *items*, if given."""
    head = ["", "median ms", "best ms"]
    head += [f"× {peer}"] if peer else []
    head += ["ns an item"] if items else []
    rows = []
    for name, taken in times.items():
        row = [name, f"{median(taken) * 1e3:.2f}", f"{min(taken) * 1e3:.2f}"]
        row += [f"{ratio(times, name, peer):.2f}"] if peer else []
        row += [f"{median(taken) / items * 1e9:.0f}"] if items else []
        rows.append(row)
    table(title, head, rows)


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: the first column to the left, figures to the right."""
    widths = [max(len(row[at]) for row in [head, *rows]) for at in range(len(head))]
    print(f"\n{title}")
    for row in [head, *rows]:
        first, *rest = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        print("  " + "  ".join([first.strip().ljust(widths[0]), *rest]).rstrip())


def goal(what: str, figure: float, limit: float, unit: str = "×") -> None:
    """Print a figure with its goal beside it, and whether it was met."""
    word = "met" if figure <= limit else "MISSED"
    print(f"goal  {what}: {figure:.2f} {unit} (at most {limit:g} {unit}): {word}")


def goal_at_least(what: str, figure: float, limit: float, unit: str = "×") -> None:
    """The same for a figure that should be large."""
    word = "met" if figure >= limit else "MISSED"
    print(f"goal  {what}: {figure:.2f} {unit} (at least {limit:g} {unit}): {word}")
