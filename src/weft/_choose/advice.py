"""What was measured side by side, and what it says: which kind, how many, and why not the others. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .._model.noun import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

# The fewest workers that reach so much of what their kind can do are as many as are worth having.
KNEE: Final = 0.90
# Another kind than the caller itself is worth its trouble if it is so many times as fast.
WORTH: Final = 1.15
# A kind that shares memory is preferred to one that does not if it comes so near to it.
NEAR: Final = 0.90
# More workers of a kind are tried as long as one of the last two steps brought so much more.
GAIN: Final = 1.05

SAID: Final = {"serial": "a plain loop", "thread": "threads", "process": "processes", "async": "coroutines"}
_SHARES_MEMORY: Final = {"serial", "thread", "async"}


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One kind and number of workers, measured.

    Attributes:
        kind: The kind.
        workers: How many.
        items: How many items they went through.
        seconds: In what time, started and warm.
        expected: Items a second that the plain loop's figures would lead one to expect.
        failed: How many of the items failed.
    """

    kind: str
    workers: int
    items: int
    seconds: float
    expected: float
    failed: int = 0

    @property
    def rate(self) -> float:
        """Items a second."""
        return self.items / self.seconds if self.seconds > 0 else float("inf")

    @property
    def said(self) -> str:
        """In words."""
        return SAID[self.kind] if self.kind == "serial" else f"{SAID[self.kind]} ×{self.workers}"


@dataclass(frozen=True, slots=True, eq=False)
class Advice:
    """What :func:`weft.advise` measured; ``str()`` of it is for people.

    Attributes:
        name: The function's name.
        cost: Seconds that an item takes in a plain loop.
        share: How much of that it computes, 0 to 1.
        total: How many items there are; ``None`` where nobody knows.
        trials: What was measured, in that order; the plain loop comes first.
        starts: Seconds until the first workers of a kind were there.
        left_out: Kinds that were not tried, and why.
        gil: Whether threads take turns in Python code.
        changes: What the function changes, if it was seen to change something.
    """

    name: str
    cost: float
    share: float
    total: int | None
    trials: Sequence[Trial]
    starts: Mapping[str, float]
    left_out: Mapping[str, str]
    gil: bool
    changes: str | None = None

    @property
    def plain(self) -> Trial:
        """The plain loop."""
        return self.trials[0]

    @property
    def knees(self) -> dict[str, Trial]:
        """Of each kind the fewest workers that reach nine tenths of what it can do."""
        return knees_of(self.trials)

    @property
    def best(self) -> Trial:
        """What is recommended: nothing that would not have begun when a plain loop is through."""
        knees, plain = self.knees, self.plain
        timely = {kind: trial for kind, trial in knees.items() if trial is plain or self._all_in(trial) < self._plainly}
        return recommended(timely, plain)

    def _all_in(self, trial: Trial) -> float:
        """Seconds for all items, the start of workers included; -1 if nobody knows how many there are."""
        return -1.0 if self.total is None else self.starts.get(trial.kind, 0.0) + self.total / trial.rate

    @property
    def _plainly(self) -> float:
        return 0.0 if self.total is None else self.total / self.plain.rate

    @property
    def call(self) -> str:
        """The same as a call."""
        best = self.best
        count = "" if best.kind == "serial" else f", max_workers={best.workers}"
        return f'weft.map({self.name}, items, on="{best.kind}"{count})'

    def __str__(self) -> str:
        return "\n".join([self.headline, *self._reasons(), "", *self._table(), *self._rest(), "", self.call])

    __repr__ = __str__

    @property
    def headline(self) -> str:
        """The recommendation, in one line."""
        best, plain = self.best, self.plain
        quickest = recommended(self.knees, plain)
        if best is plain and quickest is not plain:
            soon, late = _seconds(self._plainly), _seconds(self._all_in(quickest))
            return f"{best.said}: it has done all {self.total:,} items in {soon}, {quickest.said} in {late}"
        if best is plain:
            rate = f"{_count(plain.rate)} items a second"
            return f"{best.said}: nothing that was tried is {WORTH:g} times as fast as its {rate}"
        return f"{best.said}: {_count(best.rate)} items a second, {_times(best.rate / plain.rate)} times a plain loop"

    def to_dict(self) -> dict[str, Any]:
        """The same as data that JSON can hold."""
        best, knees = self.best, self.knees
        kinds = [
            {
                "kind": trial.kind,
                "workers": trial.workers,
                "predicted": round(trial.expected, 3),
                "measured": round(trial.rate, 3),
                "times": round(trial.rate / self.plain.rate, 3),
                "items": trial.items,
                "failed": trial.failed,
                "knee": trial is knees[trial.kind],
            }
            for trial in self.trials
        ]
        return {
            "function": self.name,
            "items": self.total,
            "seconds_an_item": self.cost,
            "computes": round(self.share, 4),
            "changes": self.changes,
            "kinds": kinds,
            "starts": {kind: round(seconds, 6) for kind, seconds in self.starts.items()},
            "left_out": dict(self.left_out),
            "recommended": {"kind": best.kind, "workers": best.workers, "why": self.headline, "call": self.call},
        }

    def plot(self, path: str) -> None:
        """Write a page with the rates against the number of workers; one file that needs no other."""
        from .advice_page import page

        with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write(page(self))

    def _reasons(self) -> list[str]:
        said = []
        for kind, trial in self.knees.items():
            if trial is self.best or kind == "serial":
                continue
            times = trial.rate / self.plain.rate
            said.append(f"  {SAID[kind]}: {_times(times)} times at most{self._because(kind, times)}")
        if self.changes is not None:
            said.append(f"  {self.changes}: the calls that were made for this have done that too")
        return said

    def _because(self, kind: str, times: float) -> str:
        if times >= WORTH:
            return ""
        computes = f"the function computes {self.share:.0%} of its time"
        if kind == "thread" and self.gil and self.share > 0.5:
            return f": {computes}, and threads take turns"
        if kind == "async" and self.share > 0.5:
            return f": {computes}, and coroutines take turns"
        if kind == "process" and self.cost < 1e-4:
            return f": an item takes {self.cost * 1e6:.2g} µs, less than its way there and back is worth"
        return ""

    def _table(self) -> list[str]:
        rows = [["", "workers", "items/s", "times", "expected", ""]]
        knees = self.knees
        for trial in self.trials:
            mark = (
                "<- here" if trial is self.best else "knee" if trial is knees[trial.kind] and trial.workers > 1 else ""
            )
            mark += f" ({trial.failed} of {trial.items} failed)" if trial.failed else ""
            times = f"{trial.rate / self.plain.rate:.2f}"
            rows.append([trial.kind, str(trial.workers), _count(trial.rate), times, _count(trial.expected), mark])
        widths = [max(len(row[at]) for row in rows) for at in range(5)]
        return [
            "  ".join([row[0].ljust(widths[0]), *(row[at].rjust(widths[at]) for at in range(1, 5)), row[5]]).rstrip()
            for row in rows
        ]

    def _rest(self) -> list[str]:
        said = [f"not tried: {kind}, as {why}" for kind, why in self.left_out.items()]
        if self.total is not None:
            best, plain = self._all_in(self.best), self._plainly
            so = f"about {_seconds(best)} so, {_seconds(plain)} in a plain loop" if self.best is not self.plain else ""
            said.append(f"all {self.total:,} items: {so or f'about {_seconds(plain)}'}")
        return said


def knees_of(trials: Sequence[Trial]) -> dict[str, Trial]:
    """Of each kind the knee."""
    kinds = dict.fromkeys(trial.kind for trial in trials)
    return {kind: knee([trial for trial in trials if trial.kind == kind]) for kind in kinds}


def knee(trials: Sequence[Trial]) -> Trial:
    """The fewest workers that reach nine tenths of the best rate of these."""
    best = max(trial.rate for trial in trials)
    return min((trial for trial in trials if trial.rate >= KNEE * best), key=lambda trial: trial.workers)


def recommended(knees: Mapping[str, Trial], plain: Trial) -> Trial:
    """Which of these to take: the quickest; one that shares memory if it comes near; none if that is no gain."""
    best = max(knees.values(), key=lambda trial: trial.rate)
    if best.kind not in _SHARES_MEMORY:
        near = [each for each in knees.values() if each.kind in _SHARES_MEMORY and each.rate >= NEAR * best.rate]
        best = max(near, key=lambda trial: trial.rate, default=best)
    return best if best.rate >= WORTH * plain.rate else plain


def expected(kind: str, workers: int, cost: float, share: float, cpus: int, *, gil: bool) -> float:
    """Items a second that so many workers would do if nothing stood in their way but processors and the GIL.

    An item takes *cost* seconds alone, and computes for that *share* of them.
    """
    computing = cost * share
    at_once = 1 if kind in {"serial", "async"} or (kind == "thread" and gil) else min(workers, cpus)
    by_waiting = workers / cost if cost > 0 else float("inf")
    by_computing = at_once / computing if computing > 0 else float("inf")
    return min(by_waiting, by_computing)


def ladder(kind: str, cpus: int) -> list[int]:
    """The numbers of workers to try, until more no longer help."""
    match kind:
        case "thread":
            return [2, 4, 8, 16, 32, 64, 128]
        case "async":
            return [5, 20, 50, 100, 200, 500, 1000]
        case "process":
            return sorted({2, max(2, cpus // 2), max(2, cpus), 2 * max(2, cpus), 4 * max(2, cpus)})
    return [1]


def goes_on(trials: Sequence[Trial]) -> bool:
    """Whether more workers of a kind are worth trying, after these in the order of their number."""
    if len(trials) < 3:
        return True
    rates = [trial.rate for trial in trials]
    return max(rates[-2:]) > GAIN * max(rates[:-2])


def _count(rate: float) -> str:
    if rate == float("inf"):
        return "any"
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"


def _times(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _seconds(value: float) -> str:
    for size, unit in ((120, "min"), (1, "s"), (1e-3, "ms")):
        if value >= size:
            figure = value / (60 if unit == "min" else size)
            return f"{figure:,.0f} {unit}" if figure >= 10 else f"{figure:.2g} {unit}"
    return f"{value * 1e6:.2g} µs"
