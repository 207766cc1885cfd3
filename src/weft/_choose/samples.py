"""Whether the caller got on whenever somebody looked: what its clocks can't tell on a busy machine. Pure.

A thread that has the GIL may have no processor, and then the caller waits for both: its clocks say that it waits.
Whoever looks lets go of the GIL to look, so that the caller goes on if that was all.
"""

from __future__ import annotations

from .choose import WAITING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

FEW: Final = 2  # looks, at least, say something


class Samples:
    """How often the caller was in the middle of an item when somebody looked, and was computing, or ready to.

    Attributes:
        looks: How many there were.
        ready: At how many of them it was ready.
    """

    def __init__(self) -> None:
        self.looks = self.ready = 0

    def note(self, *, ready: bool) -> None:
        """Somebody has looked."""
        self.looks += 1
        self.ready += ready

    def share(self, delayed: float) -> float:
        """How much of its time it computes, or would if it had the GIL, without what it waited for a processor.

        *delayed*: how long that was, as a share of the rest.
        """
        return min(1.0, max(0.0, self._part * (1 + delayed) - delayed))

    def clear(self, delayed: float) -> bool:
        """Whether so many looks are enough to tell what computes from what waits."""
        spread = (1 + delayed) * (self._part * (1 - self._part) / max(1, self.looks)) ** 0.5
        middle = self._part * (1 + delayed) - delayed
        return self.looks >= FEW and abs(middle - WAITING) > spread

    @property
    def _part(self) -> float:
        return (self.ready + 1) / (self.looks + 2)  # so that a few looks are not taken for certainty
