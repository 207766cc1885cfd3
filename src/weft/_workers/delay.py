"""How the caller fares in the chunk in its hands, seen from another thread: its clock can be read from outside.

On a busy machine, work that computes looks as if it waited: the time that a thread waited for a processor is left out.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import closing
from time import perf_counter, process_time, thread_time

from .._model.locks import Lock
from .._model.measured import Glance

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

STAT: Final = "/proc/self/task/{}/stat"
SCHEDSTAT: Final = "/proc/self/task/{}/schedstat"  # Linux: ns computed, ns waited for a processor, turns

# What a thread that computes all the time does not compute: less is not looked into.
LITTLE: Final = 0.05  # of its time

NOTHING: Final = -1  # where a descriptor might be: there is nothing to be opened,
UNOPENED: Final = -2  # or nobody has tried


class Account:
    """What the system writes down of a thread of this process: kept open.

    Whoever opens, reads and closes a file lets go of the GIL three times, and each time waits for it again where the
    function holds it.

    Args:
        thread: Its number in the system.
    """

    def __init__(self, thread: int) -> None:
        self._thread = thread
        self._waits = self._state = UNOPENED

    def queued(self) -> float:
        """Seconds that it was ready to run and had no processor; 0 where nobody says."""
        if self._waits == UNOPENED:
            self._waits = _opened(SCHEDSTAT.format(self._thread))
        if self._waits == NOTHING:
            return 0.0
        try:
            return int(os.pread(self._waits, 64, 0).split()[1]) / 1e9
        except (OSError, ValueError, IndexError):
            return 0.0

    def ready(self) -> bool:
        """Whether it runs, or would if it had a processor; ``False`` where nobody says."""
        if self._state == UNOPENED:
            self._state = _opened(STAT.format(self._thread))
        if self._state == NOTHING:
            return False
        try:
            return os.pread(self._state, 256, 0).rpartition(b")")[2][1:2] == b"R"
        except OSError:
            return False

    def close(self) -> None:
        """Nobody asks any more."""
        waits, state, self._waits, self._state = self._waits, self._state, NOTHING, NOTHING
        for fd in (waits, state):
            if fd >= 0:
                os.close(fd)


def _opened(path: str) -> int:
    try:
        return os.open(path, os.O_RDONLY)
    except OSError:  # there is no such thread, or no such system
        return NOTHING


def queued(thread: int) -> float:
    """Seconds that a thread of this process was ready to run and had no processor; 0 where nobody says."""
    with closing(Account(thread)) as account:
        return account.queued()


def libraries_run() -> bool:
    """Whether threads that Python knows nothing of have a processor, or want one; ``False`` where nobody says."""
    try:
        tasks = os.listdir("/proc/self/task")  # noqa: PTH208  no pathlib here: its import takes 4 ms
    except OSError:
        return False
    known = {thread.native_id for thread in threading.enumerate()}
    return any(_runs(task) for task in map(int, tasks) if task not in known)


def _runs(thread: int) -> bool:
    with closing(Account(thread)) as account:
        return account.ready()


class Asked(threading.local):
    """What a thread had waited for a processor when it last asked."""

    before = 0.0


ASKED: Final = Asked()


def queued_here(most: float) -> float:
    """Seconds since this thread asked last in which it had no processor, as far as *most* leaves room for them."""
    before, ASKED.before = ASKED.before, queued(threading.get_native_id())
    return min(max(0.0, ASKED.before - before), most)


class SelfWatch:
    """Keeps the accounts of one worker of this process; the worker writes them, others read."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._thread = 0  # that works
        self._account: Account | None = None
        self._clock = -1
        self._queued = 0.0  # how long it had waited for a processor when the system was asked last
        self._asked = (0.0, 0.0)  # how long it had worked then, and for how much of that neither computed nor waited so
        # The clocks when the chunk in hand was taken up, and how long others had had the processors until then.
        self._hand: tuple[float, float, float, float] | None = None
        self._seconds = self._cpu = self._others = self._delay = 0.0

    def begin(self) -> None:
        """A chunk is taken up, in this thread."""
        thread = threading.get_ident()
        if thread != self._thread:
            self._move(thread)
        self._hand = (perf_counter(), thread_time(), process_time(), self._delay)

    def end(self) -> None:
        """It is done with."""
        with self._lock:
            hand, self._hand = self._hand, None
            if hand is None:
                return
            cpu = thread_time() - hand[1]
            self._seconds += perf_counter() - hand[0]
            self._cpu += cpu
            self._others += process_time() - hand[2] - cpu

    def glance(self) -> Glance | None:
        """The accounts as they stand."""
        with self._lock:
            hand, seconds, cpu, others = self._hand, self._seconds, self._cpu, self._others
            in_hand = cpu_in_hand = 0.0
            if hand is not None:
                try:
                    cpu_in_hand = time.clock_gettime(self._clock) - hand[1]
                except OSError:  # the system can't tell
                    return None
                in_hand = perf_counter() - hand[0]
                seconds, cpu = seconds + in_hand, cpu + cpu_in_hand
                others += process_time() - hand[2] - cpu_in_hand
            account, idle = self._account, seconds - cpu - self._delay
            since, so_far = self._asked
            if account is not None and idle - so_far > LITTLE * (seconds - since):  # else it computes: nobody need ask
                before, self._queued = self._queued, account.queued()
                # What it waited for a processor with nothing in hand is not known apart: as much as can be believed.
                self._delay += min(max(0.0, self._queued - before), max(0.0, idle))
                self._asked = (seconds, seconds - cpu - self._delay)
            in_hand = max(0.0, in_hand - (0.0 if hand is None else self._delay - hand[3]))
            # While it waits for a processor nobody counts that yet.
            ready = in_hand > 0 and (cpu_in_hand >= in_hand / 2 or (account is not None and account.ready()))
            return Glance(seconds - self._delay, cpu, others, in_hand, self._delay, ready)

    def computed(self) -> float | None:
        """CPU seconds of the thread that works, all in all; ``None`` where the system does not tell."""
        try:
            return time.clock_gettime(self._clock)
        except OSError:
            return None

    def close(self) -> None:
        """No more accounts are kept."""
        with self._lock:
            account, self._account = self._account, None
            if account is not None:
                account.close()

    def _move(self, thread: int) -> None:
        self.close()
        with self._lock:
            self._thread, self._account = thread, Account(threading.get_native_id())
            self._clock = time.pthread_getcpuclockid(thread) if hasattr(time, "pthread_getcpuclockid") else -1
            self._queued = self._account.queued()
