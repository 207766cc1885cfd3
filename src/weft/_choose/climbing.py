"""Work that waits is with many workers at once: how many should it be?"""

from __future__ import annotations

from .._model.outcome import Returned
from .choose import WAITING
from .climb import ENOUGH, OPEN, SETTLED, Climb, Window, worth
from .cost import LEAST, MOST_THREADS, THREAD
from .count import Count
from .gain import Work, by_strangers
from .handover import HANDOVER
from .mode import Helm
from .probe import IDLE
from .signals import Offer, Signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from .memory import Learned

FEW: Final = 4  # threads to begin with, where no item has come back
COROUTINES: Final = 100  # as many connections as aiohttp's clients make of themselves
MOST_COROUTINES: Final = 1024
AT_A_VENTURE: Final = 8  # times as many as the model wants may be out before anything has come back
MANY: Final = 128  # workers to begin with where an item has come back, so that it is known how long they take
OVER: Final = 4  # times as many as would compute all the time, then: some compute more, and wait for each other

# Threads that were taken to wait, and compute for so long without an item coming back, are no more to be started.
HOT: Final = 0.050  # seconds

# Of a core: threads that share the GIL are at its end.
FULL: Final = 0.85
BETTER: Final = 1.25  # what others have to promise, beside what threads at that end do
SAVES: Final = 0.06  # seconds, at least: their first chunks are not what their later ones are


def limits(offer: Offer, signals: Signals, learned: Learned | None) -> tuple[int, int, int]:
    """How many threads to begin with, how many before anything has come back, and how many at all."""
    wanted = worth(signals.left, signals.item)
    most = min(wanted, MOST_THREADS) if signals.alone else MOST_THREADS
    if learned is not None and learned.kind == "thread":
        start = min(learned.workers, wanted)
        return start, start, most
    return min(offer.workers, wanted, MANY if signals.alone else FEW), min(OPEN, AT_A_VENTURE * offer.workers), most


class Climbing:
    """Work that waits: how many at once?

    Args:
        pilot: Who wants to know.
        kind: Of worker.
        climb: The number of them.
        signals: What the caller's items showed; ``None`` if none ran there.
    """

    def __init__(self, pilot: Helm, kind: str, climb: Climb, signals: Signals | None) -> None:
        self._pilot, self._kind, self._climb, self._signals = pilot, kind, climb, signals
        self._count = Count(pilot.now(), pilot.spent())
        self._asked = 0.0
        self._settled = False
        self._grown = climb.width  # workers that are being started, which computes too
        self._hot = 0  # windows of which nothing came but heat
        self._vain = 0  # windows in which one worker would have done as much
        self._hastens = kind == "thread"  # whoever starts threads waits for the GIL with each of them
        if self._hastens:
            HANDOVER.hasten()
        pilot.due = self._count.began + climb.pause

    def take(self, size: int) -> None:
        """The caller takes none."""

    def ran(self, returned: Returned) -> None:
        """What the caller had in hand, alone at first."""
        if len(returned.values) == 1:
            seconds, cpu, leap = returned.seconds, returned.cpu, 0
            if cpu is not None and cpu < IDLE * seconds:
                leap = min(MANY, worth(self._pilot.left, seconds), int(OVER * seconds / max(cpu, LEAST * seconds)))
            self._climb.learn(seconds, leap)

    def heard(self, returned: Returned) -> None:
        """A chunk has come back."""
        self._count.note(returned)

    def end(self) -> None:
        """Nobody wants the GIL so soon any more."""
        hastens, self._hastens = self._hastens, False
        if hastens:
            HANDOVER.leave()

    def look(self, now: float) -> None:
        """Climb, step back, or leave it at that."""
        pilot, climb, count = self._pilot, self._climb, self._count
        crew = pilot.crews.others
        if crew is None:
            return
        if self._signals is None:
            self._recall()
        if pilot.crews.out > 2 * crew.width + ENOUGH:  # what was sent when there were more is still on its way
            self._count = Count(now, pilot.spent())
            pilot.due = now + climb.pause
            return
        window = self._window(now)
        said = climb.look(window, pilot.left)
        if climb.width != crew.width:
            self._grown = max(0, climb.width - crew.width)
            crew.resize(climb.width)
        elif said:
            self._grown = 0
        pilot.due = now + climb.pause
        if not said:
            if window.seconds > HOT and not window.items and window.cpu > FULL and self._kind == "thread":
                pilot.look_again()
            return
        self._count = Count(now, pilot.spent())
        if not window.items:
            self._hot = self._hot + 1 if window.cpu > FULL and self._kind == "thread" else 0
            if self._hot * climb.pause > HOT:  # so much for waiting
                pilot.look_again()
            return
        self.end()
        pilot.record.measure(self._kind, climb.width, climb.rate)
        if climb.as_expected is not None:
            pilot.past.tell(same=climb.as_expected)
        if window.full:
            pilot.past.measured(self._kind, climb.width, climb.rate if climb.settled else 0.0)
        if climb.settled and not self._settled:
            pilot.say(self._kind, climb.width, f"{self._why()}: {climb.why}")
            pilot.calm()
        self._settled = climb.settled
        if self._signals is not None:
            self._vain = 0 if climb.helps or not window.full else self._vain + 1
            if self._vain >= pilot.proofs:
                work = Work(count.items, window.seconds, count.cpu, by_strangers(count, window.seconds, 0.0, (1, 1)))
                pilot.doubt(Offer(self._kind, climb.width, 0.0), work)
                return
            pilot.record.alone = climb.alone
            pilot.past.learn(climb.alone, min(1.0, count.cpu / max(1e-9, count.items * climb.alone)))
            if now > self._asked:
                self._reconsider(now, window, count)

    def _recall(self) -> None:
        """Coroutines begin at once; by now it pays to look what is known of them."""
        past, climb = self._pilot.past, self._climb
        learned = past.recall()
        if learned is not None and learned.kind == self._kind:
            past.follow()
            climb.expect(learned.workers, learned.rate)

    def _why(self) -> str:
        return "it waits" if self._signals is not None else "it is a coroutine function"

    def _window(self, now: float) -> Window:
        count, house = self._count, self._pilot.house
        seconds = max(now - count.began, 1e-6)
        cpus = 1 if house.machine.gil or self._kind == "async" else house.machine.cpus
        started = THREAD * self._grown if self._kind == "thread" else 0.0
        cpu = max(0.0, self._pilot.spent() - count.spent - started) / seconds / cpus
        crew = self._pilot.crews.others
        full = crew is not None and self._pilot.crews.out >= crew.width
        return Window(seconds, count.items, count.own, min(1.0, cpu), full)

    def _reconsider(self, now: float, window: Window, count: Count) -> None:
        """Does it still wait? And if the threads are at the GIL's end: are they still what it wants?"""
        assert self._signals is not None
        pilot, before = self._pilot, self._signals
        computed = count.cpu / count.items
        alone = max(self._climb.alone, computed)
        if computed > WAITING * alone and now > pilot.undisturbed:
            pilot.look_again()
            return
        if window.cpu < FULL:
            return
        self._asked = now + 5 * SETTLED
        share = computed / alone
        out, rate = pilot.crews.out, self._climb.rate
        left = None if pilot.left is None else max(1, pilot.left - out)
        signals = Signals(alone, share, share, 0.0, pilot.done, left, before.seconds)
        found = pilot.verdict(signals, held=True)
        held = out / rate  # seconds: what the threads have in hand they keep
        stays, goes = held + signals.ahead / (rate * alone), max(held, found.offer.seconds(signals))
        if found.offer.kind == "process" and max(BETTER * goes, goes + SAVES) < stays:
            pilot.follow(found, signals)
