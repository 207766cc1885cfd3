"""How much more others do than the caller did, though they had other items. Pure."""

from __future__ import annotations

from .._model.noun import dataclass
from .choose import WAITING
from .signals import PARALLEL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from .count import Count
    from .signals import Signals

# Work whose items differ by so much is not compared by how many are done: there may have been other ones.
WIDE: Final = 3.0
CROWDED: Final = 0.2  # of the time that workers compute, or more, had others the processors: what they do is chance
FEEDS: Final = 0.5  # of a processor the caller works to feed them: then it is its fault if they have nothing to do
CLEAR: Final = 0.0001  # seconds of computing, in which clocks can be trusted


class Spread:
    """How much the items of a run differ in what they compute, as far as the caller has met them, or others have.

    Caller and others are not compared: the same may take longer there.
    """

    def __init__(self) -> None:
        self._ranges: dict[str, tuple[float, float]] = {}

    def note(self, items: int, cpu: float, kind: str = "serial") -> None:
        """So many *items* computed so long, all together, on workers of a *kind*."""
        if cpu > CLEAR:
            least, most = self._ranges.get(kind, (float("inf"), 0.0))
            self._ranges[kind] = min(least, cpu / items), max(most, cpu / items)

    @property
    def wide(self) -> bool:
        """Whether they differ much."""
        return any(most > WIDE * least for least, most in self._ranges.values())


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """What was done within a stretch of time.

    Attributes:
        items: How many.
        seconds: How long the stretch was.
        cpu: Seconds that processors worked for it.
        delayed: How much longer it took because strangers had the processors, as a share of its time.
    """

    items: int
    seconds: float
    cpu: float
    delayed: float = 0.0

    @property
    def rate(self) -> float:
        """Items a second."""
        return self.items / self.seconds

    def gain(self, signals: Signals, *, unlike: bool) -> float:
        """How many times as much as the caller did: in items, or in computing if they are *unlike* and that is more.

        For both of them the time counts in which they had processors: that strangers came or went since the caller was
        looked at is nobody's merit and nobody's fault. Threads are not to be judged by computing: they make each other
        compute more for the same.
        """
        undelayed = 1 + self.delayed
        by_items = self.rate * undelayed * signals.item
        if not unlike or signals.share <= WAITING or signals.native > PARALLEL:
            return by_items
        return max(by_items, self.cpu / self.seconds * undelayed / signals.share)


def by_strangers(count: Count, seconds: float, spent: float, crew: tuple[int, int]) -> float:
    """How much longer items took because strangers had the processors, as a share of their time.

    On a crowded machine those who feed the workers wait as well, and workers for what they are to do next; so what
    counts there is what each did while it was at it and had a processor.

    Args:
        count: What came back.
        seconds: Within how long.
        spent: CPU seconds that the caller's process spent beside it, each second.
        crew: How many workers there are, and for how many processors: what they take from each other is their doing.
    """
    workers, cpus = crew
    if count.own <= 0:
        return 0.0
    ours = max(1.0, (workers + spent) / cpus)
    delayed = max(0.0, (1 + count.delay / count.own) / ours - 1)
    if delayed < CROWDED or spent > FEEDS:
        return delayed
    return max(delayed, seconds * workers / (count.own * ours) - 1)
