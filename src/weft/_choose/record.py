"""What is written down while it is decided: for people who ask why."""

from __future__ import annotations

from .signals import Offer, Signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .memory import Learned


class Record:
    """The figures of a run's decisions.

    Attributes:
        signals: What was seen last.
        table: What each kind promised then, and why it was not taken; empty for the one that was.
        measured: Items a second, by kind, workers and threads each: the last that were measured.
        alone: Seconds that an item takes alone, as far as threads that wait have shown; 0 where none did.
        price: Seconds that deciding cost.
        recalled: What earlier runs had learned of the work, if anything.
        checked: What became of that, in words.
    """

    def __init__(self) -> None:
        self.signals: Signals | None = None
        self.table: tuple[tuple[Offer, str], ...] = ()
        self.measured: dict[tuple[str, int, int], float] = {}
        self.alone = 0.0
        self.price = 0.0
        self.recalled: Learned | None = None
        self.checked = ""

    def measure(self, kind: str, workers: int, rate: float, threads: int = 1) -> None:
        """So many workers of a *kind* did *rate* items a second."""
        self.measured.pop((kind, workers, threads), None)
        self.measured[kind, workers, threads] = rate

    def work(self) -> dict[str, Any]:
        """What was seen of the work, in figures."""
        seen = self.signals
        if seen is None:
            return {}
        return {
            "item": seen.item,
            "computes": seen.share,
            "holds_gil": seen.held,
            "native": seen.native,
            "looked": seen.seconds,
        }

    def memory(self) -> dict[str, Any] | None:
        """What was remembered of earlier runs; ``None`` if nothing was."""
        known = self.recalled
        if known is None:
            return None
        return {
            "kind": known.kind,
            "workers": known.workers,
            "threads": known.threads,
            "runs": known.runs,
            "age": known.age,
            "checked": self.checked,
        }

    def rows(self) -> list[dict[str, Any]]:
        """The table: what was promised, what was measured, why not."""
        rows = []
        left = dict(self.measured)
        for offer, why in self.table:
            key = (offer.kind, offer.workers, offer.threads)
            rows.append(_row(key, offer.rate, left.pop(key, None), why))
        rows += [_row(key, None, rate, "") for key, rate in left.items()]
        return rows


def _row(workers: tuple[str, int, int], predicted: float | None, measured: float | None, why: str) -> dict[str, Any]:
    kind, count, threads = workers
    return {
        "kind": kind,
        "workers": count,
        "threads": threads,
        "predicted": predicted,
        "measured": measured,
        "why_not": why,
    }
