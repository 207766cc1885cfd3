"""Cuts short, from outside, what a thread goes through and takes too long with: no item need look at a clock."""

from __future__ import annotations

import threading
from time import perf_counter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class Shears:
    """One list at a time, of one thread; another thread, which is asleep until it is time, empties it.

    Whoever iterates a list that is empty all of a sudden is at its end after the item that it is in.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._watched = False  # whether there is a thread
        self._list: list[Any] | None = None
        self._until = self._wakes = 0.0  # when it is time, and when the thread looks whether it is

    def lay(self, items: Sequence[Any], until: float) -> list[Any]:
        """The *items* as a list that is emptied at the moment *until*, by :func:`time.perf_counter`."""
        laid = items if isinstance(items, list) else list(items)
        with self._changed:
            self._list, self._until = laid, until
            if not self._watched:
                threading.Thread(target=self._watch, name="weft shears", daemon=True).start()
                self._watched = True
            elif until < self._wakes:
                self._changed.notify()
        return laid

    def take_away(self) -> None:
        """What was laid last stays whole from now on."""
        with self._changed:
            self._list = None

    def _watch(self) -> None:
        """Until it is time and nothing is there."""
        with self._changed:
            while self._list is not None:
                left = self._until - perf_counter()
                if left > 0:
                    self._wakes = self._until
                    self._changed.wait(left)
                else:
                    self._list.clear()
                    self._list = None
            self._watched = False
