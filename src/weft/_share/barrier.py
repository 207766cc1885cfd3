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

# What it may be in, as the standard library's code has it: filling is 0, broken -2.
_DRAINING, _RESETTING = 1, -1


class _Standing(Cell):
    """What a barrier is in, and how many have come."""

    __slots__ = ()


class Barrier(threading.Barrier):
    """A barrier for threads, processes and coroutines, as ``threading.Barrier`` and ``multiprocessing.Barrier``.

    Args:
        parties: How many must come before they all go on.
        action: What one of them calls then, before they do.
        timeout: For how long :meth:`wait` and :meth:`await_` wait, in seconds, if they are not told.

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

    async def await_(self, timeout: float | None = None) -> int:
        """As :meth:`wait`, for coroutines. One that is cancelled has not come; the others wait for another.

        Returns:
            A number for each that has come, from 0 on.

        Raises:
            threading.BrokenBarrierError: It was broken or reset, or the time was over.
        """
        async with self._cond:
            self._look()
            await self._cond.await_for(lambda: self._state not in (_DRAINING, _RESETTING))
            if self._state < 0:
                raise BrokenBarrierError
            index = self._count
            self._count += 1
            try:
                if index + 1 == self._parties:
                    self._release()  # type: ignore[attr-defined]
                else:
                    await self._await_release(self._timeout if timeout is None else timeout)
            finally:
                self._count -= 1
                self._exit()  # type: ignore[attr-defined]
            return index

    async def _await_release(self, timeout: float | None) -> None:
        ending = None if timeout is None else time.monotonic() + timeout
        while not await self._cond.await_for(lambda: self._state != 0, _patience(ending)):
            self._see_to_it(ending)
        if self._state < 0:
            raise BrokenBarrierError

    def _enter(self) -> None:
        self._look()
        super()._enter()  # type: ignore[misc]  # the standard library's own, which nobody declares

    def _wait(self, timeout: float | None) -> None:
        ending = None if timeout is None else time.monotonic() + timeout
        while not self._cond.wait_for(lambda: self._state != 0, _patience(ending)):
            self._see_to_it(ending)
        if self._state < 0:
            raise BrokenBarrierError

    def _see_to_it(self, ending: float | None) -> None:
        """It has taken a while: break it if nobody will come any more, or the time is over."""
        self._look()
        if ending is not None and time.monotonic() >= ending:
            self._break()  # type: ignore[attr-defined]
            raise BrokenBarrierError

    def _look(self) -> None:
        """Break it if somebody has died in it."""
        if self._cond.abandoned or (self._state == 0 and self._cond.anybody_dead()):
            self._break()  # type: ignore[attr-defined]

    def __reduce__(self) -> tuple[Any, ...]:
        return _barrier, (self._parties, self._action, self._timeout, self._cond, self._standing)


def _patience(ending: float | None) -> float:
    return PATIENCE if ending is None else min(PATIENCE, max(0.0, ending - time.monotonic()))


def _barrier(*parts: Any) -> Barrier:
    made = Barrier.__new__(Barrier)
    made._begin(*parts)  # noqa: SLF001  it is made so
    return made
