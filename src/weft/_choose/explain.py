"""Why these workers: the decisions of a run in words, and as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .._model.event import Stats
from .._model.noun import dataclass
from .._model.plan import Decision, Plan
from .loop import plain_loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .record import Record


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
        return "\n".join([self.headline, *self._history(), *self._memory(), *self._table(), *self._figures()])

    __repr__ = __str__

    @property
    def headline(self) -> str:
        """The decision in force, in one line."""
        if not self.decisions:
            return "nothing has been run yet"
        plan = self.decisions[-1].plan
        if plan.kind == "auto":
            return "the caller itself: so far there was not enough work for anything else to be worth its start"
        return f"{self._workers(plan.kind, plan.workers, plan.threads)}: {plan.reason}"

    @property
    def line(self) -> str:
        """The workers of the decision in force, for where there is little room."""
        if not self.decisions:
            return ""
        return in_words(self.said, self.decisions[-1].plan)

    @property
    def plain_loop(self) -> float | None:
        """Seconds that a plain loop would take for what was done, if that can be told."""
        if not self.stats.busy:
            return None
        threads = any(made.plan.kind == "thread" or made.plan.threads > 1 for made in self.decisions)
        alone = 0.0 if self.record is None else self.record.alone
        cpus = max((made.plan.cpus or 0 for made in self.decisions), default=0)
        return plain_loop(self.stats, threads=threads, alone=alone, cpus=cpus or None)

    def to_dict(self) -> dict[str, Any]:
        """The same as data that JSON can hold."""
        from dataclasses import asdict

        decisions = [
            {
                "at": round(made.at, 6),
                "kind": made.plan.kind,
                "workers": made.plan.workers,
                "threads": made.plan.threads,
                "reason": made.plan.reason,
            }
            for made in self.decisions
        ]
        return {
            "headline": self.headline,
            "decisions": decisions,
            "kinds": [] if self.record is None else self.record.rows(),
            "remembered": None if self.record is None else self.record.memory(),
            "work": {} if self.record is None else self.record.work(),
            "deciding": None if self.record is None else self.record.price,
            "stats": asdict(self.stats),
            "plain_loop": self.plain_loop,
        }

    def _history(self) -> list[str]:
        if len(self.decisions) < 2:
            return []
        plans = [(made.at, made.plan) for made in self.decisions]
        lines = [
            f"  after {at:.3f} s  {self._workers(plan.kind, plan.workers, plan.threads)}: {plan.reason}"
            for at, plan in plans
        ]
        return ["decided:", *lines]

    def _memory(self) -> list[str]:
        """What earlier runs had learned, and what became of that."""
        known = None if self.record is None else self.record.memory()
        if known is None:
            return []
        runs = "an earlier run" if known["runs"] == 1 else f"{known['runs']:,} earlier runs"
        workers = self._workers(known["kind"], known["workers"], known["threads"])
        return [f"remembered of {runs}, {_ago(known['age'])}: {workers}; {known['checked']}"]

    def _table(self) -> list[str]:
        """What was promised and measured of each kind, and why it was not taken."""
        rows = [] if self.record is None else self.record.rows()
        if not rows:
            return []
        names = [self._workers(row["kind"], row["workers"], row["threads"]) for row in rows]
        width = max(map(len, names))
        lines = [f"  {'items a second':<{width}}  predicted   measured"]
        for name, row in zip(names, rows, strict=True):
            why = f"  {row['why_not']}" if row["why_not"] else ""
            lines.append(f"  {name:<{width}}  {_rate(row['predicted']):>9}  {_rate(row['measured']):>9}{why}")
        return lines

    def _workers(self, kind: str, workers: int, threads: int) -> str:
        return in_words(self.said, Plan(kind, workers, "", threads=threads))

    def _figures(self) -> list[str]:
        stats, loop = self.stats, self.plain_loop
        done = f"{stats.done:,} items in {stats.seconds:.3g} s"
        if stats.failed:
            done += f", {stats.failed:,} failed"
        if loop is not None and stats.seconds > 0:
            done += f"; a plain loop would have taken about {loop:.3g} s ({_ratio(loop / stats.seconds)}×)"
        if self.record is not None and self.record.price:
            done += f"; deciding took {1000 * self.record.price:.2g} ms"
        return [done]


def in_words(said: Mapping[str, str], plan: Plan) -> str:
    """The workers of a plan, as kinds are *said* in words."""
    words = said[plan.kind].format(plan.workers)
    return f"{words}, {plan.threads} threads each" if plan.threads > 1 else words


def _ago(seconds: float) -> str:
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"the last {seconds / size:,.0f} {unit} ago"
    return "the last just now"


def _rate(rate: float | None) -> str:
    """A rate in few digits, or a dash for none."""
    if rate is None:
        return "–"
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"


def _ratio(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
