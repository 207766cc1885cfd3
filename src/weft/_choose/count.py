"""What came back from others within a stretch of time."""

from __future__ import annotations

from .._model.outcome import Returned


class Count:
    """What came back since *now*, when this process had *spent* so many CPU seconds.

    Attributes:
        items: How many.
        busy: Seconds spent in the function, all workers added up.
        cpu: How long of that processors worked for it.
        delay: How long of it they waited for a processor.
    """

    def __init__(self, now: float, spent: float = 0.0) -> None:
        self.began, self.spent = now, spent
        self.items, self.busy, self.cpu, self.delay = 0, 0.0, 0.0, 0.0

    def note(self, returned: Returned) -> None:
        """A chunk, or a part of one."""
        self.items += len(returned.values)
        self.busy += returned.seconds
        self.cpu += returned.cpu or 0.0
        self.delay += returned.delay

    @property
    def own(self) -> float:
        """How long they were in the function, without waiting for a processor."""
        return max(self.cpu, self.busy - self.delay)
