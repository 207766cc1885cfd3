"""weft.Barrier: so many, and none goes on before all are there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from threading import BrokenBarrierError
from typing import Any

from .cells import Cell
from .condition import Condition
from .lock import Lock

# How long somebody waits before he asks whether the others who wait are alive.
PATIENCE = 0.2  # seconds


class _Standing(Cell):
    """What a barrier is in, and how many have come."""

    __slots__ = ()


class Barrier(threading.Barrier):
    """A barrier for threads and processes, as ``threading.Barrier`` and ``multiprocessing.Barrier``.

    Args:
        parties: How many must come before they all go on.
        action: What one of them calls then, before they do.
        timeout: For how long :meth:`wait` waits, in seconds, if it is not told.

    It is an ordinary argument for workers of every kind. If one of those who wait dies, the barrier is broken for the
    others, as by :meth:`abort`, within half a second: they would wait in vain.
    """

    def __init__(self, parties: int, action: Callable[[], object] | None = None, timeout: float | None = None) -> None:
        if parties < 1:
            raise ValueError("parties must be >= 1")
        self._begin(parties, action, timeout, Condition(Lock()), _Standing.new())

    def _begin(self, parties: int, action: Any, timeout: float | None, condition: Condition, standing: Cell) -> None:
        self._parties, self._action, self._timeout = parties, action, timeout
        self._cond, self._standing = condition, standing

    @property
    def _state(self) -> int:
        """As the standard library's code has it: 0 filling, 1 draining, -1 resetting, -2 broken."""
        return int(self._standing.sheet.words[self._standing.at // 8])

    @_state.setter
    def _state(self, state: int) -> None:
        self._standing.sheet.words[self._standing.at // 8] = state

    @property
    def _count(self) -> int:
        return int(self._standing.sheet.words[self._standing.at // 8 + 1])

    @_count.setter
    def _count(self, count: int) -> None:
        self._standing.sheet.words[self._standing.at // 8 + 1] = count

    def _enter(self) -> None:
        self._look()
        super()._enter()  # type: ignore[misc]  # the standard library's own, which nobody declares

    def _wait(self, timeout: float | None) -> None:
        ending = None if timeout is None else time.monotonic() + timeout
        while not self._cond.wait_for(
            lambda: self._state != 0, PATIENCE if ending is None else min(PATIENCE, max(0.0, ending - time.monotonic()))
        ):
            self._look()
            if ending is not None and time.monotonic() >= ending:
                self._break()  # type: ignore[attr-defined]
                raise BrokenBarrierError
        if self._state < 0:
            raise BrokenBarrierError

    def _look(self) -> None:
        """Break it if somebody has died in it."""
        if self._cond.abandoned or (self._state == 0 and self._cond.anybody_dead()):
            self._break()  # type: ignore[attr-defined]

    def __reduce__(self) -> tuple[Any, ...]:
        return _barrier, (self._parties, self._action, self._timeout, self._cond, self._standing)


def _barrier(*parts: Any) -> Barrier:
    made = Barrier.__new__(Barrier)
    made._begin(*parts)  # noqa: SLF001  it is made so
    return made
