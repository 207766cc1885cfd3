"""Decides, and decides again: the state machine of docs/design/auto.md."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter, process_time, thread_time

from .._model.chunk import Chunk
from .._model.noun import replace
from .._model.outcome import Returned
from ..errors import WeftError
from .choose import ALL, WAITING, Rules, Verdict, decide
from .climb import Climb
from .climbing import COROUTINES, MOST_COROUTINES, Climbing, limits
from .early import Early
from .gain import Spread, Work
from .looking import Looking
from .mode import BRISK, CALM, Crews, Mode, Over
from .past import Past
from .probe import AGAIN, BUSILY, FIRST
from .refusals import Refusals, tried
from .sample import Sample
from .signals import CROWDED, Offer, Signals
from .staying import FIRM, REST, Staying
from .trying import HARDLY, Trying

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from .._model.measured import Freight, Glance
    from .._model.plan import Plan
    from .._model.protocols import Watched
    from .house import House
    from .memory import Learned
    from .record import Record

# The caller can look itself where its chunks are no longer than this.
OFTEN: Final = 0.012  # seconds

# Work that computed and now computes less than this share of its time waits; on a busy machine it waits for processors
# as well, so that this is less than WAITING.
WAITS: Final = 0.3

# Windows in which workers did too little, until they are in doubt; twice as many each time that they were right.
PROOFS: Final = 2
MOST_PROOFS: Final = 16

# Threads that seemed to compute, and were found to wait, are not asked for so long, and twice as long the next time.
TRUST: Final = 0.2  # seconds
MOST_TRUST: Final = 10.0


class Pilot:
    """Looks at the work, says who does it, watches whether that was right.

    Args:
        house: What there is to choose from.
        caller: The crew of one that begins.
        total: How many items there are, if the input says so.
        record: Where it is written down.
        awaits: Whether the function is a coroutine function, so that it begins with coroutines.
        clock: The time.
        spent: CPU seconds of this process.

    Attributes:
        house: The same.
        works: Whether the caller takes chunks.
        due: When the next look is, at the latest.
        waits: Work that computed, and elsewhere computes less than this share of its time, is taken to wait.
        proofs: So many bad windows are wanted to doubt those who work elsewhere.
        undisturbed: Until when threads are left alone that seem to compute.
        sparing: Whether workers get no chunk that they don't begin at once: they may have to be given up soon.
        early: Who began before it was known who holds the GIL.
        away: Whether the caller is, busy with results: others are not given up for it then, or nobody would work.
        spread: How much items differ.
    """

    def __init__(
        self,
        house: House,
        caller: Watched,
        total: int | None,
        record: Record,
        *,
        awaits: bool = False,
        clock: Callable[[], float] = perf_counter,
        spent: Callable[[], float] = process_time,
    ) -> None:
        self.house, self._caller, self._total = house, caller, total
        self.record, self._clock, self.spent = record, clock, spent
        self._awaits, self._past = awaits, Past(house, record)
        self._crews: Crews | None = None
        self._done = 0
        self._began = clock()
        self._refusals = Refusals(clock)
        self._stays: str | None = None  # why it can't travel
        self._freight: Freight | None = None
        self._doubted: tuple[Offer, Work] | None = None
        self._suspected: float | None = None
        self.spread, self.away, self.early = Spread(), False, Early(self)
        self.waits, self.proofs, self.sparing = WAITS, PROOFS, False
        self.undisturbed = self._trust = 0.0  # until when, and for how many seconds each time
        self._told: tuple[str, int, int] | None = None
        self._rest = REST
        self._brisk = True  # whether the caller is in chunks for so long that others have to look
        self._sample = Sample()
        self.works, self.due = True, self._began + FIRST
        self._slow = False  # whether nothing is under way
        self._mode: Mode = Looking(self)

    # ── for the crew ──────────────────────────────────────────────────────────────────────────────────────

    def board(self, crews: Crews) -> None:
        """This is the crew."""
        self._crews = crews
        if self._awaits:
            most = (MOST_COROUTINES, MOST_COROUTINES)
            self._start_climb("async", COROUTINES, most, "it is a coroutine function", None)
            self._past.decided(Offer("async", COROUTINES, 0.0), Signals(0.0, 0.0, 0.0))

    def take(self, chunk: Chunk) -> None:
        """The caller gets a chunk."""
        if isinstance(self._mode, Looking):
            self._sample.take(chunk)
        self._mode.take(len(chunk.items))

    def ran(self, returned: Returned) -> None:
        """The caller has run it."""
        if self._done and returned.values and not self.crews.leaving:  # the first warms up what others find warm
            self.spread.note(len(returned.values), returned.cpu or 0.0)
        self._done += len(returned.values)
        self._brisk = returned.seconds > OFTEN
        self._sample.ran(returned)
        self._mode.ran(returned)

    def heard(self, returned: Returned) -> None:
        """Others have run a chunk."""
        self._done += len(returned.values)
        self._mode.heard(returned)

    def look(self, now: float) -> None:
        """Is it time to decide something? Then do."""
        if now < self.due:
            return
        began = thread_time()
        self._mode.look(now)
        self.record.price += thread_time() - began

    @property
    def pace(self) -> float:
        """Seconds between two looks while the caller is busy; 0 where nobody else may look."""
        if not self.house.overlaps:
            return 0.0
        if isinstance(self._mode, Looking):
            return self._mode.pace
        return BRISK if self._brisk and not self._slow else CALM

    def leave(self) -> None:
        """The run is over."""
        self._mode.end()
        self._past.keep(self._done, self._clock() - self._began)
        self._mode, self._crews = Over(), None  # or they and this would keep each other alive
        self._sample.forget()

    # ── for the modes ─────────────────────────────────────────────────────────────────────────────────────

    def hurry(self, after: float = 0.0) -> None:
        """Have the caller's chunk end with the item that is in hand in *after* seconds."""
        self._caller.cut_short(after)

    def begin_early(self, signals: Signals) -> None:
        """Have processes begin, if they would win with these, which are a guess."""
        offer = self.verdict(signals).offer
        if self.early.pays(offer, signals) and self._hire(offer, "it computes, as far as can be seen"):
            self._told = None  # what is known soon is told then
            self.early.begin(offer)

    def calm(self) -> None:
        """Nothing is under way."""
        self._slow = True

    @property
    def left(self) -> int | None:
        """How many items are not done, if the input says so."""
        return None if self._total is None else max(0, self._total - self._done)

    @property
    def done(self) -> int:
        """How many are."""
        return self._done

    @property
    def past(self) -> Past:
        """What is known of the work from earlier runs."""
        return self._past

    @property
    def crews(self) -> Crews:
        """The crew."""
        assert self._crews is not None
        return self._crews

    def now(self) -> float:
        """The time."""
        return self._clock()

    def glance(self) -> Glance | None:
        """How the caller fares."""
        return self._caller.glance()

    def verdict(self, signals: Signals, *, held: bool = False) -> Verdict:
        """What the model says.

        The function is only read if leaving the caller would pay, and what travel costs is only asked if processes
        would win without that. Threads may have been tried, and *held* up by the GIL.
        """
        suspected = self._suspected
        self._conclude(signals)
        found = decide(signals, self.house.machine, self._rules(held=held, read=False))
        if found.offer.kind != "serial":
            found = decide(signals, self.house.machine, self._rules(held=held))
        if found.offer.kind == "process" and self._freight is None and not self._stays:
            self._ask_about_travel()
            found = decide(signals, self.house.machine, self._rules(held=held))
        if suspected is not None and found.offer.kind == "process":
            self.waits = suspected / 2  # whether it waits or not, this is where it belongs
        self.record.signals, self.record.table = signals, found.table
        return found

    def resume(self, learned: Learned, signals: Signals) -> None:
        """Begin where an earlier run ended: what it saw decides, and which kinds did not help then."""
        for kind in learned.lost:
            self._refuse(kind, "tried in an earlier run, it did not help")
        found = self.verdict(signals, held=learned.kind == "process" and learned.share < WAITING)
        runs = "an earlier run" if learned.runs == 1 else f"{learned.runs:,} earlier runs"
        self.follow(replace(found, reason=f"as in {runs}, {found.reason}"), signals, learned)

    def follow(self, found: Verdict, signals: Signals, learned: Learned | None = None) -> None:
        """Do what was decided, beginning with as many as were *learned* to be right."""
        if self.early.works and found.offer.kind == "process" and (why := self.house.witnessed()) is not None:
            self._stays = why  # by what the caller has run since they began
            found = self.verdict(signals)
        offer, there = found.offer, self.early.there
        stay = self.early.end(offer)
        self._mode.end()
        self._past.decided(offer, signals)
        self.sparing = offer.kind == "thread" and signals.share >= WAITING
        if not self.sparing:
            self._sample.forget()
        if offer.kind == "serial":
            if self.crews.others is not None:
                self.crews.change(None)
            self._tell(offer, found.reason)
            self._mode = Staying(self, signals, self._rest * (FIRM if self._stays else 1))
            self._rest *= 2
            self._slow = True
            return
        self._rest = REST
        threads = offer.kind == "thread" and signals.share < WAITING
        again = threads and self._told is not None and self._told[0] == "thread"
        self._trust = min(MOST_TRUST, max(TRUST, 2 * self._trust)) if again else 0.0
        self.undisturbed = self._clock() + self._trust
        if threads:
            start, openly, most = limits(offer, signals, learned)
            climb = self._start_climb("thread", start, (openly, most), found.reason, signals)
            if learned is not None and learned.kind == "thread":
                climb.expect(learned.workers, learned.rate)
            return
        self.works = offer.kind == "process" and not (stay and there)
        if stay:
            self._tell(offer, found.reason)
        elif not self._hire(offer, found.reason):
            self.away = False  # or nobody would work
            self.look_again()
            return
        self._mode = Trying(self, offer, signals, there=stay and there)

    def look_again(self) -> None:
        """The caller takes over, and is looked at; if it is away, not yet."""
        if self.away:
            return
        seen = self.record.signals
        least = BUSILY if seen is not None and seen.delayed > CROWDED else AGAIN
        self._mode.end()
        self.works, self._slow = True, False
        if self.crews.others is not None:
            self.crews.change(None)
        self._freight = None
        self._mode = Looking(self, least)
        self.due = 0.0

    def doubt(self, offer: Offer, work: Work) -> None:
        """What was promised did no more than this: does the caller do as much?"""
        if not self.away:
            self._doubted = (offer, work)
            self.look_again()

    def drop(self, offer: Offer, work: Work, signals: Signals) -> None:
        """What was promised did no more than this, and the caller does more, whatever items there are now."""
        if self.away:
            return
        self._mode.end()
        self._refuse(offer.kind, tried(offer, work, signals))
        self.works = True
        signals = replace(signals, done=self._done, left=self.left)
        self.follow(self.verdict(signals), signals)

    def keep(self) -> None:
        """Those who were on trial stay."""
        self.sparing = False
        self._sample.forget()

    def suspect(self, share: float, doubted: tuple[Offer, Work] | None) -> None:
        """Elsewhere the work computes such a *share* of its time: does it wait by now? Are they worth it besides?"""
        if not self.away:
            self._suspected, self._doubted = share, doubted
            self.look_again()

    def _conclude(self, signals: Signals) -> None:
        """The caller has been looked at again, with others in doubt, or the work."""
        suspected, self._suspected = self._suspected, None
        if suspected is not None and signals.share > WAITING:
            self.waits = suspected / 2  # it does not: it was something else that it waited for there
        doubted, self._doubted = self._doubted, None
        if doubted is None:
            return
        offer, work = doubted
        unlike = self.spread.wide and offer.kind == "process"
        if work.gain(signals, unlike=unlike) > HARDLY:  # they were right, so that it takes more to doubt them again
            self.proofs = min(2 * self.proofs, MOST_PROOFS)
            return
        self._refuse(offer.kind, tried(offer, work, signals))

    def _refuse(self, kind: str, why: str) -> None:
        """A *kind* did not help."""
        self._refusals.add(kind, why)
        self._past.lost(kind)

    def say(self, kind: str, workers: int, reason: str) -> None:
        """It has settled for so many."""
        self._tell(Offer(kind, workers, 0.0), reason)

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    def _start_climb(
        self, kind: str, start: int, limits: tuple[int, int], reason: str, signals: Signals | None
    ) -> Climb:
        """Begin with *start* workers; the *limits* are how many before anything has come back, and how many at all."""
        self.works = False
        openly, most = limits[0], min(limits[1], self.house.asked or limits[1])
        alone = 0.0 if signals is None else signals.alone
        climb = Climb(alone, start=min(start, most), most=most, open=openly, cheap=kind == "async")
        self._change(self._tell(Offer(kind, climb.width, 0.0), reason))
        self._mode = Climbing(self, kind, climb, signals)
        return climb

    def _hire(self, offer: Offer, reason: str) -> bool:
        """Have these begin; whether there are any."""
        try:
            self._change(self._tell(offer, reason))
            self.hurry()  # what the caller has in hand besides is there for all
        except (WeftError, OSError) as error:
            self._refuse(offer.kind, str(error))
            return False
        return True

    def _change(self, plan: Plan) -> None:
        """Have others begin; what that takes is no price of deciding."""
        began = thread_time()
        self.crews.change(self.house.make(plan))
        self.record.price -= thread_time() - began

    def _rules(self, *, held: bool, read: bool = True) -> Rules:
        refused, house = self._refusals.reasons(), self.house
        refused.update(house.refused if read else {})
        if self._stays:
            refused["process"] = self._stays
        kinds = house.kinds if read else house.named
        there, changes = self.early.works, house.changes if read else ""
        starts = house.starts() if "process" in kinds and not there else 0.0
        return Rules(kinds & ALL, house.asked, starts, self._freight, refused, held, changes, there)

    def _ask_about_travel(self) -> None:
        sample = self._sample
        self._stays = self.house.stays(sample.pair())
        if self._stays is None:
            try:
                self._freight = self.house.weigh(sample.items, sample.values)
            except Exception as error:  # noqa: BLE001  whatever refuses to be pickled is a reason to stay
                self._stays = f"its data can't be sent to another process ({error})"

    def _tell(self, offer: Offer, reason: str) -> Plan:
        plan = self.house.plan(offer.kind, offer.workers, reason, offer.threads)
        if self._told != (offer.kind, offer.workers, offer.threads):
            self._told = (offer.kind, offer.workers, offer.threads)
            self.house.tell(plan)
        return plan
