"""Which kind of worker: what was said, or what the model promises for work like that which was seen."""

from __future__ import annotations

from .._model.noun import dataclass, replace
from .._model.options import Options
from .._model.plan import Plan
from .cost import offers
from .machine import Machine
from .signals import PARALLEL, Offer, Signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Final, TypeAlias

    from .._model.measured import Freight

    Stays: TypeAlias = Callable[[], str | None]  # why the work must stay here, if it must; asked when needed

# Another kind than the caller's must end the run sooner by this much: a switch has its price.
GAIN: Final = 1.1
DEARER: Final = 1.2  # what processes have to promise: most of what is not foreseen is against them
LITTLE: Final = 0.003  # seconds

# Work that keeps the processor busy for less than this share of its time waits more than it computes.
WAITING: Final = 0.5

# Threads that compute are tried where the GIL is held for less than this share of the time.
FREE: Final = 0.3

# Items that compute for less than this can't let go of the GIL for long. os.stat() of 3 µs, 20,000 times: 61 ms in the
# caller, 83 to 111 on two threads.
SHORT: Final = 50e-6  # seconds

ALL: Final = frozenset({"serial", "thread", "process"})


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """What a decision has to keep to.

    Attributes:
        kinds: Those that may be chosen.
        asked: The most workers there may be, if somebody has said so.
        starts: Seconds until processes are there.
        freight: What travel costs, once it is known.
        refused: Kinds that are out of the question, and why.
        changes: What the function changes here, where threads would do it in another order; empty if nothing.
        there: Whether processes work already, so that threads have to promise more than they do.
        held: Whether threads were tried, and the GIL was what held them up.
    """

    kinds: frozenset[str] = ALL
    asked: int | None = None
    starts: float = 0.0
    freight: Freight | None = None
    refused: Mapping[str, str] | None = None
    held: bool = False
    changes: str = ""
    there: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What was decided on.

    Attributes:
        offer: The kind that wins.
        reason: Why, as the end of a sentence that starts with the kind.
        table: What was promised by each, and why it was not taken; the winner's reason is empty.
    """

    offer: Offer
    reason: str
    table: tuple[tuple[Offer, str], ...]


def plan_for(options: Options, *, awaits: bool, workers: Mapping[str, int], stays: Stays) -> Plan:
    """The plan to begin with; its kind is ``"auto"`` if the first items are to be looked at.

    Args:
        options: What was asked.
        awaits: Whether the function is a coroutine function.
        workers: How many workers each kind has by default.
        stays: Why the function can't go to another process, if it can't.
    """
    asked = options.max_workers
    kinds = options.kinds
    if not isinstance(options.on, str | tuple | list):
        own: Callable[[int | None], Plan] | None = getattr(options.on, "_plan_for_map", None)
        if own is not None:
            return own(asked)
        width = asked or getattr(options.on, "_max_workers", None) or workers["futures"]
        return Plan("futures", width, f"{type(options.on).__name__} was given", options.on)
    if len(kinds) > 1:
        return _begin(options, kinds, awaits=awaits, workers=workers, stays=stays)
    plan = plan_of(next(iter(kinds)), "asked for", asked, workers)
    return plan if plan.kind != "ray" else replace(plan, needs=options.needs, cpus=workers["process"])


def plan_of(kind: str, reason: str, asked: int | None, workers: Mapping[str, int], threads: int = 1) -> Plan:
    """A plan for so many of a *kind*, or as many as there are by default."""
    if kind == "process":
        cpus = workers["process"]
        return Plan("process", asked or cpus, reason, cpus=cpus, shares=asked is None, threads=threads)
    if kind == "interpreter":
        return Plan(kind, asked or workers[kind], reason, cpus=workers[kind], shares=asked is None)
    return Plan(kind, 1 if kind == "serial" else asked or workers[kind], reason)


def _begin(options: Options, kinds: frozenset[str], *, awaits: bool, workers: Mapping[str, int], stays: Stays) -> Plan:
    asked = options.max_workers
    if awaits and "async" in kinds:
        if asked is not None or options.needs_processes:
            return plan_of("async", "it is a coroutine function", asked, workers)
        return Plan("auto", 0, "it is a coroutine function: how many at once is found by trying")
    if options.needs_processes:
        why = "processes are not among the kinds asked for" if "process" not in kinds else stays()
        if why is None:
            return plan_of("process", "only a process can be ended at its limit", asked, workers)
        kind = "thread" if "thread" in kinds else "serial"
        return plan_of(kind, f"it needs workers, and {why}", asked, workers)
    return Plan("auto", asked or 0, "the first items, to see what they are like")


def decide(signals: Signals, machine: Machine, rules: Rules) -> Verdict:
    """Where the rest of a run goes."""
    promised = list(offers(signals, machine, asked=rules.asked, starts=rules.starts, freight=rules.freight))
    judged = [(offer, _objection(offer, signals, machine, rules)) for offer in promised]
    allowed = [offer for offer, objection in judged if not objection]
    serial = promised[0]
    best = min(allowed, key=lambda offer: _burden(offer, machine, rules) * offer.seconds(signals), default=serial)
    if "serial" in rules.kinds and _little(best, serial, signals):
        best = serial
    table = tuple((offer, "" if offer is best else why or _slower(offer, best, signals)) for offer, why in judged)
    return Verdict(best, _reason(best, signals, table), table)


def _burden(offer: Offer, machine: Machine, rules: Rules) -> float:
    """How many times as dear as it says: threads are there at once and nothing has to travel to them.

    Without a GIL they compute as processes do as well. Where processes are there already, it is the threads that are
    new, and may be in each other's way.
    """
    if rules.there:
        return GAIN if offer.kind == "thread" else 1.0
    if offer.kind != "process":
        return 1.0
    return GAIN if machine.gil else DEARER


def _little(best: Offer, serial: Offer, signals: Signals) -> bool:
    """Whether it is not worth leaving the caller."""
    alone, others = serial.seconds(signals), best.seconds(signals)
    return others * (DEARER if best.kind == "process" else GAIN) > alone or alone - others < LITTLE


def _objection(offer: Offer, signals: Signals, machine: Machine, rules: Rules) -> str:
    """Why the *offer* can't be taken, whatever it promises; empty if it can."""
    refused = rules.refused or {}
    if offer.threads > 1 and "thread" in refused and "thread" not in rules.kinds:
        return refused["thread"]
    if offer.kind in refused:
        return refused[offer.kind]
    if offer.kind not in rules.kinds:
        return "it is not among the kinds asked for"
    if offer.kind == "serial":
        return ""
    if rules.asked == 1:
        return "one worker was asked for"
    computes = signals.share >= WAITING
    if computes and rules.changes and (offer.kind == "thread" or offer.threads > 1):
        return f"{rules.changes}, which threads would do in another order"
    if computes and signals.native > PARALLEL and offer.kind == "thread":
        return f"a library keeps {signals.native:.1f} more processors busy by itself"
    if computes and machine.cpus == 1:
        return "it computes, and there is one processor"
    waits = not computes and not (machine.gil and signals.crowded)  # threads would have one turn, processes several
    if offer.kind == "process" and waits and "thread" in rules.kinds and not rules.held:
        return "it waits, and threads are there at once"
    if offer.kind == "thread" and computes and machine.gil and signals.item < SHORT:
        return "its items are so short that threads would only hand the GIL to each other"
    if offer.kind == "thread" and computes and machine.gil and signals.held > FREE:
        return f"it computes and holds the GIL {signals.held:.0%} of the time, so that threads take turns"
    return ""


def _slower(offer: Offer, best: Offer, signals: Signals) -> str:
    ours, theirs = offer.seconds(signals), best.seconds(signals)
    if ours <= theirs:
        return "the gain would not be worth it"
    return f"the rest would take {_time(ours)} instead of {_time(theirs)}"


def _reason(best: Offer, signals: Signals, table: tuple[tuple[Offer, str], ...]) -> str:
    seen = f"an item takes {_time(signals.item)} and computes {signals.share:.0%} of it"
    why = {offer.kind: reason for offer, reason in reversed(table) if reason}
    if best.kind == "thread":
        free = f", holding the GIL {signals.held:.0%} of the time" if signals.share >= WAITING else ""
        return f"{seen}{free}"
    if best.kind == "process":
        threads = f"; threads would not help: {why['thread']}" if "thread" in why else ""
        beside = f", in {best.threads} threads each, as it waits too" if best.threads > 1 else ""
        return f"{seen}{beside}{threads}"
    others = "; ".join(f"{name}: {why[kind]}" for kind, name in _OTHERS if kind in why)
    return f"{seen}; {others}" if others else seen


_OTHERS: Final = (("thread", "threads"), ("process", "processes"))


def _time(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"
