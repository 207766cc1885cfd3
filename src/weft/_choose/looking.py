"""The caller works, and is measured: the first state, and the one that every doubt leads back to."""

from __future__ import annotations

from .._model.outcome import Returned
from . import past
from .handover import AT_ONCE, HANDOVER
from .mode import BRISK, CALM, Helm
from .probe import FIRST, Probe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from .._model.measured import Glance
    from .signals import Signals

# What is left must take so long in the caller that anything else is thought of.
WORTH: Final = 0.004  # seconds

# Those who were given up finish what they hold, and are in the caller's way meanwhile: so long it waits for that.
CROWDED: Final = 0.1  # seconds

# An item that takes no longer is waited for: it is decided when it is done.
SOON: Final = 0.005  # seconds

# What another thread computes is written down when it stops, or at a tick of the system's clock, of which there may be
# no more than 100 or 250 a second. Until then a library whose threads are at work seems to do nothing.
WRITTEN: Final = 0.012  # seconds

# Where it does something, so long a look tells how much: within 8 ms LAPACK's threads, which spin for all of the time,
# seemed to keep 0.5 to 1.0 processors busy, and processes, which took twice as long, seemed to pay.
PLAINLY: Final = 0.030  # seconds
SOMETHING: Final = 0.15  # processors

# So short an item costs as much to send as to run, wherever it goes, and nobody need ask who holds the GIL.
# bench/tiny.py: a square of a number takes 69 ns in the caller and 115 ns on two processes.
TINY: Final = 0.5e-6  # seconds


class Looking:
    """The caller works, and is measured.

    Args:
        pilot: Who wants to know.
        least: Seconds of work that it takes to tell.
    """

    def __init__(self, pilot: Helm, least: float = FIRST) -> None:
        self._pilot, self._least = pilot, least
        self._probe: Probe | None = None
        self._began = pilot.now()
        self._crowded = False  # whether others of this run have computed meanwhile
        self._price = 0.0  # what deciding had cost when this look began
        self._left = 0.0  # when the decision was left to the caller
        self._until = 0.0  # seconds of work to have seen before it is worth another thought
        self._hastens = self._over = (
            False  # whether whoever looks gets the GIL sooner, and whether nobody does any more
        )

    @property
    def pace(self) -> float:
        """Seconds between two looks: who listens for the GIL says when it is time, and is to be alone in wanting it."""
        return CALM if self._probe is not None and self._probe.listens and not self._left else BRISK

    def take(self, size: int) -> None:
        """The caller gets a chunk of *size* items."""
        if not self._hastens and not self._over:
            self._hastens = True
            HANDOVER.hasten()
        if self._crowded and not self._pilot.crews.leaving and self._probe is not None:
            self._probe.end()  # now it is alone: what was seen until here says nothing
            self._probe, self._crowded = None, False
        self._begin()
        if self._probe is not None:
            self._probe.take(size)
            self._take_few(self._probe, size)

    def ran(self, returned: Returned) -> None:
        """And has run it."""
        if self._probe is not None and returned.values:
            self._probe.note(returned, self._pilot.glance)
            if self._pilot.early.may():
                self._pilot.due = self._pilot.now()  # no better moment to look comes for a while

    def heard(self, returned: Returned) -> None:
        """Those who began early have run a chunk; those who leave don't count."""
        self._pilot.early.heard(returned)

    def end(self) -> None:
        """No more is looked at."""
        self._relax()
        if self._probe is not None:
            self._probe.end()

    def look(self, now: float) -> None:
        """Enough seen?"""
        pilot = self._pilot
        pilot.due = now + BRISK / 2
        self._begin()
        self._crowded = self._crowded or pilot.crews.leaving
        if self._crowded and now < self._began + CROWDED:
            return
        glance = pilot.glance() if self._probe is not None else None
        if glance is None or self._probe is None:
            return
        item, left = self._probe.item(glance), pilot.left
        if item <= 0 or self._probe.looked(glance) < self._until:
            return
        if item < TINY or (left is not None and left * item < WORTH):
            self._until = 2 * self._probe.looked(glance)
            self._relax()
            return
        if self._resumes(self._probe, glance, left, item):
            return
        price = pilot.record.price - self._price
        crowded = self._crowded or pilot.early.works
        signals = self._probe.signals(glance, pilot.done, left, crowded=crowded, own=price)
        if signals is None:
            if pilot.early.may():
                self._begin_early(self._probe, glance, left, price)
            return
        if signals.native > SOMETHING and signals.seconds < PLAINLY:
            return
        if self._leaves_it(signals, glance, now):
            return
        pilot.record.measure("serial", 1, 1 / signals.item)
        HANDOVER.hasten(AT_ONCE)
        try:
            pilot.follow(pilot.verdict(signals), signals)
        finally:
            HANDOVER.leave(AT_ONCE)
            self._relax()
            pilot.record.price += self._probe.end()

    def _take_few(self, probe: Probe, size: int) -> None:
        """Have the caller's chunk end when enough has been seen for others to begin; once that is so, no more."""
        pilot = self._pilot
        glance = pilot.glance() if size > 1 and pilot.done and pilot.early.may() else None
        if glance is not None and (wanted := probe.wanted(glance)) is not None:
            pilot.hurry(wanted)

    def _begin_early(self, probe: Probe, glance: Glance, left: int | None, own: float) -> None:
        """Have processes begin, if it would be they in case that the function holds the GIL."""
        pilot = self._pilot
        guess = probe.guess(glance, pilot.done, left, own=own)
        if guess is None or (guess.seconds < WRITTEN and pilot.house.libraries_run()):
            return
        if glance.in_hand and guess.item < SOON:
            pilot.hurry()  # the caller does it as soon as it is done with its item
            return
        if not glance.in_hand:
            probe.pause()
        pilot.early.ask()
        pilot.begin_early(guess)
        if pilot.early.works:
            probe.hurry()

    def _relax(self) -> None:
        """Nobody wants the GIL so soon any more."""
        hastens, self._hastens, self._over = self._hastens, False, True
        if hastens:
            HANDOVER.leave()

    def _leaves_it(self, signals: Signals, glance: Glance, now: float) -> bool:
        """Whether the caller decides, who will be back in a moment: else one would have to fight it for the GIL."""
        if not glance.in_hand or not self._probe or not self._probe.listens or not 0 < signals.alone < SOON:
            return False
        self._left = self._left or now
        self._pilot.due = now
        self._pilot.hurry()
        return now < self._left + SOON

    def _resumes(self, probe: Probe, glance: Glance, left: int | None, item: float) -> bool:
        """Whether earlier runs are to be gone by: it is the same work, as far as can be seen so soon."""
        pilot = self._pilot
        if probe.looked(glance) < FIRST or (left is not None and left * item < past.WORTH):
            return False
        learned = pilot.past.recall()
        if learned is None or not pilot.past.is_like(learned, *probe.first(glance)):
            return False
        signals = probe.as_learned(glance, learned, pilot.done, left)
        self._relax()
        pilot.record.price += probe.end()
        pilot.resume(learned, signals)
        return True

    def _begin(self) -> None:
        if self._probe is None:
            glance = self._pilot.glance()
            if glance is not None:
                house, self._price = self._pilot.house, self._pilot.record.price
                self._probe = Probe(glance, house.listen, gil=house.machine.gil, least=self._least)
