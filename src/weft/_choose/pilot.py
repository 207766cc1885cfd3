"""Decides, and decides again: the state machine of docs/design/auto.md."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter, process_time, thread_time
from typing import Protocol

from .._model.chunk import Chunk
from .._model.outcome import Returned
from .choose import ALL, WAITING, Rules, Verdict, decide
from .climb import OPEN, SETTLED, Climb, Window
from .cost import MOST_THREADS, THREAD
from .probe import FIRST, Probe
from .signals import Offer, Signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from .._model.measured import Freight, Glance
    from .._model.plan import Plan
    from .._model.protocols import Crew, Watched
    from .house import House
    from .record import Record

BRISK: Final = 0.002  # seconds between two looks while nothing is decided
CALM: Final = 0.020  # and when it is, or the caller has shorter chunks and can look itself
BRISK_FOR: Final = 0.012  # seconds

# What is left must take so long in the caller that anything else is thought of.
WORTH: Final = 0.004  # seconds

SAMPLE: Final = 64  # items and results that the price of travel is measured on

# So many coroutines, or threads, to begin with.
FEW: Final = 4
MANY: Final = 64  # where items have come back already, so that it is known how long they take
COROUTINES: Final = 100  # as many connections as aiohttp's clients make of themselves
MOST_COROUTINES: Final = 1024

# A kind that did not help is out of the question for so long, twice as long the next time.
REFUSED: Final = 2.0  # seconds

# How long what was decided is left alone at least, twice as long each time that it was right.
REST: Final = 0.050  # seconds

# A window that a kind is judged by.
TRIAL: Final = 0.012  # seconds for threads, which are there at once
LONG_TRIAL: Final = 0.200  # seconds for processes
LONGEST_TRIAL: Final = 1.0  # seconds, after which few items have to do
ITEMS: Final = 8
HELPS: Final = 1.1  # what threads that compute have to bring
HARMS: Final = 0.95  # what is less than this needs no second window
MUCH: Final = 0.8  # nor does what is less than this, of processes
HARDLY: Final = 1.05  # what processes have to bring

UNLIKE: Final = 3.0  # the cost of an item has changed
MOVED: Final = 0.4  # its share of computing has

# Work that computed and now computes less than this share of its time waits; on a busy machine it waits for processors
# as well, so that this is less than WAITING.
WAITS: Final = 0.3

# Threads that were taken to wait, and compute for so long without an item coming back, are no more to be started.
HOT: Final = 0.050  # seconds

# Of a core: threads that share the GIL are at its end.
FULL: Final = 0.85

WORDS: Final = {"thread": "threads", "process": "processes", "async": "coroutines", "serial": "the caller"}


class Crews(Protocol):
    """The crew whose pilot this is."""

    @property
    def others(self) -> Crew | None:
        """Those who work beside the caller or in its place."""

    @property
    def out(self) -> int:
        """How many chunks they have."""

    @property
    def leaving(self) -> bool:
        """Whether there are workers that have not finished what they held when they were given up."""

    def change(self, crew: Crew | None) -> None:
        """From now on chunks go to *crew*, or to the caller alone."""


class Pilot:
    """Looks at the work, says who does it, watches whether that was right.

    Args:
        house: What there is to choose from.
        caller: The crew of one that begins.
        total: How many items there are, if the input says so.
        record: Where it is written down.
        awaits: Whether the function is a coroutine function, so that it begins with coroutines.
        clock: The time.

    Attributes:
        works: Whether the caller takes chunks.
        due: When the next look is, at the latest.
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
    ) -> None:
        self._house, self._caller, self._total = house, caller, total
        self.record, self._clock = record, clock
        self._awaits = awaits
        self._crews: Crews | None = None
        self._done = 0
        self._began = clock()
        self._refused: dict[str, tuple[str, float, float]] = {}  # kind: why, until when, for how long
        self._stays: str | None = None
        self._freight: Freight | None = None
        self._asked_stays = False
        self._told: tuple[str, int, int] | None = None
        self._rest = REST
        self._brisk = True  # whether the caller is in chunks for so long that others have to look
        self._items: list[Any] = []
        self._values: list[Any] = []
        self.works, self.due = True, self._began + FIRST
        self._slow = False  # whether nothing is under way
        self._mode: Looking | Staying | Climbing | Trying = Looking(self)

    # ── for the crew ──────────────────────────────────────────────────────────────────────────────────────

    def board(self, crews: Crews) -> None:
        """This is the crew."""
        self._crews = crews
        if self._awaits:
            self.works = False
            self._start_climb("async", COROUTINES, MOST_COROUTINES, "it is a coroutine function", None)

    def take(self, chunk: Chunk) -> None:
        """The caller gets a chunk."""
        if isinstance(self._mode, Looking):
            self._items = list(chunk.items[:SAMPLE])
        self._mode.take(len(chunk.items))

    def ran(self, returned: Returned) -> None:
        """The caller has run it."""
        self._done += len(returned.values)
        self._brisk = returned.seconds > BRISK_FOR
        if isinstance(self._mode, Looking):
            self._values = returned.values[:SAMPLE]
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
        if not self._house.overlaps:
            return 0.0
        return BRISK if self._brisk and not self._slow else CALM

    def leave(self) -> None:
        """The run is over."""
        self._mode.end()
        self._items, self._values = [], []

    # ── for the modes ─────────────────────────────────────────────────────────────────────────────────────

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
    def house(self) -> House:
        """What there is to choose from."""
        return self._house

    @property
    def crews(self) -> Crews:
        """The crew."""
        assert self._crews is not None
        return self._crews

    def glance(self) -> Glance | None:
        """How the caller fares."""
        return self._caller.glance()

    def verdict(self, signals: Signals, *, held: bool = False) -> Verdict:
        """What the model says; what travel costs is only asked if processes would win without that.

        Threads may have been tried, and *held* up by the GIL.
        """
        found = decide(signals, self._house.machine, self._rules(held=held))
        if found.offer.kind == "process" and self._freight is None and not self._stays:
            self._ask_about_travel()
            found = decide(signals, self._house.machine, self._rules(held=held))
        self.record.signals, self.record.table = signals, found.table
        return found

    def follow(self, found: Verdict, signals: Signals) -> None:
        """Do what was decided."""
        offer = found.offer
        self._items, self._values = [], []
        if offer.kind == "serial":
            if self.crews.others is not None:
                self.crews.change(None)
            self._tell(offer, found.reason)
            self._mode = Staying(self, signals, self._rest)
            self._rest *= 2
            self._slow = True
            return
        self._rest = REST
        if offer.kind == "thread" and signals.share < WAITING:
            worth = max(1, int((signals.ahead / THREAD) ** 0.5))  # more take longer to start than they save
            start = min(offer.workers, worth, MANY if signals.alone else FEW)
            self._start_climb("thread", start, min(worth, MOST_THREADS), found.reason, signals)
            return
        self.works = offer.kind == "process"
        plan = self._tell(offer, found.reason)
        self._change(plan)
        self._mode = Trying(self, offer, signals)

    def look_again(self) -> None:
        """The caller takes over, and is looked at."""
        self._mode.end()
        self.works, self._slow = True, False
        if self.crews.others is not None:
            self.crews.change(None)
        self._freight = None
        self._mode = Looking(self)
        self.due = 0.0

    def refuse(self, kind: str, why: str) -> None:
        """A *kind* did not help."""
        span = 2 * self._refused[kind][2] if kind in self._refused else REFUSED
        self._refused[kind] = (why, self._clock() + span, span)

    def say(self, kind: str, workers: int, reason: str) -> None:
        """It has settled for so many."""
        self._tell(Offer(kind, workers, 0.0), reason)

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    def _start_climb(self, kind: str, start: int, most: int, reason: str, signals: Signals | None) -> None:
        self.works = False
        most = most if self._house.asked is None else min(most, self._house.asked)
        alone = 0.0 if signals is None else signals.alone
        openly = MOST_COROUTINES if kind == "async" else OPEN
        climb = Climb(alone, start=min(start, most), most=most, open=openly, cheap=kind == "async")
        plan = self._tell(Offer(kind, climb.width, 0.0), reason)
        self._change(plan)
        self._mode = Climbing(self, kind, climb, signals)

    def _change(self, plan: Plan) -> None:
        """Have others begin; what that takes is no price of deciding."""
        began = thread_time()
        self.crews.change(self._house.make(plan))
        self.record.price -= thread_time() - began

    def _rules(self, *, held: bool) -> Rules:
        now = self._clock()
        refused = {kind: why for kind, (why, until, _) in self._refused.items() if now < until}
        if self._stays:
            refused["process"] = self._stays
        starts = self._house.starts() if "process" in self._house.kinds else 0.0
        return Rules(self._house.kinds & ALL, self._house.asked, starts, self._freight, refused, held)

    def _ask_about_travel(self) -> None:
        sample = (self._items[-1] if self._items else None, self._values[-1] if self._values else None)
        self._stays = self._house.stays(sample)
        if self._stays is None:
            try:
                self._freight = self._house.weigh(self._items, self._values)
            except Exception as error:  # noqa: BLE001  whatever refuses to be pickled is a reason to stay
                self._stays = f"its data can't be sent to another process ({error})"

    def _tell(self, offer: Offer, reason: str) -> Plan:
        plan = self._house.plan(offer.kind, offer.workers, reason, offer.threads)
        said = (offer.kind, offer.workers, offer.threads)
        if said != self._told:
            self._told = said
            self._house.tell(plan)
        return plan


class Looking:
    """The caller works, and is measured."""

    def __init__(self, pilot: Pilot) -> None:
        self._pilot = pilot
        self._probe: Probe | None = None
        self._until = 0.0  # seconds of work to have seen before it is worth another thought

    def take(self, size: int) -> None:
        """The caller gets a chunk of *size* items."""
        self._begin()
        if self._probe is not None:
            self._probe.take(size)

    def ran(self, returned: Returned) -> None:
        """And has run it."""
        if self._probe is not None and returned.values:
            self._probe.note(returned)

    def heard(self, returned: Returned) -> None:
        """Those who leave don't count."""

    def end(self) -> None:
        """No more is looked at."""
        if self._probe is not None:
            self._probe.end()

    def look(self, now: float) -> None:
        """Enough seen?"""
        pilot = self._pilot
        pilot.due = now + BRISK / 2
        self._begin()
        glance = pilot.glance() if self._probe is not None else None
        if glance is None or self._probe is None:
            return
        item, left = self._probe.item(glance), pilot.left
        if item <= 0 or self._probe.looked(glance) < self._until:
            return
        if left is not None and left * item < WORTH:
            self._until = 2 * self._probe.looked(glance)
            return
        signals = self._probe.signals(glance, pilot.done, left, crowded=pilot.crews.leaving)
        if signals is None:
            return
        pilot.record.price += self._probe.end()
        pilot.record.measure("serial", 1, 1 / signals.item)
        pilot.follow(pilot.verdict(signals), signals)

    def _begin(self) -> None:
        if self._probe is None:
            glance = self._pilot.glance()
            if glance is not None:
                house = self._pilot.house
                self._probe = Probe(glance, house.delayed, gil=house.machine.gil)


class Staying:
    """The caller was the best choice: is it still?

    Args:
        pilot: Who wants to know.
        signals: What it was decided on.
        rest: Seconds until it is looked at again, changed or not.
    """

    def __init__(self, pilot: Pilot, signals: Signals, rest: float) -> None:
        self._pilot, self._signals = pilot, signals
        self._until = pilot._clock() + max(rest, signals.seconds)  # noqa: SLF001
        self._cost = signals.item
        self._size = 1
        self._mark: Glance | None = None

    def take(self, size: int) -> None:
        """A chunk of *size* items."""
        self._size = size

    def ran(self, returned: Returned) -> None:
        """What an item costs by now."""
        if returned.values:
            self._cost = (self._cost + returned.seconds / len(returned.values)) / 2

    def heard(self, returned: Returned) -> None:
        """Those who leave don't count."""

    def end(self) -> None:
        """Nothing to end."""

    def look(self, now: float) -> None:
        """Has it changed?"""
        self._pilot.due = now + CALM
        if now > self._until or self._changed():
            self._pilot.look_again()

    def _changed(self) -> bool:
        glance, expected = self._pilot.glance(), self._signals.item
        if glance is None:
            return False
        mark, self._mark = self._mark, glance
        if glance.in_hand > CALM and glance.in_hand / self._size > UNLIKE * expected:
            return True
        if self._cost > UNLIKE * expected or self._cost < expected / UNLIKE:
            return True
        if mark is None or glance.seconds - mark.seconds < CALM / 2:
            return False
        share = (glance.cpu - mark.cpu) / (glance.seconds - mark.seconds)
        return abs(min(1.0, share) - self._signals.share) > MOVED


class _Count:
    """What came back since the last window."""

    def __init__(self, now: float) -> None:
        self.began, self.process = now, process_time()
        self.items, self.busy, self.cpu = 0, 0.0, 0.0

    def note(self, returned: Returned) -> None:
        """A chunk, or a part of one."""
        self.items += len(returned.values)
        self.busy += returned.seconds
        self.cpu += returned.cpu or 0.0


class Climbing:
    """Work that waits: how many at once?

    Args:
        pilot: Who wants to know.
        kind: Of worker.
        climb: The number of them.
        signals: What the caller's items showed; ``None`` if none ran there.
    """

    def __init__(self, pilot: Pilot, kind: str, climb: Climb, signals: Signals | None) -> None:
        self._pilot, self._kind, self._climb, self._signals = pilot, kind, climb, signals
        self._count = _Count(pilot._clock())  # noqa: SLF001
        self._asked = 0.0
        self._settled = False
        self._hot = 0  # windows of which nothing came but heat
        pilot.due = self._count.began + climb.pause

    def take(self, size: int) -> None:
        """The caller takes none."""

    def ran(self, returned: Returned) -> None:
        """What the caller had in hand, alone at first."""
        if len(returned.values) == 1:
            self._climb.learn(returned.seconds)

    def heard(self, returned: Returned) -> None:
        """A chunk has come back."""
        self._count.note(returned)

    def end(self) -> None:
        """Nothing to end."""

    def look(self, now: float) -> None:
        """Climb, step back, or leave it at that."""
        pilot, climb, count = self._pilot, self._climb, self._count
        crew = pilot.crews.others
        if crew is None:
            return
        window = self._window(now)
        said = climb.look(window, pilot.left)
        if climb.width != crew.width:
            crew.resize(climb.width)
        pilot.due = now + climb.pause
        if not said:
            return
        self._count = _Count(now)
        if not window.items:
            self._hot = self._hot + 1 if window.cpu > FULL and self._kind == "thread" else 0
            if self._hot * climb.pause > HOT:  # so much for waiting
                pilot.look_again()
            return
        pilot.record.measure(self._kind, climb.width, climb.rate)
        if climb.settled and not self._settled:
            pilot.say(self._kind, climb.width, f"{self._why()}: {climb.why}")
            pilot.calm()
        self._settled = climb.settled
        if self._signals is not None and now > self._asked:
            self._reconsider(now, window, count)

    def _why(self) -> str:
        return "it waits" if self._signals is not None else "it is a coroutine function"

    def _window(self, now: float) -> Window:
        count, house = self._count, self._pilot.house
        seconds = max(now - count.began, 1e-6)
        cpus = 1 if house.machine.gil or self._kind == "async" else house.machine.cpus
        cpu = (process_time() - count.process) / seconds / cpus
        crew = self._pilot.crews.others
        full = crew is not None and self._pilot.crews.out >= crew.width
        return Window(seconds, count.items, count.busy, min(1.0, cpu), full)

    def _reconsider(self, now: float, window: Window, count: _Count) -> None:
        """Does it still wait? And if the threads are at the GIL's end: are they still what it wants?"""
        assert self._signals is not None
        pilot, before = self._pilot, self._signals
        computed = count.cpu / count.items
        alone = max(self._climb.alone, computed)
        if computed > WAITING * alone:
            pilot.look_again()
            return
        if window.cpu < FULL:
            return
        self._asked = now + 5 * SETTLED
        share = computed / alone
        signals = Signals(alone, share, share, 0.0, pilot.done, pilot.left, before.seconds)
        found = pilot.verdict(signals, held=True)
        rate = self._climb.rate
        if found.offer.kind == "process" and found.offer.seconds(signals) * 1.25 < signals.ahead / (rate * alone):
            pilot.follow(found, signals)


class Trying:
    """Work that computes, on other workers: do they help, and do they still?

    Args:
        pilot: Who wants to know.
        offer: What was promised.
        signals: What it was decided on.
    """

    def __init__(self, pilot: Pilot, offer: Offer, signals: Signals) -> None:
        self._pilot, self._offer, self._signals = pilot, offer, signals
        self._began = pilot._clock()  # noqa: SLF001
        self._count: _Count | None = None if offer.kind == "process" else _Count(self._began)
        self._bad = 0
        self._span = LONG_TRIAL if offer.kind == "process" else TRIAL
        pilot.due = self._began + BRISK

    def take(self, size: int) -> None:
        """The caller works until they are there."""

    def ran(self, returned: Returned) -> None:
        """What it has done meanwhile."""

    def heard(self, returned: Returned) -> None:
        """The others have done something."""
        if self._count is None:
            now = self._pilot._clock()  # noqa: SLF001
            self._pilot.house.started(max(0.0, now - self._began - returned.seconds))
            self._pilot.works = False
            self._count = _Count(now)
            return
        self._count.note(returned)

    def end(self) -> None:
        """Nothing to end."""

    def look(self, now: float) -> None:
        """Judge a window, if there is one."""
        pilot, count = self._pilot, self._count
        pilot.due = now + (CALM if count is not None else BRISK)
        crew = pilot.crews.others
        if count is None or crew is None:
            return
        seconds = now - count.began
        few = count.items < max(ITEMS, 2 * crew.width) and seconds < LONGEST_TRIAL
        if seconds < self._span or few or not count.busy:
            return
        self._count = _Count(now)
        if pilot.crews.out < crew.width:  # they had not enough to do
            return
        rate = count.items / seconds
        pilot.record.measure(self._offer.kind, self._offer.workers, rate, self._offer.threads)
        self._judge(rate, seconds, count)

    def _judge(self, rate: float, seconds: float, count: _Count) -> None:
        pilot, kind = self._pilot, self._offer.kind
        base = self._signals.rate
        parallel = count.cpu / seconds
        share = count.cpu / count.busy
        if self._signals.share > WAITING and share < WAITS and self._offer.threads == 1:
            pilot.look_again()  # it computes no more
            return
        if kind == "process":
            bad = count.busy / seconds < HARDLY or (rate < HARDLY * base and parallel < 1.2)
        else:
            bad = rate < HELPS * base and parallel < 1.6
        harms = rate < (HARMS if kind == "thread" else MUCH) * base and parallel < 1.2
        self._bad = self._bad + 1 + harms if bad else 0
        if self._bad >= 2:
            did = f"{rate:,.3g} items a second with {self._offer.workers}, {base:,.3g} in the caller"
            pilot.refuse(kind, f"tried: {did}")
            pilot.look_again()
