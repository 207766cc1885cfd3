"""The batches of one run, for whichever threads take them."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from operator import length_hint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Self


# Several threads may be in one itertools.chain over these: each has its values from the iterator over the batch in
# hand, which gives every value once, and comes here when that is empty. The first to come fetches the next batch, the
# others wait and are given the same iterator; so none is in hand twice, and none is dropped.
class Batches:
    """Iterators over the batches of a run, one after another; from any thread.

    Args:
        batches: What the run gives.
    """

    def __init__(self, batches: Generator[list[Any]]) -> None:
        self._batches = batches
        self._in_hand: Iterator[Any] = iter(())
        self._lock = threading.RLock()
        self._waiting = self._crossed = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Iterator[Any]:
        with self._lock:
            if self._waiting:  # this very thread is: what the run has called is asking
                self._crossed = True
                raise RuntimeError("the run was asked for its next result by what it calls itself: neither would come")
            if not length_hint(self._in_hand):
                self._in_hand = iter(self._fetch())
            return self._in_hand

    def close(self) -> None:
        """End the run, unless somebody waits for it now: who does is told by the run itself."""
        if self._lock.acquire(blocking=False):
            try:
                if not self._waiting:
                    self._batches.close()
            finally:
                self._lock.release()

    def _fetch(self) -> list[Any]:
        self._waiting = True
        try:
            batch = next(self._batches)
        finally:
            self._waiting = False
        if self._crossed:  # the chain has been told of an error, and would end as if all results had left
            raise RuntimeError("the run was asked for its next result by what it calls itself")
        return batch
