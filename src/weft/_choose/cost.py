"""The cost model: what each kind would do with work like this. Pure; docs/design/auto.md has it as formulas."""

from __future__ import annotations

from math import ceil

from .signals import Offer, Signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    from .._model.measured import Freight
    from .machine import Machine

# More threads than this are never started: bench/choose has what a thousand cost.
MOST_THREADS: Final = 512

# One thread costs so much to start. threading.Thread.start() took 82 µs here, with the caller's waking.
THREAD: Final = 0.0001  # seconds

# A quarter more than Little's law asks for keeps the bottleneck busy though items differ.
SPARE: Final = 1.25

# Below this share nobody can tell from noise that anything is used at all.
LEAST: Final = 1 / 1024

# Work that computes for more of its time than this has no waiting worth a thread; work that holds the GIL for less than
# the other does without processes.
PURE: Final = 0.7
LITTLE: Final = 0.05

# What a library's own threads compute is so much more than it would be in one: they wait for each other, and spin. A
# guess that has processes tried, and judged by what they do.
SHARED: Final = 0.75

# The GIL is handed over between threads that compute at a price.
CONVOY: Final = 0.9


def offers(
    signals: Signals, machine: Machine, *, asked: int | None, starts: float, freight: Freight | None
) -> Iterator[Offer]:
    """What each kind promises.

    Args:
        signals: What the caller's items showed.
        machine: What there is.
        asked: The most workers there may be, if somebody has said so.
        starts: Seconds until processes are there.
        freight: What travel costs; ``None`` while nobody knows, and then it is free.
    """
    yield Offer("serial", 1, 1 / signals.item)
    yield threads(signals, machine, asked)
    yield processes(signals, machine, asked, starts, freight)
    mixed = processes_of_threads(signals, machine, asked, starts, freight)
    if mixed is not None:
        yield mixed


def threads(signals: Signals, machine: Machine, asked: int | None) -> Offer:
    """As many as wait at the same time while the GIL and the processors are busy, and some to spare."""
    ceiling = _together(signals, machine)
    wanted = round(ceiling) if signals.share > 1 / 2 else ceil(SPARE * ceiling)
    workers = _at_most(wanted, signals, asked or MOST_THREADS)
    gain = min(workers, ceiling)
    if machine.gil and signals.held > LEAST and ceiling < workers:
        gain *= CONVOY
    return Offer("thread", workers, max(gain, LEAST) / signals.item, THREAD * min(workers, 8))


def processes(signals: Signals, machine: Machine, asked: int | None, starts: float, freight: Freight | None) -> Offer:
    """One for each processor."""
    workers = _at_most(machine.cpus, signals, asked)
    return Offer("process", workers, _rate(signals, machine, workers, freight), starts)


def processes_of_threads(
    signals: Signals, machine: Machine, asked: int | None, starts: float, freight: Freight | None
) -> Offer | None:
    """One for each processor, and in each so many threads that one of them computes while others wait."""
    if not machine.gil or signals.share > PURE or signals.held > PURE or signals.held < LITTLE:
        return None
    each = ceil(SPARE / signals.gripped)
    workers = _at_most(machine.cpus, signals, asked)
    rate = min(_rate(signals, machine, workers * each, freight), workers / (signals.item * signals.gripped))
    return Offer("process", workers, rate, starts, each)


def _together(signals: Signals, machine: Machine) -> float:
    """How many items can be in hand at once before the GIL or the processors are the limit."""
    held = signals.gripped if machine.gil else 0.0
    return min(1 / max(held, LEAST), machine.cpus / max(signals.share + signals.shared, LEAST))


def _at_most(workers: int, signals: Signals, most: int | None) -> int:
    left = workers if signals.left is None else max(1, signals.left)
    return max(1, min(workers, left, workers if most is None else most))


def _rate(signals: Signals, machine: Machine, at_once: int, freight: Freight | None) -> float:
    """What so many workers that have nothing in common do in a second."""
    there, here = (0.0, 0.0) if freight is None else (freight.there, freight.here)
    computed = signals.item * (signals.share + SHARED * signals.shared) + there + here
    limits = [at_once / (signals.item + there), machine.cpus / max(computed, LEAST * signals.item)]
    if here > 0:
        limits.append(1 / here)
    return min(limits)
