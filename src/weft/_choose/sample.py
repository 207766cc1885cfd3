"""What the price of travel is asked of: some items of the caller's, and what became of them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from .._model.chunk import Chunk
    from .._model.outcome import Returned

MOST: Final = 64  # items and results
BYTES: Final = 2**22  # if they weigh no more than that, all together


class Sample:
    """Items that the caller has run, and their results.

    Attributes:
        items: Some of its last chunk's; of the one in hand the first, if none has come back.
        values: What came of them.
    """

    def __init__(self) -> None:
        self.items: list[Any] = []
        self.values: list[Any] = []
        self._chunk: Chunk | None = None  # that the caller is in

    def take(self, chunk: Chunk) -> None:
        """The caller gets a chunk."""
        self._chunk = chunk

    def ran(self, returned: Returned) -> None:
        """It has run it."""
        if self._chunk is not None:
            size = MOST if returned.nbytes * MOST < BYTES else 1
            self.items, self.values = list(self._chunk.items[:size]), returned.values[:size]
            self._chunk = None

    def pair(self) -> tuple[Any, Any]:
        """An item, and a result; ``None`` for what there is none of."""
        if not self.items and self._chunk is not None:
            self.items = list(self._chunk.items[:1])
        return self.items[-1] if self.items else None, self.values[-1] if self.values else None

    def forget(self) -> None:
        """Nobody asks any more: what is the user's is let go of."""
        self.items, self.values, self._chunk = [], [], None
