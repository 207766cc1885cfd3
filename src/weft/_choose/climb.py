"""How many at once, for work that waits: climbs while it helps, and steps back by Little's law. Pure."""

from __future__ import annotations

from math import ceil

from .._model.noun import dataclass
from .cost import MOST_THREADS, SPARE, THREAD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

# Until something has come back nobody knows whether more help: so many may be out by then, four times as many after
# each STEP in which the processors were idle.
OPEN: Final = 256
STEP: Final = 0.002  # seconds

# How many wait at the same time is a guess where no item has come back yet. Where that many compute less than STILL for
# PATIENT seconds, it was too low.
STILL: Final = 0.1
PATIENT: Final = 0.010  # seconds

BUSY: Final = 0.8  # of what can be computed at once: more workers would only wait for each other
ALONE: Final = 1.1  # and one that does not take even this much longer waits for nobody
SLOWER: Final = 1.4  # an item that takes so much longer than alone waits for others
# Where the processors are the limit, so many times as many as Little's law asks for keep them busy though items come
# in bursts. HTTP of 5 ms, 300 requests on a server that shares the processors: 104, 98 and 107 ms with 32, 64 and 128
# threads, and 115 to 140 where they stepped back to 16 to 30, a quarter more than the law asks for.
ROOM: Final = 3
EARNS: Final = 1.15  # what a doubling has to bring to be kept
KEEPS: Final = 0.93  # what fewer workers have to keep of the rate
CHANGED: Final = 1.7  # an item that takes so much longer than it did is looked into anew

LESS: Final = 0.75  # of what earlier runs did is what it may be now, at least,
MORE: Final = 1.5  # and so many times as much at most, to be taken for the same

# So many workers that together do no more than one would alone: that was no waiting.
PAIR: Final = 2
HELPS: Final = 1.1

ROUNDS: Final = 3  # items of each worker, until a rate is one

SOON: Final = 0.004  # seconds between two looks while it climbs
SETTLED: Final = 0.100  # and when it does not
HOLDS: Final = 10  # windows for which nothing is tried after something was
ENOUGH: Final = 4  # items to go by, at least


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A stretch of time.

    Attributes:
        seconds: How long it was.
        items: How many came back.
        busy: Seconds spent in the function, all workers added up, without what they waited for a processor.
        cpu: Processors kept busy, of those that the work can have; 0 to 1.
        full: Whether there was enough to do for all.
    """

    seconds: float
    items: int
    busy: float
    cpu: float
    full: bool = True


def worth(left: int | None, item: float) -> int:
    """How many threads are worth their start: more take longer to come than they save."""
    return MOST_THREADS if left is None else max(1, int((left * item / THREAD) ** 0.5))


class Climb:
    """A number of workers, and what to do about it.

    Args:
        alone: Seconds that an item takes alone, as far as is known.
        start: How many to begin with.
        most: How many there may be.
        open: How many may be out before anything has come back.
        cheap: Whether they cost next to nothing, so that it does not matter if they are too many for a while.

    Attributes:
        width: How many there should be.
        pause: Seconds until the next look.
        rate: Items a second, in the last window that says something.
        settled: Whether it climbs no more.
        why: What it settled for, in words.
        as_expected: Whether so many do what they were expected to; ``None`` while nobody expects anything, or knows.
    """

    def __init__(self, alone: float, *, start: int, most: int, open: int = OPEN, cheap: bool = False) -> None:
        self._alone, self._most, self._openly, self._cheap = alone, most, open, cheap
        self.width = max(1, min(start, most))
        self.pause = STEP
        self.rate = 0.0
        self.settled = False
        self.why = ""
        self.as_expected: bool | None = None
        self._expected: float | None = None  # items a second that an earlier run had; 0 if it was not sure
        self._open = True
        self._guessed = True  # whether nobody knows how long items take
        self._still = 0.0  # seconds for which so many have waited, and nothing was computed
        self._took = 0.0  # seconds of an item when it settled
        self._before: tuple[int, float] | None = None  # the width and rate that a doubling is measured against
        self._holds = 0  # windows for which nothing is tried
        self._fresh = True  # whether workers were being started in the last window
        self._stepped: tuple[int, float] | None = None  # the width and rate that it has stepped back from

    def expect(self, width: int, rate: float) -> None:
        """An earlier run ended with so many workers and this *rate*; 0 if that was not sure."""
        self._expected = rate
        self._go(max(1, min(width, self._most)))
        self._openly, self._guessed = self.width, False

    def look(self, window: Window, left: int | None) -> bool:
        """Take note of what came of the last stretch; whether it says anything, so that another begins."""
        most = self._most if left is None else max(1, min(self._most, left))
        if self._open and not window.items:
            if window.full and (window.cpu < BUSY or self._cheap) and self.width < min(self._openly, most):
                faster = 4 if window.cpu < BUSY / 2 else 2
                self._go(min(faster * self.width, self._openly, most))
            elif self.width >= min(self._openly, most):
                self.pause = min(1.5 * self.pause, SETTLED / 4)
                self._wait(window)
            return True
        self._open = False
        if window.items < max(ENOUGH, self.width // 4) or (self._before is not None and window.items < self.width):
            return False
        took = window.busy / window.items
        self._alone = min(self._alone, took) if self._alone else took
        rate, self.rate = window.items / window.seconds, window.items / window.seconds
        if self._expected is not None:
            return self._compare(self._expected, rate, took, window, most)
        if self._before is not None:
            self._judge(rate, took, window, most)
        elif self.settled:
            self._watch(rate, took, window, most)
        elif took <= SLOWER * self._alone and window.cpu < BUSY:
            self._more(window, most, rate, took)
        elif self._fresh:
            self._fresh = False  # to start them took time and processors: the next window tells
        elif window.items < self.width // 2:
            return False  # too few for a rate
        else:
            self._settle(rate, took, window)
        return True

    def learn(self, alone: float, leap: int = 0) -> None:
        """An item that ran alone took so long; if it did nothing but wait, there may as well be *leap* workers."""
        self._alone = min(self._alone, alone) if self._alone else alone
        if not leap or self.settled or self._before is not None:
            return
        if leap > self.width:
            self._go(min(leap, self._most))
        self._openly, self._guessed = self.width, False  # it is known how long they take: what comes back will tell

    @property
    def alone(self) -> float:
        """Seconds that an item takes alone, as far as is known."""
        return self._alone

    @property
    def helps(self) -> bool:
        """Whether as many as it has settled for do more than one would."""
        return not self.settled or self.width > PAIR or self.rate * self._alone > HELPS

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    def _compare(self, expected: float, rate: float, took: float, window: Window, most: int) -> bool:
        """Do they do what they did in an earlier run? Then they are as many as it takes."""
        if window.items < ROUNDS * self.width and window.seconds < SETTLED:
            return False  # they began together and come back together: that is no rate yet
        self._expected = None
        self.as_expected = LESS * expected <= rate <= MORE * expected if expected else took <= SLOWER * self._alone
        if not self.as_expected or not expected or not window.full:
            return True
        if took <= ALONE * self._alone and window.cpu < BUSY and self.width < most:
            self._before = (self.width, rate)  # nobody waits for anybody: the others may have become quicker
            self._go(min(2 * self.width, most))
        else:
            self._settle_at(self.width, took, f"{rate:,.0f} items a second, as in earlier runs")
        return True

    def _wait(self, window: Window) -> None:
        """As many as may be out are out, and nothing has come back."""
        self._still = self._still + window.seconds if window.full and window.cpu < STILL else 0.0
        if self._guessed and self._still > PATIENT and self._openly < OPEN:
            self._openly, self._still, self.pause = min(OPEN, 2 * self._openly), 0.0, STEP

    def _more(self, window: Window, most: int, rate: float, took: float) -> None:
        """Items take as long as they do alone: what one more does is all gain."""
        if window.full and self.width < most:
            self._go(min(2 * self.width, most))
        elif self.width >= self._most:
            self._settle_at(self.width, took, "no more are wanted")
        self.pause = SOON

    def _settle(self, rate: float, took: float, window: Window) -> None:
        """Little's law: so many are in hand at this rate, if none waits for another."""
        busy = window.cpu >= BUSY
        needed = max(1, ceil((ROOM if busy else SPARE) * rate * self._alone))
        limit = "the processors are busy" if busy else "more only wait for each other"
        if needed < self.width:
            self._stepped = (self.width, rate)
        self._settle_at(min(needed, self._most), took, f"{rate:,.0f} items a second; {limit}")

    def _settle_at(self, width: int, took: float, why: str) -> None:
        self._took = 0.0 if width < self.width else took
        self.width, self.why, self.settled = width, why, True
        self.pause = SETTLED

    def _watch(self, rate: float, took: float, window: Window, most: int) -> None:
        """It has settled: is that still right?"""
        if not self._took:  # the first window at this width
            stepped, self._stepped = self._stepped, None
            if stepped is not None and rate < KEEPS * stepped[1] and window.full:
                self._before = (self.width, rate)  # were there really more, when there were more of them?
                self._go(min(stepped[0], most))
                self.pause = SOON
                return
            self._took = took
            return
        self._holds -= 1
        if took < self._took:
            self._took = (self._took + took) / 2
        if self._holds <= 0 and took > CHANGED * self._took and window.cpu < BUSY and window.full:
            if self.width >= most:
                self._holds = HOLDS
                self._settle(rate, took, window)
                return
            self._before = (self.width, rate)
            self._go(min(2 * self.width, most))
            self.pause = SOON

    def _judge(self, rate: float, took: float, window: Window, most: int) -> None:
        """A doubling was tried: did it earn its keep?"""
        assert self._before is not None
        width, before = self._before
        if rate >= EARNS * before and window.cpu < BUSY and self.width < most:
            self._before = (self.width, rate)
            self._go(min(2 * self.width, most))
            return
        if rate < EARNS * before:
            self.width = width
        self._before = None
        self._took, self._holds = took, HOLDS
        self.why = f"{max(rate, before):,.0f} items a second; twice as many brought no more"
        self.pause = SETTLED

    def _go(self, width: int) -> None:
        self._fresh = width > self.width
        self.width = width
