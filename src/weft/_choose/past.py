"""What earlier runs learned of this work, and what this run learns of it: a prior, checked before it is believed."""

from __future__ import annotations

import os
import sys

from .._model.noun import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

    from .house import House
    from .memory import Learned
    from .record import Record
    from .signals import Offer, Signals

# Work must take so long in the caller, all in all, that it pays to look, and to remember it: what is known saves 10 to
# 20 ms of looking.
WORTH: Final = 0.010  # seconds

# An item that takes so many times as long, or as short, as it did is other work, and so is one whose share of computing
# is so far from what it was.
UNLIKE: Final = 3.0
MOVED: Final = 0.4

# Every so many runs the work is measured as if nothing were known: what got better is not noticed otherwise.
ANEW: Final = 8
STALE: Final = 30 * 86_400.0  # seconds

# On a busy machine a kind may not help that does at another time: so many runs have to say so.
SURE: Final = 2

VARIABLE: Final = "WEFT_CACHE"  # a folder to keep it in, or a word that turns it off
OFF: Final = {"off", "0", "no", "false", "none"}

_PLURALS: Final = {"thread": "threads", "process": "processes"}

FOLLOWED: Final = "followed; the run was over before its results could tell"
CONFIRMED: Final = "followed, and confirmed by the first results"
DENIED: Final = "followed at first, and not confirmed: decided anew"


def is_off() -> bool:
    """Whether nothing is to be remembered, so that what it would be kept in need not be loaded."""
    return os.environ.get(VARIABLE, "").lower() in OFF


class Past:
    """What is known of the work from earlier runs; and what is to be remembered of this one.

    Args:
        house: Where it is kept.
        record: Where it is written down what was remembered, and what became of that.
    """

    def __init__(self, house: House, record: Record) -> None:
        self._house, self._record = house, record
        self._asked = False
        self._offer: Offer | None = None
        self._signals: Signals | None = None  # of the work as it began
        self._count: tuple[int, float] | None = None  # workers at the end, and their rate
        self._lost: set[str] = set()
        self._over = False  # whether it has become other work since

    # ── what was ──────────────────────────────────────────────────────────────────────────────────────────

    def recall(self) -> Learned | None:
        """What earlier runs learned, if that is to be gone by; it is looked for once in a run."""
        if self._asked:
            return None
        self._asked = True
        learned = self._record.recalled = self._house.recall()
        if learned is None:
            return None
        if learned.runs % ANEW == 0 or learned.age > STALE:
            self._record.checked = "measured anew all the same, as is done now and then"
        elif learned.lost and learned.runs < SURE:
            self._record.checked = f"measured anew: one run alone does not tell that {_kinds(learned.lost)} don't help"
        else:
            return learned
        return None

    def is_like(self, learned: Learned, known: float, in_hand: float, share: float) -> bool:
        """Whether this is the work that it was.

        Args:
            learned: What it was.
            known: Seconds of an item that is done; 0 while none is.
            in_hand: Seconds that the caller has been in an item that is not.
            share: How much of that time it computed.
        """
        cost, seen = learned.cost, known or in_hand
        if seen > UNLIKE * cost or 0 < known * UNLIKE < cost:
            why = f"an item took {1000 * cost:.3g} ms then, and {1000 * seen:.3g} ms now"
        elif known and abs(share - learned.share) > MOVED:
            why = f"an item computed {learned.share:.0%} of its time then, and {share:.0%} now"
        else:
            self.follow()
            return True
        self._record.checked = f"not followed: {why}"
        return False

    def follow(self) -> None:
        """What was learned is gone by."""
        self._record.checked = FOLLOWED

    def tell(self, *, same: bool) -> None:
        """The first results are what was remembered, or they are not."""
        if self._record.checked == FOLLOWED:
            self._record.checked = CONFIRMED if same else DENIED

    # ── what is ───────────────────────────────────────────────────────────────────────────────────────────

    def decided(self, offer: Offer, signals: Signals) -> None:
        """It was decided on *offer*, by what was seen."""
        if self._over:
            return
        before = self._signals
        guess = before is not None and ((signals.alone and not before.alone) or self._record.checked == FOLLOWED)
        if before is not None and not guess and not _are_alike(before, signals):
            self._over = True  # the next run begins where this one began
            return
        if before is None or guess:
            self._signals = signals
        if self._offer is not None:
            alike = before is None or _are_alike(before, signals)
            self.tell(same=alike and self._offer.kind == offer.kind)
        self._lost.discard(offer.kind)
        self._offer, self._count = offer, None

    def lost(self, kind: str) -> None:
        """A kind was tried and did not help."""
        if not self._over:
            self._lost.add(kind)

    def measured(self, kind: str, workers: int, rate: float) -> None:
        """So many workers of a kind do so many items a second; 0 if nobody is sure."""
        if not self._over and self._offer is not None and self._offer.kind == kind:
            self._count = (workers, rate)

    def learn(self, item: float, share: float) -> None:
        """An item takes so long alone and computes such a share of it, where that was a guess when it was decided."""
        seen = self._signals
        if not self._over and seen is not None and not seen.alone and seen.item:
            held = share if self._house.machine.gil else 0.0
            self._signals = replace(seen, item=item, share=share, held=held)

    def keep(self, done: int, seconds: float) -> None:
        """The run is over after so many items: remember it, if there was anything to learn."""
        offer, seen = self._offer, self._signals
        if offer is None or seen is None or not done or seconds < WORTH or sys.is_finalizing():
            return
        if not self._house.remembers:
            return
        workers, rate = self._count or (offer.workers, 0.0)
        if offer.kind == "serial":
            rate = seen.rate
        from .memory import Learned

        learned = Learned(
            offer.kind,
            workers,
            seen.item,
            seen.share,
            seen.held,
            seen.native,
            rate,
            threads=offer.threads,
            items=done,
            lost=frozenset(self._lost),
        )
        self._house.note(learned)


def _kinds(names: Iterable[str]) -> str:
    return " and ".join(_PLURALS.get(name, name) for name in sorted(names))


def _are_alike(one: Signals, other: Signals) -> bool:
    near = max(one.item, other.item) <= UNLIKE * min(one.item, other.item)
    return near and abs(one.share - other.share) <= MOVED
