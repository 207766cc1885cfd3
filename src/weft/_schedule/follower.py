"""Followers: they drive the runs whose callers are away, by a thread or in an event loop."""

from __future__ import annotations

import atexit
import threading
import weakref
from contextlib import suppress
from time import perf_counter
from typing import TYPE_CHECKING, Final, Protocol

from .._model.copies import at_fork
from .._model.interruption import uninterrupted
from .._model.locks import RLock

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, TimerHandle

# How often a follower looks. A caller that was away for one to two of these is followed.
TICK: Final = 0.005  # seconds
BRISK: Final = 0.002  # seconds, while results come: workers hold two chunks of 8 ms or more
LULL: Final = 0.020  # seconds, when there is nothing to do before the caller is back

# How long the interpreter's end waits for the step that is being taken.
FAREWELL: Final = 1.0  # seconds


class Followed(Protocol):
    """A run as its follower sees it."""

    def follow(self) -> float:
        """Go on for the caller, if it is away; never waits, never raises. Seconds until the next look."""

    def renew(self) -> None:
        """This is a forked copy of the process: nobody follows in it."""


class Follower(Protocol):
    """Somebody who looks after runs."""

    def watch(self, run: Followed) -> None:
        """Look after the *run* from now on, as long as it lives."""

    def forget(self, run: Followed) -> None:
        """It is over."""

    def nudge(self) -> None:
        """Look now; from any thread."""


class ThreadFollower:
    """One daemon thread for all runs that are iterated; it lives as long as there are any.

    It knows them weakly and holds one only while it takes a step in it: a run that is dropped ends at once. Garbage
    may be collected, and so runs be forgotten, wherever this runs: :meth:`forget` takes no lock.
    """

    def __init__(self) -> None:
        self._begin()
        at_fork(after_in_child=self._begin_anew)

    def _begin(self) -> None:
        self._lock = RLock()
        self._runs: dict[int, weakref.ref[Followed]] = {}
        self._thread: threading.Thread | None = None
        self._ending = self._registered = False
        self._wakes = 0.0  # when the thread does, if nobody wakes it before
        self._bell = threading.Lock()  # let go of to wake the thread
        self._bell.acquire()

    def watch(self, run: Followed) -> None:
        """Look after the *run* from now on, as long as it lives."""
        with uninterrupted, self._lock:
            if self._ending:
                return
            self._runs[id(run)] = weakref.ref(run)
            if self._thread is None:
                self._start()
            elif self._wakes > perf_counter() + BRISK:  # it sleeps by what the run before wanted of it
                self.nudge()

    def forget(self, run: Followed) -> None:
        """It is over."""
        self._runs.pop(id(run), None)

    def nudge(self) -> None:
        """Look now, and do not sleep any longer; from any thread."""
        with suppress(RuntimeError):  # somebody has said so already
            self._bell.release()

    def end(self) -> None:
        """The interpreter is ending: a thread that it stops would keep what it holds."""
        with self._lock:
            self._ending = True
            thread = self._thread
        if thread is not None:
            thread.join(FAREWELL)

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    def _start(self) -> None:
        if not self._registered:
            self._registered = True
            atexit.register(self.end)
        thread = threading.Thread(target=self._live, name="weft-follower", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no more threads to be had: then runs go on when their callers do
            return
        self._thread = thread

    def _live(self) -> None:
        pause = BRISK  # the first to be watched may be in a long item already
        while self._goes_on():
            self._wakes = perf_counter() + pause
            self._bell.acquire(timeout=pause)
            pause = min(map(self._look, list(self._runs)), default=0)

    def _look(self, key: int) -> float:
        """Take a step in a run; when to come back to it."""
        found = self._runs.get(key)
        run = None if found is None else found()
        if run is None:
            self._runs.pop(key, None)
            return LULL
        return run.follow()

    def _goes_on(self) -> bool:
        with self._lock:
            if self._runs and not self._ending:
                return True
            self._thread = None
            return False

    def _begin_anew(self) -> None:
        runs = [found() for found in self._runs.values()]
        self._begin()
        for run in runs:
            if run is not None:
                run.renew()


FOLLOWER: Final = ThreadFollower()


class LoopFollower:
    """Looks after the run of a caller that ``async for``s: a timer in its event loop.

    Args:
        loop: The caller's.
    """

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._timer: TimerHandle | None = None
        self._found: weakref.ref[Followed] | None = None

    def watch(self, run: Followed) -> None:
        """Look after the *run* from now on, as long as it lives."""
        self._found = weakref.ref(run)
        self._look()

    def forget(self, run: Followed) -> None:
        """It is over."""
        self._found = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def nudge(self) -> None:
        """Look now; from any thread."""
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._look)

    def _look(self) -> None:
        run = None if self._found is None else self._found()
        if run is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(run.follow(), self._look)
