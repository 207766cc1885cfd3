"""weft.Event: something has happened, for all who wait for it."""

from __future__ import annotations

import time
from typing import Self

from .aside import aside
from .cells import Cell
from .futex import futex_wait, futex_wake


class Event(Cell):
    """A flag to wait for, for threads, processes and coroutines, as ``threading.Event`` and ``multiprocessing.Event``.

    >>> ready = Event()
    >>> ready.set()
    >>> ready.wait(timeout=1)
    True

    It is an ordinary argument for workers of every kind, and nobody's death at any moment does it any harm: there is
    no lock in it.
    """

    __slots__ = ()

    def __new__(cls) -> Self:
        """A new one, not set."""
        return cls.new()

    def is_set(self) -> bool:
        """Whether it is set."""
        return bool(self.sheet.segment[self.at])

    isSet = is_set  # noqa: N815  as threading's has it, too

    def set(self) -> None:
        """Set it: all who wait for it go on."""
        self.sheet.segment[self.at] = 1
        futex_wake(self.address)

    def clear(self) -> None:
        """Set it back: who waits from now on, waits."""
        self.sheet.segment[self.at] = 0

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set, for *timeout* seconds at most; whether it is."""
        ending = None if timeout is None else time.monotonic() + timeout
        while not self.is_set():
            left = None if ending is None else ending - time.monotonic()
            if left is not None and left <= 0:
                return False
            futex_wait(self.address, 0, left)
        return True

    async def await_(self, timeout: float | None = None) -> bool:
        """As :meth:`wait`, for coroutines; others of the same event loop go on meanwhile."""
        return self.is_set() or await aside(self.wait, timeout=timeout)

    def __repr__(self) -> str:
        return f"<weft.Event {'set' if self.is_set() else 'not set'}>"
