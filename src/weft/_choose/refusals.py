"""Kinds that were tried and did not help: out of the question for a while, and longer each time."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

    from .gain import Work
    from .signals import Offer, Signals

# A kind that did not help is out of the question for so long, twice as long the next time.
REFUSED: Final = 2.0  # seconds


class Refusals:
    """Which kinds those are.

    Args:
        clock: The time.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: dict[str, tuple[str, float, float]] = {}  # kind: why, until when, for how long

    def add(self, kind: str, why: str) -> None:
        """A *kind* did not help."""
        span = 2 * self._known[kind][2] if kind in self._known else REFUSED
        self._known[kind] = (why, self._clock() + span, span)

    def reasons(self) -> dict[str, str]:
        """Why which of them are out of the question now."""
        now = self._clock()
        return {kind: why for kind, (why, until, _) in self._known.items() if now < until}


def tried(offer: Offer, work: Work, signals: Signals) -> str:
    """What was promised did no more than this."""
    return f"tried: {work.rate:,.3g} items a second with {offer.workers}, {signals.rate:,.3g} here"
