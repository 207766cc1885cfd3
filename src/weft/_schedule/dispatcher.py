"""Single calls for which nobody iterates: whoever waits for a result reads the answers himself."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any, Final, cast

from .._model.chunk import Chunk
from .._model.interruption import interruptible, interrupts, uninterrupted
from .._model.locks import Lock
from .._model.protocols import Crew, Foresighted
from .call_future import NOTHING, CallFuture, HandedFuture, log_raised
from .open_calls import OpenCalls
from .source import Source
from .verdicts import DEATHS_FORGIVEN

# How long the workers stay after the last call; the next one starts others.
IDLE: Final = 10.0  # seconds

# How long results lie there, while nobody waits for one, before the follower reads them. bench/process/calls.py: a
# thread that is woken for every call makes each four times as long.
TICK: Final = 0.002  # seconds

# A call that comes so soon after the one before, and that after the one before it, and so on a few times, may wait for
# the next to go with: for a tick at most, and until somebody waits. Each message costs more than ten calls in one.
AT_ONCE: Final = 0.0001  # seconds
ROW: Final = 4

# After so many ticks without a call the follower sleeps until there is one, and has to be woken for it.
QUIET: Final = 50

# How long a caller, or the follower, sleeps at most while another one reads, before it looks whether it should.
LOOK: Final = 0.05  # seconds


class Dispatcher:
    """Gives calls to a crew one by one and resolves their futures.

    One thread at a time *leads*: it waits for answers and reads them, for everybody. Whoever waits for a future
    leads if nobody does. A daemon thread, the *follower*, leads while nobody waits for a future and some are open: for
    callbacks, and for who waits in another way. It lives while it is used.

    Args:
        crew: The workers.
        name: What to call the thread.
        idle: How long the workers stay after the last call, in seconds; ``None`` until they are told to go.
        forgives: How many workers may die of a call before it fails.
        foresees: Whether they are sent ahead of their turn, to a :class:`Foresighted` crew.
        needed: Tells whether no call can go on while this thread waits; ``None`` where there is no such thread.

    Attributes:
        lock: Held while anything changes.
        prefetches: Whether a worker gains by having its next chunk before it has finished the last.
    """

    _patience = QUIET
    _given = 0  # how many calls have come of which the follower is told nothing

    def __init__(
        self,
        crew: Crew,
        name: str,
        idle: float | None = IDLE,
        *,
        forgives: int = DEATHS_FORGIVEN,
        foresees: bool = False,
        needed: Callable[[], bool] | None = None,
    ) -> None:
        self._crew, self._needed = crew, needed
        self.prefetches = crew.prefetches
        self._idle = -1 if idle is None else idle
        self.lock = self._lock = Lock()  # of all that follows
        self._rest = cast("Foresighted", crew).rest if foresees else None
        ahead = cast("Foresighted", crew).ahead if foresees else None
        self._calls = OpenCalls(crew, forgives, self._when_fed_no_more, ahead)
        self._make = partial(CallFuture, self)
        self._last, self._row = 0.0, 0  # when the last call came, and how many have come right after each other
        self._glanced = 0.0  # when whoever submits looked last
        self._quiet = 0  # ticks without a call
        self._parked = self._finishing = self._over = self._aborted = False
        self._dropped: list[CallFuture | HandedFuture] = []
        self._lead = threading.Lock()
        self._leader = 0  # the thread that leads
        self._turn = self._seen = 0  # how often somebody has begun to lead, and how often when the follower looked last
        self._rests = False  # whether the follower sleeps until whoever leads is done
        self._wanted = 0  # callers who want to lead in the follower's place
        self._asleep: deque[CallFuture] = deque()  # what callers wait for while another one leads
        self._attended = False  # whether somebody waits who can't lead
        self._answered: deque[CallFuture] = deque()  # those whose callbacks the follower is to call
        self._left = False  # whether the follower will call no more
        self._bell = threading.Lock()  # what the follower sleeps on
        self._bell.acquire()
        self._thread = threading.Thread(target=self._follow, name=name, daemon=True)
        self._thread.start()

    @property
    def broken(self) -> BaseException | None:
        """Why no more calls can be made, if that is so."""
        return self._calls.broken

    @property
    def width(self) -> int:
        """How many calls can run at the same time."""
        return self._crew.width

    @property
    def settled(self) -> bool:
        """Whether the follower has nothing to read answers for: nothing is open, or a caller wants to lead."""
        return bool(self._wanted) or not self._calls

    @property
    def keeps(self) -> bool:
        """Whether what a worker has finished of a chunk outlives it."""
        return self._crew.keeps

    @property
    def led_here(self) -> bool:
        """Whether it is this thread that leads; also in a copy of the process, which has no other."""
        return self._leader == threading.get_ident()

    def submit(self, item: Any) -> CallFuture | HandedFuture | None:
        """A future for the call; ``None`` if the dispatcher has ended and another is wanted."""
        calls = self._calls
        chunk = Chunk(calls.number(), 0, (item,))
        now = monotonic()
        with self._lock:
            if self._over or self._finishing:
                return None
            self._row = self._row + 1 if now - self._last < AT_ONCE else 0
            self._last = now
            try:
                future = calls.add(self._make, chunk, waits=self._row > ROW and not self._leader)
            except BaseException:
                self._crew.wake()
                raise
            if self._parked:
                self._ring()
        if self._row > ROW and now - self._glanced > TICK:  # the follower may not have had the GIL for as long
            self._glanced = now
            with uninterrupted:
                if calls.out and self._lead.acquire(blocking=False):
                    self._leading(threading.get_ident(), None, None)
        return future

    def broke(self, error: BaseException) -> None:
        """No more calls can be made, as a worker has found by itself."""
        self._calls.broken = error
        self._give_up(error)

    def serve(self, future: CallFuture, timeout: float | None) -> float | None:
        """Read answers until *future* is done or *timeout* is over; what is left of it.

        Raises:
            RuntimeError: This is the thread that has to make the call.
        """
        if timeout is not None and timeout <= 0:
            return timeout
        stuck = self._needed is not None and timeout is None and self._needed()
        if stuck:
            timeout = TICK  # its answer may be there
        ending = None if timeout is None else monotonic() + timeout
        self._row = 0
        with uninterrupted:
            self._serve(future, ending)
        if stuck and not future.settled:
            raise RuntimeError(
                "a coroutine waits here for a call that is made by the same event loop, which stands still meanwhile: "
                "await the futures of submit() in place of their results"
            )
        return None if ending is None else max(0.0, ending - monotonic())

    def attend(self) -> None:
        """Somebody waits who can't lead: by a callback, or in a way of the standard library's. Takes no lock."""
        self._attended = True
        if not self._leader:
            self._ring()

    def call_back(self, future: CallFuture) -> None:
        """Have its callbacks called: by the follower, for whoever settles *future* may hold what they wait for."""
        if threading.get_ident() == self._thread.ident and not self._answered:
            return _call_back(future)
        with self._lock:
            left = self._left or not self._thread.is_alive()  # it is not in a forked copy of the process
            if not left:
                self._answered.append(future)
        return _call_back(future) if left else self._ring()

    def keep_back(self, future: CallFuture) -> None:
        """Have *future* where it can be cancelled, if it has not begun."""
        with uninterrupted, self._lock:
            self._calls.keep_back(future)

    def has_begun(self, future: CallFuture) -> bool:
        """Whether a worker is in what it was sent ahead."""
        with self._lock:
            return self._calls.has_begun(future)

    def enter(self, source: Source) -> bool:
        """Take a *source* as well; whether it could be taken."""
        with self._lock:
            if self._over or self._finishing:
                return False
            self._calls.sources[source] = None
        return True

    def refill(self, source: Source) -> None:
        """The *source* has more to give out, or has come to its end."""
        with uninterrupted:
            with self._lock:
                self._last = monotonic()
                if not self._over:
                    self._calls.send()
                if source.exhausted:
                    self._calls.leave(source)
                settled = source.settled()
                if self._parked and self._calls:
                    self._ring()
            for promise in settled:
                self.keep(promise)

    def promise(self) -> CallFuture:
        """A future that is no call's: somebody else says when it is to be kept."""
        return CallFuture(self, NOTHING)

    def keep(self, promise: CallFuture) -> None:
        """Settle a promise, and wake who leads for it."""
        if not promise.settled:
            promise.settle(None, None)
            self.notice()

    def notice(self) -> None:
        """Something was settled that another thread may lead for. Takes no lock."""
        if self._leader not in {0, threading.get_ident()}:
            self._crew.wake()

    def look(self) -> None:
        """A source has changed; takes no lock."""
        self._ring()

    def shut(self) -> None:
        """Take no more calls; when all are done, let the workers go. Takes no lock: anybody may do it at any time."""
        self._finishing = True
        self._ring()

    def cancel(self) -> None:
        """Cancel the calls that have not begun."""
        with uninterrupted, self._lock:
            sources = list(self._calls.sources)
            self._calls.keep_all_back()
            waiting = self._calls.take_unbegun()
        for source in sources:
            source.fail(CancelledError())
        for future in waiting:
            if future.cancel():
                future.set_running_or_notify_cancel()

    def stop(self, error: BaseException) -> None:
        """End the calls that run by force, as far as the workers can be; those that are open fail with *error*."""
        self._finishing = True
        self.cancel()
        self._give_up(error)
        self._crew.wake()

    def join(self) -> None:
        """Wait until all calls are done and the workers are gone."""
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def finish(self) -> None:
        """Wait until all calls are done, then let the workers go."""
        self.shut()
        self.join()

    def abort(self) -> None:
        """End all calls, as far as their kind can; their futures are cancelled when that is done. Waits for nothing."""
        with self._lock:
            if self._over:
                return
            self._over = self._aborted = True
            self._dropped += self._take_all()
            self._ring()
            self._crew.wake()  # before anybody can close it

    def abandon(self, error: BaseException) -> None:
        """Let the workers go at once; what is not done comes to *error*."""
        self._give_up(error)
        self._crew.wake()
        self._thread.join()

    # ── leading ───────────────────────────────────────────────────────────────────────────────────────────

    def _serve(self, future: CallFuture, ending: float | None) -> None:
        while not future.settled and not self._aborted:
            left = None if ending is None else ending - monotonic()
            if left is not None and left <= 0:
                break
            me = threading.get_ident()
            if self._leader == me:  # a callback that waits for another call
                self._drive(future, ending)
            elif self._lead.acquire(blocking=False):
                self._leading(me, future, ending)
            elif self._leader == self._thread.ident:
                self._take_over(me, future, ending)
            else:
                self._asleep.append(future)
                future.sleep(LOOK if left is None else min(left, LOOK))
                with interruptible:  # and not while it sleeps, with a condition that Ctrl-C might leave locked
                    continue

    def _leading(self, me: int, goal: CallFuture | Dispatcher | None, ending: float | None) -> None:
        """Lead, which is this thread's to do now, and hand it on; without a *goal* only to give out what waits."""
        self._leader = me
        self._turn += 1
        try:
            if goal is None:
                self._give_out()
            else:
                self._drive(goal, ending)
        except BaseException as error:
            if me == self._thread.ident or not interrupts(error):
                self._give_up(error)
            raise
        finally:
            self._leader = 0
            self._lead.release()
            while self._asleep:
                other = self._asleep.popleft()
                if not other.done():
                    other.rouse()  # its caller leads now
                    break
            if (self._attended and self._calls) or self._rests:
                self._ring()

    def _take_over(self, me: int, future: CallFuture, ending: float | None) -> None:
        self._wanted += 1
        try:
            self._crew.wake()
            if not self._lead.acquire(timeout=LOOK):
                return
        finally:
            self._wanted -= 1
        self._leading(me, future, ending)

    def _drive(self, goal: CallFuture | Dispatcher, ending: float | None) -> None:
        """Read answers, resolve futures and give out what waits, until the *goal* is settled or the time over."""
        if self._calls.new:
            with self._lock:
                self._calls.send()
        self._settle()  # what a callback's exception has left
        while not goal.settled and not self._aborted:
            patience = None if ending is None else max(0.0, ending - monotonic())
            arrivals = self._crew.poll(patience)
            with self._lock:
                self._calls.take_up(arrivals)
            del arrivals  # nothing of an answer is kept while the next is waited for
            self._settle()
            if patience == 0 or (goal is self and self._answered):
                return

    def _give_out(self) -> None:
        """Give out what waits to workers that have answered. Settles nothing: callbacks may want the caller's locks."""
        arrivals = self._crew.poll(0)
        with self._lock:
            if self._calls.take_up(arrivals):
                self._crew.wake()  # whoever waits next settles it

    def _settle(self) -> None:
        """Resolve the futures whose results have come; without the lock, as their callbacks may submit."""
        calls = self._calls
        while calls.resolved:
            future, value, error = calls.resolved.popleft()
            future.settle(value, error)
        while calls.failing:
            source, failed = calls.failing.popleft()
            source.fail(failed)
        if calls.broken is not None and not self._over:
            self._give_up(calls.broken)

    def _follow(self) -> None:
        calls = self._calls
        while self._goes_on():
            if self._answered:
                self._call_back()
            elif not self._attended and not self._finishing:
                self._bell.acquire(timeout=LOOK if self._may_rest() else TICK)
                self._rests = False
            attended, self._attended = self._attended, False
            self._quiet = 0 if calls else self._quiet + 1
            now = monotonic()
            busy = not attended and not self._finishing and now - self._last < TICK  # somebody is: he needs the GIL
            if busy and self._row <= ROW:
                continue
            if calls and not self._wanted and self._lead.acquire(blocking=False):
                try:
                    self._leading(threading.get_ident(), self, now if busy else None)
                except BaseException:  # noqa: BLE001  those who wait have been told
                    continue
            elif self._finishing and calls:
                self._bell.acquire(timeout=TICK)  # another leads
        for source in list(self._calls.sources):
            source.fail(RuntimeError("cannot schedule new futures after shutdown"))
        with self._lead:
            self._crew.close()
        for future in self._dropped:
            future.drop()
        while not self._left:
            self._call_back()
            with self._lock:
                self._left = not self._answered

    def _call_back(self) -> None:
        """Call the callbacks of what has been settled; not while it leads, as they may take long, or wait for calls."""
        while self._answered:
            _call_back(self._answered.popleft())
        self._attended = True  # whoever is called may have been all that waited

    def _may_rest(self) -> bool:
        """Whether somebody has led since the last look, and still does: he rings when he is done."""
        before, self._seen = self._seen, self._turn
        self._rests = self._leader != 0 and before == self._turn
        return self._rests

    def _goes_on(self) -> bool:
        calls = self._calls
        with self._lock:
            if self._over:
                return False
            calls.leave_exhausted()
            if calls or self._answered or (self._quiet < self._patience and not self._finishing):
                return True
            given = self._given
            if self._rest is not None:
                self._rest()
            if not self._finishing or self._is_owed:
                self._parked = True
        rung = not self._parked or self._bell.acquire(timeout=self._idle)
        with self._lock:
            self._parked, self._quiet = False, 0
            if self._finishing or not (rung or self._attended or self._given != given):
                self._over |= not (calls or self._is_owed)  # it may have been given up meanwhile
            return not self._over

    @property
    def _is_owed(self) -> bool:
        """Whether something will come to its end without being waited for here."""
        return self._calls.is_fed

    def _take_all(self) -> list[CallFuture | HandedFuture]:
        """All single calls that are open; nobody is expected to answer."""
        return [*self._calls.take_all()]

    def _when_fed_no_more(self) -> None:
        if self._finishing:
            self._ring()

    def _ring(self) -> None:
        with suppress(RuntimeError):  # it has been rung
            self._bell.release()

    def _give_up(self, error: BaseException) -> None:
        """Whatever went wrong beside the calls: nobody waits in vain."""
        with self._lock:
            self._over = True
            waiting = self._take_all()
            sources = list(self._calls.sources)
        self._ring()
        for source in sources:
            source.fail(error)
        for future in waiting:
            if not future.done():
                future.settle(None, error)


def _call_back(future: CallFuture) -> None:
    try:
        future.call_back()
    except BaseException as raised:  # noqa: BLE001  sys.exit(), say; the standard library has logged what is less
        log_raised(future, raised)
