"""Why these workers: the decisions of a run in words, and as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .._model.event import Stats
from .._model.noun import dataclass
from .._model.plan import Decision

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from .record import Record

# Threads that compute wait for each other's GIL, so what they spend inside the function says nothing about a
# plain loop; below this share of computing it does.
TELLING: Final = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """What was decided in a run and why; ``str()`` of it is for people.

    Attributes:
        decisions: In the order they were made.
        stats: The run's figures.
        said: How each kind is put into words, ``{}`` standing for the number of workers.
    """

    decisions: Sequence[Decision]
    stats: Stats
    said: Mapping[str, str]
    record: Record | None = None

    def __str__(self) -> str:
        return "\n".join([self.headline, *self._history(), *self._figures()])

    __repr__ = __str__

    @property
    def headline(self) -> str:
        """The decision in force, in one line."""
        if not self.decisions:
            return "nothing has been run yet"
        plan = self.decisions[-1].plan
        if plan.kind == "auto":
            return "the caller itself: so far there was not enough work for anything else to be worth its start"
        workers = self.said[plan.kind].format(plan.workers)
        return f"{workers}: {plan.reason}"

    @property
    def plain_loop(self) -> float | None:
        """Seconds that a plain loop would take for what was done, if that can be told."""
        stats = self.stats
        threads = any(decision.plan.kind == "thread" for decision in self.decisions)
        if not stats.busy or (threads and stats.cpu > TELLING * stats.busy):
            return None
        return stats.busy

    def to_dict(self) -> dict[str, Any]:
        """The same as data that JSON can hold."""
        from dataclasses import asdict

        decisions = [
            {"at": round(made.at, 6), "kind": made.plan.kind, "workers": made.plan.workers, "reason": made.plan.reason}
            for made in self.decisions
        ]
        return {"decisions": decisions, "stats": asdict(self.stats), "plain_loop": self.plain_loop}

    def _history(self) -> list[str]:
        if len(self.decisions) < 2:
            return []
        lines = [f"  after {made.at:.3f} s  {made.plan.kind}: {made.plan.reason}" for made in self.decisions]
        return ["decided:", *lines]

    def _figures(self) -> list[str]:
        stats, loop = self.stats, self.plain_loop
        done = f"{stats.done:,} items in {stats.seconds:.3g} s"
        if stats.failed:
            done += f", {stats.failed:,} failed"
        if loop is not None and stats.seconds > 0:
            done += f"; a plain loop would have taken about {loop:.3g} s ({_ratio(loop / stats.seconds)}×)"
        return [done]


def _ratio(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
