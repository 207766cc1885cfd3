"""Cuts short, from outside, what a thread goes through: no item need look at a clock."""

from __future__ import annotations

import threading
from contextlib import suppress
from time import perf_counter

from .._model.locks import Condition, Lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class Cord:
    """One list at a time, of one thread, which any other may empty.

    Whoever iterates a list that is empty all of a sudden is at its end after the item that it is in.

    Attributes:
        wary: Whether a single item is to pass first, so that it is known what results weigh.
    """

    wary = False

    def __init__(self) -> None:
        self._list: list[Any] | None = None

    def lay(self, items: Sequence[Any], until: float) -> list[Any]:
        """The *items* as a list that can be cut; they are not to take longer than *until*."""
        laid = self._list = items if isinstance(items, list) else list(items)
        return laid

    def take_away(self) -> None:
        """What was laid last stays whole from now on."""
        self._list = None

    def cut(self) -> None:
        """Empty it; from any thread."""
        laid, self._list = self._list, None
        if laid is not None:
            laid.clear()


class Shears(Cord):
    """The same, where another thread, which is asleep until it is time, empties it.

    Args:
        wary: Whether a single item is to pass first.
    """

    def __init__(self, *, wary: bool = False) -> None:
        super().__init__()
        self.wary = wary
        self._changed = Condition(Lock())
        self._watched = False  # whether there is a thread
        self._until = self._wakes = 0.0  # when it is time, and when the thread looks whether it is

    def lay(self, items: Sequence[Any], until: float) -> list[Any]:
        """The *items* as a list that is emptied at the moment *until*, by :func:`time.perf_counter`."""
        laid = items if isinstance(items, list) else list(items)
        with self._changed:
            self._list, self._until = laid, until
            if not self._watched:
                with suppress(RuntimeError):  # no more threads to be had: then it is not cut
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
                    self.cut()
            self._watched = False
