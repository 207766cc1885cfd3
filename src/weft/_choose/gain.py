"""How much more others do than the caller did, though they had other items. Pure."""

from __future__ import annotations

from .._model.noun import dataclass
from .choose import WAITING
from .signals import PARALLEL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from .signals import Signals

# Work whose items differ by so much is not compared by how many are done: there may have been other ones.
WIDE: Final = 3.0
CLEAR: Final = 0.0001  # seconds of computing, in which clocks can be trusted


class Spread:
    """How much the items of a run differ in what they compute, as far as the caller has met them."""

    def __init__(self) -> None:
        self._least, self._most = float("inf"), 0.0

    def note(self, items: int, cpu: float) -> None:
        """So many *items* computed so long, all together."""
        if cpu > CLEAR:
            self._least, self._most = min(self._least, cpu / items), max(self._most, cpu / items)

    @property
    def wide(self) -> bool:
        """Whether they differ much."""
        return self._most > WIDE * self._least


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """What was done within a stretch of time.

    Attributes:
        items: How many.
        seconds: How long the stretch was.
        cpu: Seconds that processors worked for it.
    """

    items: int
    seconds: float
    cpu: float

    @property
    def rate(self) -> float:
        """Items a second."""
        return self.items / self.seconds

    def gain(self, signals: Signals, *, unlike: bool) -> float:
        """How many times as much as the caller did: in items, or in computing if they are *unlike* and that is more.

        Threads are not to be judged by computing: they make each other compute more for the same.
        """
        by_items = self.rate / signals.rate
        if not unlike or signals.share <= WAITING or signals.native > PARALLEL:
            return by_items
        return max(by_items, self.cpu / self.seconds * (1 + signals.delayed) / signals.share)
