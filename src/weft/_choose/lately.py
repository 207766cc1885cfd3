"""What items of a function took lately, in this process: a first estimate for its next run, which that run checks."""

from __future__ import annotations

from .._model.locks import Lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

# Whose runs were longest ago are forgotten.
MOST: Final = 512  # functions


class Lately:
    """Seconds an item, by the key of its function."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._costs: dict[bytes, float] = {}

    def recall(self, key: bytes) -> float | None:
        """What an item took in the last run; ``None`` if there was none."""
        return self._costs.get(key)

    def note(self, key: bytes, cost: float) -> None:
        """That is what one took."""
        with self._lock:
            self._costs.pop(key, None)
            self._costs[key] = cost
            if len(self._costs) > MOST:
                del self._costs[next(iter(self._costs))]

    def forget(self) -> None:
        """Nothing is known."""
        with self._lock:
            self._costs.clear()


LATELY: Final = Lately()
