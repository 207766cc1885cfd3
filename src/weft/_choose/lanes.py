"""Who has which chunk: the caller, the workers of the day, and those of earlier days that finish what they hold."""

from __future__ import annotations

from collections.abc import Sequence

from .._model.chunk import Chunk
from .._model.outcome import Arrival, Lost, Returned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._model.protocols import Crew


class Lane:
    """Workers of one kind, and how many chunks they have.

    Args:
        crew: The workers.
    """

    def __init__(self, crew: Crew) -> None:
        self.crew = crew
        self.chunks: set[int] = set()

    def send(self, chunk: Chunk) -> None:
        """Give them a chunk."""
        self.chunks.add(chunk.number)
        self.crew.send(chunk)

    def settle(self, arrivals: Sequence[Arrival]) -> None:
        """These have come back."""
        for arrival in arrivals:
            if isinstance(arrival, Lost) or (isinstance(arrival, Returned) and not arrival.more):
                self.chunks.discard(arrival.chunk)
