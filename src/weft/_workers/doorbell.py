"""What the reader of an inbox waits on: a lock, or, without a GIL, something that he sleeps on in the kernel.

Who waits for a lock of an interpreter without a GIL first offers his processor to others, forty times. Beside threads
that compute each offer is taken for some milliseconds, and who rings meanwhile is not heard: on 3.13t, with two such
threads on two processors, the main thread was told of something 50 ms late (medians), and by an eventfd 0.02 ms.
"""

from __future__ import annotations

import os
import select
import threading
from math import ceil

from .._model.gil import gil_enabled
from .._model.locks import Lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Doorbell: TypeAlias = "threading.Lock | EventDoorbell"


def new_doorbell() -> Doorbell:
    """One that has not been rung: whoever *acquires* it waits until somebody *releases* it."""
    if not gil_enabled() and hasattr(os, "eventfd"):
        try:
            return EventDoorbell()
        except OSError:  # no descriptor to be had
            pass
    bell = threading.Lock()
    bell.acquire()
    return bell


class EventDoorbell:
    """As much of a lock as a doorbell needs, on an ``eventfd``. It may be rung more than once."""

    def __init__(self) -> None:
        self._fd, self._closing, self._poll = -1, Lock(), select.poll()
        self._fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._poll.register(self._fd, select.POLLIN)

    def locked(self) -> bool:
        """Whether it could be rung: always."""
        return True

    def release(self) -> None:
        """Ring it; from any thread, also one that is late."""
        with self._closing:
            if self._fd >= 0:
                os.eventfd_write(self._fd, 1)

    def acquire(self, *, timeout: float) -> bool:
        """Wait up to *timeout* seconds until it has been rung; whether it has."""
        rung = bool(self._poll.poll(ceil(timeout * 1000)))
        if rung:
            os.eventfd_read(self._fd)
        return rung

    def close(self) -> None:
        """Nobody will wait any more."""
        with self._closing:
            fd, self._fd = self._fd, -1
            if fd >= 0:
                self._poll.unregister(fd)
                os.close(fd)

    __del__ = close
