"""Which kind of worker: what was said, or a plain rule over what the first items did.

The rule of this version, until kinds are measured against each other:

1. coroutine functions run as coroutines;
2. with a ``timeout``, processes if the function can go there, else threads: the caller could not stop itself;
3. anything else starts in the caller. A run that ends within PROBE stays a plain loop;
4. then, work that mostly waits goes to threads, and work that computes goes to processes, if what is left is
   worth their start, more than one processor is free, and the function can be sent and changes nothing here.
"""

from __future__ import annotations

from .._model.noun import dataclass
from .._model.options import Options
from .._model.plan import Plan
from .machine import Machine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Final, TypeAlias

    Stays: TypeAlias = Callable[[], str | None]  # why the work must stay here, if it must; asked when needed

# How long the first items run in the caller before anything is decided. bench/startup.py: two process workers
# take 55 ms to start, so that a run which this would have finished is never worth them.
PROBE: Final = 0.010  # seconds

# Work that keeps the processor busy for less than this share of its time waits more than it computes.
WAITING: Final = 0.5

# The first items of work that computes may wait too, for files that are not in memory yet or for modules that
# are being imported: it takes longer to be sure that work waits.
WAITING_SURE: Final = 0.050  # seconds

# What is left must be worth this much time in the caller before others are started. bench/startup.py: two processes
# broke even at 0.10 to 0.15 s and gained 1.2× at 0.2 s; threads gained 1.4× on 2 ms of waiting, but not in every run.
WORTH_PROCESSES: Final = 0.2  # seconds
WORTH_THREADS: Final = 0.005  # seconds


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """What the items that ran in the caller showed.

    Attributes:
        items: How many there were.
        seconds: How long they took.
        cpu: How long the processor worked for them.
        left: How many are left, if the input says so.
    """

    items: int
    seconds: float
    cpu: float
    left: int | None

    @property
    def share(self) -> float:
        """How much of its time the function computes, 0 to 1."""
        return min(1.0, self.cpu / self.seconds) if self.seconds > 0 else 1.0

    @property
    def ahead(self) -> float:
        """Seconds that what is left would take in the caller; endless where nobody knows how much that is."""
        return float("inf") if self.left is None else self.left * self.seconds / self.items


def plan_for(options: Options, *, awaits: bool, workers: Mapping[str, int], stays: Stays) -> Plan:
    """The plan to begin with; its kind is ``"auto"`` if the first items are to be looked at.

    Args:
        options: What was asked.
        awaits: Whether the function is a coroutine function.
        workers: How many workers each kind has by default.
        stays: Why the function can't go to another process, if it can't.
    """
    asked = options.max_workers
    if not isinstance(options.on, str):
        width = asked or getattr(options.on, "_max_workers", None) or workers["futures"]
        return Plan("futures", width, f"{type(options.on).__name__} was given", options.on)
    kind, reason = options.on, "asked for"
    if kind == "auto":
        if awaits:
            kind, reason = "async", "it is a coroutine function"
        elif options.needs_processes:
            why = stays()
            kind = "thread" if why else "process"
            reason = f"it needs workers, and {why}" if why else "only a process can be ended at its limit"
        else:
            return Plan("auto", asked or 0, "the first items, to see what they are like")
    if kind == "process":
        return processes(reason, asked, workers)
    return Plan(kind, 1 if kind == "serial" else asked or workers[kind], reason)


def processes(reason: str, asked: int | None, workers: Mapping[str, int]) -> Plan:
    """A plan for processes: as many as *asked*, or one for each processor that this process may use."""
    cpus = workers["process"]
    return Plan("process", asked or cpus, reason, cpus=cpus, shares=asked is None)


def decide(probe: Probe, machine: Machine, asked: int | None, workers: Mapping[str, int], stays: Stays) -> Plan | None:
    """Where the rest of a run goes after the first items; ``None`` to go on in the caller and ask again later."""
    busy = f"{probe.share:.0%} of its time"
    if asked == 1:
        return Plan("serial", 1, "one worker was asked for")
    if probe.share < WAITING:
        if probe.ahead < WORTH_THREADS or probe.seconds < WAITING_SURE:
            return None
        return Plan("thread", asked or workers["thread"], f"it mostly waits: it computes {busy}")
    if machine.cpus == 1:
        return Plan("serial", 1, "it computes, and there is one processor")
    if probe.ahead < WORTH_PROCESSES:
        return None
    if not machine.gil:
        return Plan("thread", asked or machine.cpus, f"it computes {busy}, and no GIL is in the way")
    why = stays()
    if why:
        return Plan("serial", 1, f"it computes {busy}, where threads take turns, and {why}")
    return processes(f"it computes {busy}, and changes nothing here", asked, workers)
