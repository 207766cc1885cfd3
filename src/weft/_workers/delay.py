"""How the caller fares in the chunk in its hands, seen from another thread: its clock can be read from outside.

On a busy machine, work that computes looks as if it waited: what a thread waited for a processor counts as computing.
"""

from __future__ import annotations

import os
import threading
import time
from time import perf_counter, process_time, thread_time

from .._model.measured import Glance

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

SCHEDSTAT: Final = "/proc/self/task/{}/schedstat"  # Linux: ns computed, ns waited for a processor, turns


def queued(thread: int) -> float:
    """Seconds that a thread of this process was ready to run and had no processor; 0 where nobody says."""
    try:
        fd = os.open(SCHEDSTAT.format(thread), os.O_RDONLY)
    except OSError:
        return 0.0
    try:
        return int(os.read(fd, 64).split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0
    finally:
        os.close(fd)


class _InHand:
    """A chunk that is being run, and the clocks as they stood when it was taken up; made in the thread that runs it."""

    __slots__ = ("began", "clock", "cpu", "process", "queued", "thread")

    def __init__(self, before: tuple[int, float]) -> None:
        self.thread = threading.get_native_id()
        self.clock = time.pthread_getcpuclockid(threading.get_ident()) if hasattr(time, "pthread_getcpuclockid") else -1
        # The delay at the beginning is the one last looked up, and not asked anew for every chunk.
        self.queued = before[1] if before[0] == self.thread else queued(self.thread)
        self.process, self.cpu, self.began = process_time(), thread_time(), perf_counter()


class SelfWatch:
    """Keeps the accounts of one worker of this process; the worker writes them, others read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._in_hand: _InHand | None = None
        self._seconds = self._cpu = self._others = self._delay = 0.0
        self._queued = (0, 0.0)  # a thread, and how long it had waited for a processor at the last look

    def begin(self) -> None:
        """A chunk is taken up, in this thread."""
        with self._lock:
            self._in_hand = _InHand(self._queued)
            self._queued = (self._in_hand.thread, self._in_hand.queued)

    def end(self) -> None:
        """It is done with."""
        with self._lock:
            hand, self._in_hand = self._in_hand, None
            if hand is None:
                return
            cpu = thread_time() - hand.cpu
            self._seconds += perf_counter() - hand.began
            self._cpu += cpu
            self._others += process_time() - hand.process - cpu

    def glance(self) -> Glance | None:
        """The accounts as they stand."""
        with self._lock:
            hand = self._in_hand
            if hand is None:
                cpu = min(self._seconds, self._cpu + self._delay)
                return Glance(self._seconds, cpu, self._others, 0.0)
            try:
                cpu = time.clock_gettime(hand.clock) - hand.cpu
            except OSError:  # the system can't tell
                return None
            now = queued(hand.thread)
            self._delay += max(0.0, now - hand.queued)
            hand.queued = now
            self._queued = (hand.thread, now)
            in_hand = perf_counter() - hand.began
            seconds = self._seconds + in_hand
            others = self._others + process_time() - hand.process - cpu
            return Glance(seconds, min(seconds, self._cpu + cpu + self._delay), others, in_hand)
