"""What the figures come to: pure functions of what was measured."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ._why import case_of, why

LONG_ENOUGH: Final = 0.050  # seconds that the best must take for its regret to count
MUCH_SLOWER: Final = 1.10  # times the plain loop
FAR_OFF: Final = 2.0  # times what was predicted


@dataclass
class Measured:
    """One workload, measured.

    Attributes:
        name: Its name.
        nature: What kind of work it is.
        times: Seconds of each round, by candidate: ``"serial"``, ``"thread ×8"``, ``"auto"`` ...
        screened: Seconds of the round in which all candidates were tried.
        serial: Seconds of the plain loop if it was too long to be run in every round.
        chose: What auto went for, in its own words, round by round.
        explained: What ``explain().to_dict()`` gave in the last round.
        stays: Why its function was held back from processes, if it was; that is a false alarm where *pure*.
        pure: Whether an expert would let its function go to other processes.
        runs: What the last run of each candidate of weft's recorded: seconds in the function, and of computing there.
        items: How many there are.
    """

    name: str
    nature: str
    times: dict[str, list[float]]
    screened: dict[str, float] = field(default_factory=dict)
    serial: float | None = None
    chose: list[str] = field(default_factory=list)
    explained: dict[str, Any] = field(default_factory=dict)
    stays: str | None = None
    pure: bool = True
    runs: dict[str, dict[str, float]] = field(default_factory=dict)
    items: int = 0

    def median(self, candidate: str) -> float:
        """Seconds in the middle round."""
        return statistics.median(self.times[candidate])

    @property
    def plain(self) -> float | None:
        """Seconds of the plain loop, as far as it was run."""
        return self.median("serial") if "serial" in self.times else self.serial

    @property
    def best(self) -> str:
        """The fixed candidate with the least median."""
        return min((name for name in self.times if name != "auto"), key=self.median)

    @property
    def regret(self) -> float:
        """How many times as long as the best auto took."""
        return self.median("auto") / self.median(self.best)

    @property
    def counts(self) -> bool:
        """Whether the best takes long enough for the regret to mean something."""
        return self.median(self.best) > LONG_ENOUGH

    @property
    def slower(self) -> float | None:
        """How many times as long as the plain loop auto took, if that was run."""
        return None if self.plain is None else self.median("auto") / self.plain

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        derived = {"best": self.best, "regret": round(self.regret, 4), "counts": self.counts}
        return {**vars(self), **derived}

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Measured:
        """From JSON."""
        return cls(**{name: value for name, value in data.items() if name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class Totals:
    """What a set came to.

    Attributes:
        counted: How many workloads count: their best takes over 50 ms.
        mean: The geometric mean of their regrets.
        worst: The largest of them, and whose it is.
        slower: Those that auto made more than 10 % slower than the plain loop, and how much.
        alarms: Pure functions that were held back, out of how many.
    """

    counted: int
    mean: float
    worst: tuple[str, float]
    slower: dict[str, float]
    alarms: tuple[int, int]


def totals(measured: Sequence[Measured]) -> Totals:
    """What they come to together."""
    counted = [each for each in measured if each.counts]
    regrets = {each.name: each.regret for each in counted}
    worst = max(regrets.items(), key=lambda pair: pair[1], default=("", 1.0))
    slower = {each.name: each.slower for each in counted if each.slower is not None and each.slower > MUCH_SLOWER}
    pure = [each for each in measured if each.pure]
    return Totals(len(counted), geometric(regrets.values()), worst, slower, (sum(map(_held, pure)), len(pure)))


def _held(each: Measured) -> bool:
    return each.stays is not None


def geometric(values: Iterable[float]) -> float:
    """The geometric mean; 1 of none."""
    logarithms = [math.log(value) for value in values]
    return math.exp(statistics.fmean(logarithms)) if logarithms else 1.0


def finalists(screened: Mapping[str, float], most: int = 3, within: float = 1.6) -> list[str]:
    """The candidates worth more rounds: the quickest few, as far as they are near the quickest; and the plain loop."""
    ranked = sorted(screened, key=lambda name: screened[name])
    quickest = screened[ranked[0]]
    chosen = [name for name in ranked[:most] if screened[name] <= within * quickest]
    if "serial" in screened and "serial" not in chosen and screened["serial"] <= 6 * quickest:
        chosen.append("serial")
    return chosen


def neighbours(name: str, tried: Iterable[str]) -> list[str]:
    """Half and twice as many workers as the quickest has, where they were not tried."""
    kind, times, count = name.partition(" ×")
    if not times or not count.isdigit():
        return []
    around = [f"{kind} ×{int(count) // 2}", f"{kind} ×{int(count) * 2}"]
    return [each for each in around if each not in set(tried) and int(each.rpartition("×")[2]) > 1]


def predictions(explained: object) -> dict[str, float]:
    """Items a second that were predicted, by kind and number, wherever in the data they are.

    What is looked for is a record with a kind and a predicted rate; anything else is passed by.
    """
    found: dict[str, float] = {}
    waiting = [explained]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Mapping):
            kind, rate = each.get("kind"), each.get("predicted")
            rate = rate.get("rate") if isinstance(rate, Mapping) else rate
            if isinstance(kind, str) and isinstance(rate, int | float) and not isinstance(rate, bool) and rate > 0:
                found[_name_of(kind, each.get("workers"), each.get("threads"))] = float(rate)
            waiting += each.values()
        elif isinstance(each, list | tuple):
            waiting += each
    return found


def _name_of(kind: str, workers: object, threads: object) -> str:
    """What the candidate is called here; processes of several threads each are none of them."""
    if kind == "serial" or not isinstance(workers, int):
        return kind
    more = f", {threads} threads each" if isinstance(threads, int) and threads > 1 else ""
    return f"{kind} ×{workers}{more}"


def pairs(each: Measured) -> list[tuple[str, float, float]]:
    """Predicted and measured items a second, by candidate, where there are both."""
    measured = {**each.screened, **{name: each.median(name) for name in each.times}}
    found = predictions(each.explained).items()
    return [(name, rate, each.items / measured[name]) for name, rate in found if measured.get(name)]


def reason(each: Measured, name: str, predicted: float, measured: float, cpus: int) -> str:
    """Why so many items a second were *predicted* of a candidate, and so many *measured*."""
    data = {"items": each.items, "plain": each.plain, "runs": each.runs, "explained": each.explained}
    return why(case_of(name, predicted, each.items / measured, data, cpus))


def is_far_off(predicted: float, measured: float) -> bool:
    """Whether a prediction misses by more than twice."""
    return max(predicted, measured) > FAR_OFF * min(predicted, measured)
