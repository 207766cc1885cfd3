"""What threads, processes and coroutines are, each property measured: the table in the guide, and its figures.

    .venv/bin/python bench/properties.py           the table with figures
    .venv/bin/python bench/properties.py --words   as it stands in docs/patterns/threads-processes-asyncio.md

Less than half a minute, on weft's own workers. Every cell is words and the figures that they were read from; where the
figures say otherwise, so do the words.
"""

from __future__ import annotations

import asyncio
import os
import platform
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import weft

KINDS = ("thread", "process", "async")
CALLED = {"thread": "threads", "process": "processes", "async": "coroutines"}
CROWD = {"thread": 500, "process": 24, "async": 10_000}  # how many are asked for at once
STAY = 2.0  # seconds for which all of them wait
HELPS = 1.3  # times as fast as a loop, or it is no help


class Cell(NamedTuple):
    """What is said, and what was measured."""

    words: str
    figures: str


class Row(NamedTuple):
    """A property, and what each kind has of it."""

    name: str
    cells: list[Cell]


def main() -> None:
    """Measure, print."""
    figures = "--words" not in sys.argv
    print(table([*facts(), *measured()], figures=figures))
    if figures:
        processors = len(os.sched_getaffinity(0))
        print(f"\n{processors} processors, {platform.system()}, Python {platform.python_version()}")


def table(rows: list[Row], *, figures: bool) -> str:
    """The rows as Markdown."""
    lines = [f"| | {' | '.join(CALLED[kind] for kind in KINDS)} |", "| --- | --- | --- | --- |"]
    for name, cells in rows:
        said = [f"{cell.words} ({cell.figures})" if figures else cell.words for cell in cells]
        lines.append(f"| {name} | {' | '.join(said)} |")
    return "\n".join(lines)


def facts() -> list[Row]:
    """What needs no clock."""
    seen = {kind: look(kind) for kind in KINDS}
    return [
        Row("type", [type_of(seen[kind]) for kind in KINDS]),
        Row("relation", [relation_of(seen[kind]) for kind in KINDS]),
        Row("sharing", [sharing_of(kind) for kind in KINDS]),
    ]


def measured() -> list[Row]:
    """What is a matter of time and memory."""
    crowds = {kind: Crowd(kind) for kind in KINDS}
    computing = {kind: gain(compute, kind, range(24), 2) for kind in KINDS}
    waiting = {kind: gain(wait, kind, range(100), None) for kind in KINDS}
    lightest = min(crowd.seconds for crowd in crowds.values())
    return [
        Row("weight", [crowds[kind].weight(lightest) for kind in KINDS]),
        Row("parallelism", [parallelism_of(computing[kind]) for kind in KINDS]),
        Row("tasks", [tasks_of(computing[kind], waiting[kind]) for kind in KINDS]),
        Row("number", [crowds[kind].number() for kind in KINDS]),
    ]


# ── type, relation ────────────────────────────────────────────────────────────────────────────────────────────


class Seen(NamedTuple):
    """Where three workers were that ran at the same time."""

    processes: int
    threads: int
    tasks: int
    here: bool
    ancestors: str


def look(kind: str) -> Seen:
    """Ask three workers of a kind where they are."""
    program = os.getpid()

    def where(_: int) -> tuple[int, int, int, list[int]]:
        time.sleep(0.1)
        return os.getpid(), threading.get_native_id(), 0, list(parents(os.getpid()))

    async def where_async(_: int) -> tuple[int, int, int, list[int]]:
        await asyncio.sleep(0.1)
        return os.getpid(), threading.get_native_id(), id(asyncio.current_task()), list(parents(os.getpid()))

    run = weft.map(where_async if kind == "async" else where, range(3), on=kind, max_workers=3, chunksize=1)
    pids, threads, tasks, lines = zip(*run, strict=True)
    above = lines[0].index(program) if program in lines[0] else -1
    said = {-1: "not below the program", 0: "its child"}.get(above, f"{above} process between it and the program")
    return Seen(len(set(pids)), len(set(threads)), len(set(tasks) - {0}), set(pids) == {program}, said)


def parents(pid: int) -> Iterator[int]:
    """The process's parent, that one's, and so on."""
    while pid > 1:
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        yield pid


def type_of(seen: Seen) -> Cell:
    figures = f"three have {seen.processes} process ids, {seen.threads} thread ids, {seen.tasks} tasks"
    if seen.processes == 3:
        return Cell("a process of the system", figures)
    return Cell("a thread of the system" if seen.threads == 3 else "an object in an event loop", figures)


def relation_of(seen: Seen) -> Cell:
    if not seen.here:
        return Cell("a process below the program's", seen.ancestors)
    if seen.threads == 1:
        return Cell("one of many in one thread", "the program's process id, one thread id")
    return Cell("one of many in the program's process", "the program's process id")


# ── sharing ───────────────────────────────────────────────────────────────────────────────────────────────────


def sharing_of(kind: str) -> Cell:
    """Whether what a worker does to an object of the program is seen in the program."""
    heard: list[int] = []

    def tell(number: int) -> None:
        heard.append(number)

    async def tell_async(number: int) -> None:
        heard.append(number)

    weft.map(tell_async if kind == "async" else tell, range(3), on=kind).results()
    words = "all objects of the program" if len(heard) == 3 else "nothing: they get copies"
    return Cell(words, f"{len(heard)} of 3 appends to a list are seen")


# ── weight, number ────────────────────────────────────────────────────────────────────────────────────────────


class Crowd:
    """As many workers of a kind at once as CROWD says, and what they took."""

    def __init__(self, kind: str) -> None:
        self._wanted = CROWD[kind]
        with tempfile.TemporaryDirectory() as folder:
            sheet = Path(folder) / "arrived"
            ending = time.monotonic() + STAY

            def stay(_: int) -> int:
                with sheet.open("ab", buffering=0) as file:
                    file.write(b".")
                time.sleep(max(0.0, ending - time.monotonic()))
                return own_memory()

            async def stay_async(_: int) -> int:
                arrived.append(1)
                await asyncio.sleep(max(0.0, ending - time.monotonic()))
                return 0

            arrived: list[int] = []
            sheet.touch()
            before, began = memory(), time.monotonic()
            run = weft.map(
                stay_async if kind == "async" else stay,
                range(self._wanted),
                on=kind,
                max_workers=self._wanted,
                chunksize=1,
                buffersize=2 * self._wanted,
            )
            weights: list[int] = []
            caller = threading.Thread(target=lambda: weights.extend(run))
            caller.start()
            while (there := len(arrived) or sheet.stat().st_size) < self._wanted and time.monotonic() < ending:
                time.sleep(0.002)
            self._there = there
            self.seconds = (time.monotonic() - began) / max(1, there)
            here = memory() - before
            caller.join()
            own = sorted(weights)[len(weights) // 2]
            self._kib = (own if kind == "process" else here / there) / 1024

    def weight(self, lightest: float) -> Cell:
        """What one more costs."""
        words = (
            "very light" if self.seconds < 2 * lightest and self._kib < 32 else "light" if self._kib < 512 else "heavy"
        )
        return Cell(words, f"{self.seconds * 1e6:,.0f} µs until it works, {self._kib:,.0f} KiB")

    def number(self) -> Cell:
        """How many there may be."""
        words = ("some", "tens", "hundreds", "thousands", "tens of thousands")[min(4, len(str(self._there)) - 1)]
        return Cell(words, f"{self._there:,} at once after {self.seconds * self._there:.2f} s")


def memory() -> int:
    """What this process has of memory, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def own_memory() -> int:
    """What it has that it shares with nobody."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


# ── parallelism, tasks ────────────────────────────────────────────────────────────────────────────────────────


def compute(number: int) -> int:
    return sum(n * n for n in range(200_000 + number))


def wait(number: int) -> int:
    time.sleep(0.01)
    return number


async def compute_async(number: int) -> int:
    return compute(number)


async def wait_async(number: int) -> int:
    await asyncio.sleep(0.01)
    return number


def gain(fn: Callable[[int], int], kind: str, items: range, workers: int | None) -> float:
    """How many times as fast as a loop; the workers are there already. Best of three."""
    called: Callable[[int], Any] = {compute: compute_async, wait: wait_async}[fn] if kind == "async" else fn
    weft.map(called, range(2), on=kind, max_workers=workers).results()
    return max(took(fn, "serial", items, None) / took(called, kind, items, workers) for _ in range(3))


def took(fn: Callable[[int], Any], kind: str, items: range, workers: int | None) -> float:
    began = time.perf_counter()
    weft.map(fn, items, on=kind, max_workers=workers).results()
    return time.perf_counter() - began


def parallelism_of(computing: float) -> Cell:
    words = "yes: they compute at the same time" if computing > HELPS else "no: they take turns"
    return Cell(words, f"two compute {computing:.1f} times as fast as a loop")


def tasks_of(computing: float, waiting: float) -> Cell:
    good = [word for word, times in (("wait", waiting), ("compute", computing)) if times > HELPS]
    return Cell(f"that {' or '.join(good)}", f"waiting {waiting:.0f} times a loop, computing {computing:.1f} times")


if __name__ == "__main__":
    main()
