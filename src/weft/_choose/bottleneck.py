"""Which stage holds a pipeline up, and by how much: pure arithmetic over what its stages counted."""

from __future__ import annotations

from collections.abc import Sequence

from .._model.event import Stats
from .._model.noun import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from .explain import Explanation

# Below this share of the run's time not even the busiest part can be called its bottleneck.
TELLING: Final = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Load:
    """How much of a run's time one part of a pipeline needs at least.

    Attributes:
        name: The stage's; ``"the source"`` and ``"the caller"`` are the two ends.
        seconds: How long its workers were busy, divided by their number.
        share: That, of the time the run took.
        workers: Who they are, in words; empty for the two ends.
        explanation: Of the stage as a run of its own; ``None`` for the two ends.
    """

    name: str
    seconds: float
    share: float
    workers: str = ""
    explanation: Explanation | None = None


@dataclass(frozen=True, slots=True, eq=False)
class FlowExplanation:
    """How a pipeline ran; ``str()`` of it is for people.

    Attributes:
        loads: Of the source, the stages in order, and the caller.
        stats: The figures of the whole.
    """

    loads: Sequence[Load]
    stats: Stats

    def __str__(self) -> str:
        if not self.stats.seconds:
            return self.headline
        return "\n".join([self.headline, *map(_line, self.loads), self._figures()])

    __repr__ = __str__

    @property
    def bottleneck(self) -> Load | None:
        """The part without which the run would have been shorter; ``None`` if none was busy enough to tell."""
        busiest = max(self.loads, key=lambda load: load.seconds, default=None)
        return None if busiest is None or busiest.share < TELLING else busiest

    @property
    def ahead(self) -> float | None:
        """How many times as busy the bottleneck was as the next; ``None`` if there is no such."""
        most = self.bottleneck
        if most is None:
            return None
        following = max((load.seconds for load in self.loads if load is not most), default=0.0)
        return most.seconds / following if following > 0 else None

    @property
    def headline(self) -> str:
        """The bottleneck, in one line."""
        if not self.stats.seconds:
            return "nothing has been run yet"
        most = self.bottleneck
        if most is None:
            return "no stage is the bottleneck: none was busy for a tenth of the time"
        who = f"{most.name} ({most.workers})" if most.workers else most.name
        text = f"the bottleneck is {who}, busy {most.share:.0%} of the time"
        if self.ahead is not None:
            following = max((load for load in self.loads if load is not most), key=lambda load: load.seconds)
            text += f", {_times(self.ahead)} as much as the next, {following.name}"
        return text

    def to_dict(self) -> dict[str, Any]:
        """The same as data that JSON can hold."""
        from dataclasses import asdict

        most = self.bottleneck
        return {
            "bottleneck": None if most is None else most.name,
            "ahead": self.ahead,
            "loads": [{"name": load.name, "seconds": load.seconds, "share": load.share} for load in self.loads],
            "stages": [
                {"name": load.name, **load.explanation.to_dict()} for load in self.loads if load.explanation is not None
            ],
            "stats": asdict(self.stats),
        }

    def _figures(self) -> str:
        done = f"{self.stats.done:,} items out in {self.stats.seconds:.3g} s"
        return done + (f", {self.stats.failed:,} failed" if self.stats.failed else "")


def _line(load: Load) -> str:
    text = f"  {load.share:4.0%}  {load.name}"
    if load.explanation is not None:
        stats = load.explanation.stats
        text += f": {stats.done:,} done" + (f", {stats.failed:,} failed" if stats.failed else "")
        text += f"; {load.explanation.headline}"
    return text


def _times(ratio: float) -> str:
    return f"{ratio:,.0f} times" if ratio >= 10 else f"{ratio:.1f} times"
