"""What a run on "auto" is in the middle of, and what it is told: the states of docs/design/auto.md."""

from __future__ import annotations

from typing import Protocol

from .._model.measured import Glance
from .._model.outcome import Returned
from .._model.protocols import Crew
from .choose import Verdict
from .early import Early
from .gain import Spread, Work
from .house import House
from .past import Past
from .record import Record
from .signals import Offer, Signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from .memory import Learned

BRISK: Final = 0.002  # seconds between two looks while something is under way
CALM: Final = 0.020  # and when nothing is


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


class Helm(Protocol):
    """What a state may ask of the pilot, and tell it.

    Attributes:
        works: Whether the caller takes chunks.
        due: When the next look is, at the latest.
        waits: Work that computed, and elsewhere computes less than this share of its time, is taken to wait.
        proofs: So many bad windows are wanted to doubt those who work elsewhere.
        undisturbed: Until when threads are left alone that seem to compute.
        sparing: Whether workers get no chunk that they don't begin at once: they may have to be given up soon.
    """

    works: bool
    due: float
    waits: float
    proofs: int
    undisturbed: float
    sparing: bool

    @property
    def house(self) -> House:
        """What there is to choose from."""

    @property
    def crews(self) -> Crews:
        """The crew."""

    @property
    def record(self) -> Record:
        """Where it is written down."""

    @property
    def past(self) -> Past:
        """What is known of the work from earlier runs."""

    @property
    def spread(self) -> Spread:
        """How much items differ."""

    @property
    def early(self) -> Early:
        """Who began before it was known who holds the GIL."""

    @property
    def left(self) -> int | None:
        """How many items are not done, if the input says so."""

    @property
    def done(self) -> int:
        """How many are."""

    def now(self) -> float:
        """The time."""

    def spent(self) -> float:
        """CPU seconds of this process."""

    def glance(self) -> Glance | None:
        """How the caller fares."""

    def hurry(self, after: float = 0.0) -> None:
        """Have the caller's chunk end with the item that is in hand in *after* seconds."""

    def begin_early(self, signals: Signals) -> None:
        """Have processes begin, if they would win with these, which are a guess."""

    def calm(self) -> None:
        """Nothing is under way."""

    def verdict(self, signals: Signals, *, held: bool = False) -> Verdict:
        """What the model says; threads may have been tried, and *held* up by the GIL."""

    def follow(self, found: Verdict, signals: Signals) -> None:
        """Do what was decided."""

    def resume(self, learned: Learned, signals: Signals) -> None:
        """Begin where an earlier run ended."""

    def look_again(self) -> None:
        """The caller takes over, and is looked at."""

    def suspect(self, share: float, doubted: tuple[Offer, Work] | None) -> None:
        """Elsewhere the work computes such a *share* of its time: does it wait by now? Are they worth it besides?"""

    def doubt(self, offer: Offer, work: Work) -> None:
        """What was promised did no more than this: does the caller do as much?"""

    def drop(self, offer: Offer, work: Work, signals: Signals) -> None:
        """What was promised did no more than this, and the caller does more, whatever items there are now."""

    def keep(self) -> None:
        """Those who were on trial stay."""

    def say(self, kind: str, workers: int, reason: str) -> None:
        """It has settled for so many."""


class Mode(Protocol):
    """A state."""

    def take(self, size: int) -> None:
        """The caller gets a chunk of *size* items."""

    def ran(self, returned: Returned) -> None:
        """The caller has run a chunk."""

    def heard(self, returned: Returned) -> None:
        """Others have run one."""

    def look(self, now: float) -> None:
        """It is time to look."""

    def end(self) -> None:
        """Another state begins, or the run is over."""


class Over:
    """The run is over."""

    def take(self, size: int) -> None:
        """Too late."""

    def ran(self, returned: Returned) -> None:
        """Too late."""

    def heard(self, returned: Returned) -> None:
        """Too late."""

    def look(self, now: float) -> None:
        """There is nothing to see."""

    def end(self) -> None:
        """It has ended."""
