"""Why a rate was not what was predicted, told by what the runs recorded: pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

UNLIKE: Final = 1.5  # so many times as long is not the same any more
BUSY: Final = 0.8  # of the processors that a run can have
IDLE: Final = 0.5  # workers that do nothing for longer than this
SHORT: Final = 0.060  # seconds: of such a run its start and end are much
PARALLEL: Final = 0.3  # more processors that a library keeps busy
TINY: Final = 0.0005  # seconds: an item so short is soon dearer to hand over than to run
FEW: Final = 4  # items for a worker, with which the last to end are waited for


@dataclass(frozen=True)
class Case:
    """A prediction, and the run that it was about.

    Attributes:
        kind: Of worker.
        workers: How many.
        items: How many items there were.
        predicted: Items a second.
        seconds: How long the run took.
        busy: Seconds in the function, all workers added up; 0 if nobody counted.
        cpu: How long of that it computed.
        item: Seconds of an item by which it was predicted; 0 if not known.
        plain: Seconds of an item in the plain loop, on the average; 0 if that was not run.
        native: Processors that other threads kept busy beside the caller.
        held: The share of its time in which the function holds the GIL.
        computes: The share of its time in which it computes, alone.
        cpus: How many processors there are.
    """

    kind: str
    workers: int
    items: int
    predicted: float
    seconds: float
    busy: float = 0.0
    cpu: float = 0.0
    item: float = 0.0
    plain: float = 0.0
    native: float = 0.0
    held: float = 0.0
    computes: float = 0.0
    cpus: int = 2

    @property
    def measured(self) -> float:
        """Items a second."""
        return self.items / self.seconds

    @property
    def off(self) -> float:
        """How many times as much was predicted as was measured."""
        return self.predicted / self.measured

    @property
    def there(self) -> float:
        """Seconds of an item on these workers."""
        return self.busy / self.items

    @property
    def alone(self) -> float:
        """Seconds of an item alone, as well as is known."""
        return self.plain or self.item

    @property
    def used(self) -> float:
        """How much of their time the workers were in the function."""
        return self.busy / self.seconds / self.workers


def case_of(name: str, predicted: float, seconds: float, data: Mapping[str, Any], cpus: int) -> Case:
    """The case of a candidate, from the *data* of its workload: its items, plain loop, runs, and what was explained."""
    kind, _, rest = name.partition(" ×")
    count, _, threads = rest.partition(", ")
    workers = (int(count) if count else 1) * (int(threads.split()[0]) if threads else 1)
    run = data["runs"].get(name, {})
    work = data["explained"].get("work") or {}
    items, plain = data["items"], data["plain"]
    return Case(
        kind,
        workers,
        items,
        predicted,
        seconds,
        busy=run.get("busy", 0.0),
        cpu=run.get("cpu", 0.0),
        item=work.get("item", 0.0),
        plain=plain / items if plain else 0.0,
        native=work.get("native", 0.0),
        held=work.get("holds_gil", 0.0),
        computes=work.get("computes", 0.0),
        cpus=cpus,
    )


def why(case: Case) -> str:
    """Why so much more, or less, was predicted than was measured, in a sentence without its full stop."""
    return "; ".join(_reasons(case)) or _what_is_known(case)


def _reasons(case: Case) -> Iterator[str]:
    left = case.off
    if case.item and case.plain and _explains(case.plain / case.item, left):
        yield (
            f"the items that it was predicted by took {_time(case.item)}, and on the average one takes "
            f"{_time(case.plain)}"
        )
        left /= case.plain / case.item
    if 1 / UNLIKE < left < UNLIKE:
        return
    if left > 1:
        yield from _slower(case)
    elif case.busy and case.alone > UNLIKE * case.there:
        yield (
            f"an item takes {_time(case.there)} on these workers and {_time(case.alone)} in the caller: what it needs "
            "is warm there, or the caller was disturbed"
        )


def _explains(ratio: float, off: float) -> bool:
    """Whether items that take *ratio* times as long are a part of why it is *off*."""
    return (ratio > UNLIKE and off > 1) or (ratio < 1 / UNLIKE and off < 1)


def _slower(case: Case) -> Iterator[str]:
    """Why the workers did less than was hoped for."""
    if case.busy and case.there > UNLIKE * case.alone > 0:
        yield _in_the_function(case, case.there / case.alone)
    if case.busy and case.used < IDLE:
        yield _outside(case)


def _in_the_function(case: Case, times: float) -> str:
    said = f"an item takes {times:.1f} × as long as alone"
    computing = case.cpu / case.seconds
    if case.native > PARALLEL:
        return f"{said}: a library's own threads keep {1 + case.native:.1f} processors busy already"
    if computing > BUSY * case.cpus:
        return f"{said}: all {case.cpus} processors are busy"
    if case.kind == "process" and case.computes > BUSY and case.cpu < BUSY * case.busy:
        return f"{said} and computes {case.cpu / case.busy:.0%} of it, as other programs had the processors"
    if case.kind == "thread" and computing > BUSY / 2 and case.held > 0:
        return f"{said}: the threads take turns at the GIL, and compute {computing:.2f} processors' worth together"
    return (
        f"{said} and computes {case.cpu / case.busy:.0%} of it: its items wait for each other at something that is no "
        "processor (a lock, a disk, a server that lets few in)"
    )


def _outside(case: Case) -> str:
    idle = f"the workers have nothing to do for {1 - case.used:.0%} of the time"
    if case.seconds < SHORT:
        return f"{idle}: the whole run takes {_time(case.seconds)}, of which its start and its end are most"
    if case.items < FEW * case.workers:
        return f"{idle}: with {case.items:,} items for {case.workers} workers the last ones are waited for"
    if case.alone < TINY:
        return f"{idle}: an item takes {_time(case.alone)}, which is soon less than to hand it over"
    if case.kind == "process":
        return (
            f"{idle}: items and results take longer on their way than was measured on a few, or the caller reads them"
        )
    return f"{idle}: they wait to be given something, by a caller that is busy itself"


def _what_is_known(case: Case) -> str:
    """Figures, where they give no reason."""
    if not case.busy:
        return "nobody counted what these workers did"
    return (
        f"nothing that was recorded says so: an item takes {_time(case.there)} there and {_time(case.alone)} alone, "
        f"the workers are in the function {case.used:.0%} of the time"
    )


def _time(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"
