"""Watches the caller's items while they run: seconds, computing, the GIL, other threads."""

from __future__ import annotations

from time import perf_counter

from .choose import FREE, WAITING
from .samples import FEW, Samples
from .signals import PARALLEL, Signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

    from .._model.measured import Glance
    from .._model.outcome import Returned
    from .house import Pulse
    from .memory import Learned

# So short a look says nothing: a run that is over by then never heard of any of this.
FIRST: Final = 0.002  # seconds

# One that is not the first of its run may be: others have just been given up, and finish what they hold.
AGAIN: Final = 0.010  # seconds

# And where others have had the processors for much of its time: work that computes may seem to wait.
BUSILY: Final = 0.050  # seconds

# An item that takes so much longer than those before it is taken for what is to come.
UNLIKE: Final = 3.0

# An item that is not done takes longer than it has, by as much again on the average of all that one can meet.
UNDONE: Final = 1.5

# On a busy machine a thread may have the GIL and no processor, and the caller that waits for it seems idle. Where
# nearly every beat was late and the caller mostly computes, it does so all the time. Where the caller had to wait for a
# processor half as long as it worked, less than that tells as much, and more beats are wanted.
SURELY: Final = 0.8
BUSY: Final = 0.5
KNOWN: Final = 3  # beats

# Who lets go of the GIL goes to threads whether that is waiting or computing: where so many beats were in time, nobody
# looks on to tell which. fsync of a file, 0.45 ms each, a half of it: it was looked at for 90 to 160 ms.
FREELY: Final = 6  # beats

# Where others have the processors for more than such a share of its time, or it was ready when somebody looked, its
# clocks are not to be trusted if they say that it waits; where nobody looked in the middle of an item, they have to do
# after so many seconds.
CROWDED: Final = 0.1
UNSEEN: Final = 0.050  # seconds

LEAST: Final = 1e-6  # seconds: what clocks can tell

# Who begins before it is known who holds the GIL has seen so many items at least, and that they changed nothing.
SEEN: Final = 2

# Work that computes less than this waits, whoever holds the GIL meanwhile: threads will show.
IDLE: Final = 0.2

# What runs for this long without an answer from the heartbeat is judged without it.
PATIENCE: Final = 0.150  # seconds


class Probe:
    """One look at the caller's work.

    Args:
        glance: The accounts as it begins.
        listen: Begins to find out who holds the GIL while the function is run.
        gil: Whether threads take turns.
        least: Seconds of work that a look takes.
    """

    def __init__(
        self, glance: Glance, listen: Callable[[Callable[[], bool]], Pulse], *, gil: bool, least: float = FIRST
    ) -> None:
        self._start = glance
        self._listen, self._gil, self._least = listen, gil, least
        self._heart: Pulse | None = None
        self._working, self._stopped, self._paused = glance.in_hand > 0, 0.0, False
        self._first: tuple[int, float] | None = None
        self._items = 0
        self._size = 1  # items in the chunk in hand
        self._samples = Samples()

    def take(self, size: int) -> None:
        """The caller has a chunk of *size* items."""
        self._size, self._working = size, True

    def pause(self) -> None:
        """The caller has done something else: the beat that was meanwhile says nothing about the function."""
        self._paused = True

    def hurry(self) -> None:
        """Whoever has begun meanwhile does not depend on who holds the GIL."""
        if self._heart is not None:
            self._heart.hurry()

    def note(self, returned: Returned, glance: Callable[[], Glance | None]) -> None:
        """It has given it back; how the caller fares is only asked the first time."""
        count = len(returned.values)
        if self._first is None:
            seen = glance()
            self._first = (count, returned.seconds if seen is None else self.looked(seen))
        self._items += count
        self._working, self._stopped = False, perf_counter()

    @property
    def listens(self) -> bool:
        """Whether somebody finds out who holds the GIL, and says so when it is known."""
        return self._heart is not None

    def end(self) -> float:
        """No more is looked at; what it cost in CPU seconds."""
        if self._heart is None:
            return 0.0
        self._heart.end()
        return self._heart.cpu

    def item(self, glance: Glance) -> float:
        """Seconds that an item takes, as far as is known."""
        known = self._known(glance)
        if not known:
            return UNDONE * glance.in_hand / self._size
        if glance.in_hand > max(FIRST / 2, UNLIKE * known * self._size):
            return glance.in_hand / self._size
        return known

    def looked(self, glance: Glance) -> float:
        """Seconds of work that were seen."""
        return glance.seconds - self._start.seconds

    def signals(
        self, glance: Glance, done: int, left: int | None, *, crowded: bool, own: float = 0.0
    ) -> Signals | None:
        """What has been seen; ``None`` if that is not enough yet.

        Where it is *crowded*, other threads of the run compute too, and no library is suspected of that; nor of the
        *own* CPU seconds that the look itself has taken.
        """
        seconds = self.looked(glance)
        if glance.in_hand > 0:
            self._samples.note(ready=glance.ready)
        if seconds < self._least:
            return None
        share = min(1.0, max(0.0, (glance.cpu - self._start.cpu) / seconds))
        free = self._heart is not None and self._heart.beats >= FREELY and self._heart.held < FREE
        if share < WAITING and glance.ready and seconds < PATIENCE and not free:  # it waits for a processor
            return None
        delayed = max(0.0, glance.delay - self._start.delay) / seconds
        doubtful = delayed > CROWDED or self._samples.ready > 0
        if doubtful and self._samples.looks >= FEW and self._is_clear(delayed, seconds):
            share = max(share, self._samples.share(delayed))
        others = glance.others - self._start.others
        idle = share < IDLE
        if self._heart is None and self._gil and not idle:
            self._heart = self._listen(self._works)
        heart = self._heart
        if heart is not None and not idle and not heart.sure(waits=share < WAITING) and seconds < PATIENCE:
            return None
        busy = delayed > BUSY
        if heart is not None and not idle and busy and heart.beats < KNOWN and seconds < PATIENCE:
            return None
        spent = own + (heart.cpu if heart is not None else 0.0)
        native = 0.0 if crowded or share < WAITING else max(0.0, (others - spent) / seconds)
        late = 0.0 if heart is None else heart.held
        if late > (WAITING if busy else SURELY) and share > (IDLE if busy else WAITING):
            share = max(share, late)
        if share < WAITING and doubtful and not free and not self._is_clear(delayed, seconds):
            return None
        # What computes so little that nobody asked is taken for Python.
        held = late * share if heart is not None else share if self._gil else 0.0
        return Signals(self.item(glance), share, held, native, done, left, seconds, self._known(glance), delayed)

    def wanted(self, glance: Glance) -> float | None:
        """Seconds of work until there is a guess, one item more at least; ``None`` if there may be one."""
        missing = self._least - self.looked(glance)
        return max(0.0, missing) if missing > 0 or self._items < SEEN else None

    def guess(self, glance: Glance, done: int, left: int | None, *, own: float) -> Signals | None:
        """What it comes to if the function holds the GIL; ``None`` if it does not plainly compute, on one processor."""
        seconds = self.looked(glance)
        if self._items < SEEN or seconds < self._least:
            return None
        share = min(1.0, (glance.cpu - self._start.cpu) / seconds)
        spent = own + (self._heart.cpu if self._heart is not None else 0.0)
        if share < SURELY or (glance.others - self._start.others - spent) / seconds > PARALLEL:
            return None
        delayed = max(0.0, glance.delay - self._start.delay) / seconds
        return Signals(self.item(glance), share, share, 0.0, done, left, seconds, self._known(glance), delayed)

    def first(self, glance: Glance) -> tuple[float, float, float]:
        """Seconds of an item that is done, of one that is in hand, and the share that was computed, so far."""
        seconds = max(LEAST, self.looked(glance))
        share = min(1.0, max(0.0, (glance.cpu - self._start.cpu) / seconds))
        return self._known(glance), glance.in_hand / self._size, share

    def as_learned(self, glance: Glance, learned: Learned, done: int, left: int | None) -> Signals:
        """What earlier runs saw, for what is still to do now."""
        known = self._known(glance)
        if left is None:  # there will be as many as there were
            done = max(done, learned.items - done)
        seen = learned.share, learned.held, learned.native
        return Signals(known or learned.cost, *seen, done, left, self.looked(glance), known)

    def _is_clear(self, delayed: float, seconds: float) -> bool:
        """Whether it has been looked at often enough, or for too long."""
        samples = self._samples
        return samples.clear(delayed) or seconds > (PATIENCE if samples.looks else UNSEEN)

    def _works(self) -> bool:
        """Whether the caller is in the function, or hardly out of it, and was so since this was asked last."""
        paused, self._paused = self._paused, False
        if paused:
            return False
        return self._working or perf_counter() - self._stopped < FIRST

    def _known(self, glance: Glance) -> float:
        """Seconds of an item that is done; 0 while none is."""
        if not self._items:
            return 0.0
        assert self._first is not None
        count, first = self._first
        seconds = max(LEAST, self.looked(glance) - glance.in_hand)
        if self._items - count > count:  # the first has warmed up what the others found warm
            return max(LEAST, seconds - first) / (self._items - count)
        return seconds / self._items
