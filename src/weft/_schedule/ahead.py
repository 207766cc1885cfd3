"""How far a stage of a pipeline may be ahead of the next one, by what the next one takes; pure.

Little at first. More when the next one finds too little, or is so quick that whoever fills the link between them would
be woken for every few items; less when it is slow. So a slow stage holds back what is before it, and a quick one never
waits.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

LEAST: Final = 16  # items
MOST: Final = 65_536  # items: as far as a run reads ahead that nobody holds back
STEP: Final = 4  # times as many, or as few

# Half of what is in a link should keep its reader busy for so long: to wake whoever fills it costs some 50 µs of his
# processor's time, where others compute on it (bench/pipeline.py).
QUICK: Final = 0.02  # seconds

# And no longer than so long.
SLOW: Final = 0.25  # seconds


class Ahead:
    """A number of items that follows what is taken.

    Attributes:
        items: How many a stage may have read whose results it has not handed on; half as many may lie in the link.
    """

    __slots__ = ("_passed", "items")

    def __init__(self) -> None:
        self.items = LEAST
        self._passed = 0  # items since it changed

    @property
    def room(self) -> int:
        """How many may lie in the link before whoever fills it waits; he goes on when half of them are gone."""
        return self.items // 2

    def took(self, items: int, *, lacked: bool) -> None:
        """The reader took so many, and *lacked* more."""
        self._passed += items
        if lacked and self._passed >= self.room:
            self._set(self.items * STEP)

    def waited(self, seconds: float) -> None:
        """Whoever fills the link waited so long until half of it was gone, or has been waiting so long for that."""
        if seconds < QUICK:
            self._set(self.items * STEP)
        elif seconds > SLOW:
            self._set(self.items // STEP)

    def _set(self, items: int) -> None:
        self.items, self._passed = max(LEAST, min(MOST, items)), 0
