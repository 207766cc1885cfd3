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
        self._fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)

    def locked(self) -> bool:
        """Whether it could be rung: always."""
        return True

    def release(self) -> None:
        """Ring it; from any thread."""
        os.eventfd_write(self._fd, 1)

    def acquire(self, *, timeout: float) -> bool:
        """Wait up to *timeout* seconds until it has been rung; whether it has."""
        rung = bool(self._poll.poll(ceil(timeout * 1000)))
        if rung:
            os.eventfd_read(self._fd)
        return rung

    def __del__(self) -> None:
        if hasattr(self, "_fd"):  # who is late with something may hold it still, so nobody closes it before
            os.close(self._fd)
