"""How long this thread has waited for a processor: on a busy machine, work that computes looks as if it waited."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Final

from .._model.noun import replace
from .._model.outcome import Returned

SCHEDSTAT: Final = Path("/proc/thread-self/schedstat")  # Linux: ns computed, ns waited for a processor, turns

# Only a chunk that seems to have waited this much of its time, and took this long, is worth the look.
SEEMS: Final = 0.2
LONG: Final = 0.0005  # seconds


def queued() -> float:
    """Seconds that this thread was ready to run and had no processor, since it began; 0 where nobody says."""
    try:
        return int(SCHEDSTAT.read_bytes().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


class DelayWatch:
    """Counts what the function waited for a processor as computing: on an idle machine it would have been."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._thread, self._queued = threading.get_ident(), queued()

    def correct(self, returned: Returned) -> Returned:
        """*returned*, its ``cpu`` as it would have been without others on this machine."""
        if returned.cpu is None or returned.seconds < LONG or returned.cpu > (1 - SEEMS) * returned.seconds:
            return returned
        if threading.get_ident() != self._thread:  # the counter is a thread's own
            self._begin()
            return returned
        before, self._queued = self._queued, queued()
        return replace(returned, cpu=min(returned.seconds, returned.cpu + self._queued - before))
