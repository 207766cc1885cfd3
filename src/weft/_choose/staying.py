"""The caller was the best choice: it works on, and is looked at now and then."""

from __future__ import annotations

from .._model.noun import replace
from .._model.outcome import Returned
from .mode import CALM, Helm
from .signals import Signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from .._model.measured import Glance

# How long what was decided is left alone at least, twice as long each time that it was right.
REST: Final = 0.050  # seconds
FIRM: Final = 8  # times as long what can't go to another process

DEARER: Final = 1.25  # times what it was when it was thought of last

UNLIKE: Final = 3.0  # the cost of an item has changed
MOVED: Final = 0.4  # its share of computing has


class Staying:
    """The caller was the best choice: is it still?

    Args:
        pilot: Who wants to know.
        signals: What it was decided on.
        rest: Seconds until it is looked at again, changed or not.
    """

    def __init__(self, pilot: Helm, signals: Signals, rest: float) -> None:
        self._pilot, self._signals = pilot, signals
        self._until = pilot.now() + max(rest, signals.seconds)
        self._cost = signals.item
        self._size = 1
        self._mark: Glance | None = None
        self._moved = 0  # looks in a row at which the share of computing was another
        self._items, self._start = 0, pilot.glance()  # that the caller has run since, and its accounts at that moment
        self._collected = pilot.house.collected()
        self._dear = signals.item  # seconds on the whole from which on it is thought of again

    def take(self, size: int) -> None:
        """A chunk of *size* items."""
        self._size = size

    def ran(self, returned: Returned) -> None:
        """What an item costs by now."""
        if returned.values:
            self._items += len(returned.values)
            self._cost = (self._cost + returned.seconds / len(returned.values)) / 2

    def heard(self, returned: Returned) -> None:
        """Those who leave don't count."""

    def end(self) -> None:
        """Nothing to end."""

    def look(self, now: float) -> None:
        """Has it changed?"""
        self._pilot.due = now + CALM
        if not self._leaves() and (now > self._until or self._changed()):
            self._pilot.look_again()

    def _leaves(self) -> bool:
        """Whether others are better, as the garbage collector goes through all objects now and then.

        It will do so again, and no look at a few items shows how often: 600 lists of 600 dictionaries took 0.16 ms each
        in between, and 0.8 with it. What others send is read without (docs/design/microseconds.md).
        """
        pilot, signals, glance, start = self._pilot, self._signals, self._pilot.glance(), self._start
        if glance is None or start is None:
            return False
        mean = (glance.seconds - start.seconds) / max(1, self._items + (self._size if glance.in_hand else 0))
        if mean <= self._dear or pilot.house.collected() == self._collected:
            return False
        self._dear = DEARER * mean
        signals = replace(signals, item=mean, done=pilot.done, left=pilot.left)
        found = pilot.verdict(signals)
        if found.offer.kind == "serial":
            return False
        pilot.follow(found, signals)
        return True

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
        moved = abs(min(1.0, share) - self._signals.share) > MOVED
        self._moved = self._moved + 1 if moved else 0
        return self._moved >= 2
