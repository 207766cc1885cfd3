"""Single calls for which nobody iterates: whoever waits for a result reads the answers himself."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from itertools import count
from time import monotonic
from typing import Any, Final

from .._model.chunk import Chunk
from .._model.noun import replace
from .._model.outcome import Arrival, Began, Fault, Lost, Returned
from .._model.protocols import Crew
from ..errors.died import InitializerFailed, MemoryExceeded, WorkerDied
from .call_future import NOTHING, CallFuture
from .schedule import DEATHS_FORGIVEN
from .source import Part, Source

# How long the workers stay after the last call; the next one starts others.
IDLE: Final = 10.0  # seconds

# How long results lie there, while nobody waits for one, before the follower reads them. bench/process/calls.py: a
# thread that is woken for every call makes each four times as long.
TICK: Final = 0.002  # seconds

# After so many ticks without a call the follower sleeps until there is one, and has to be woken for it.
QUIET: Final = 50

# How long a caller sleeps at most while another one reads, before it looks whether it should.
LOOK: Final = 0.05  # seconds


class _Calm:
    """What the follower reads answers for: until it has nothing to do.

    Args:
        dispatcher: Its own.
    """

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    @property
    def settled(self) -> bool:
        """Whether that is so."""
        return self._dispatcher.calm


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

    Attributes:
        broken: Why no more calls can be made, if that is so.
        lock: Held while anything changes.
    """

    def __init__(self, crew: Crew, name: str, idle: float | None = IDLE, *, forgives: int = DEATHS_FORGIVEN) -> None:
        self._crew = crew
        self._forgives = forgives
        self._idle = -1 if idle is None else idle
        self.lock = self._lock = threading.Lock()  # of all that follows
        self._new: deque[CallFuture] = deque()
        self._open: dict[int, CallFuture | Part] = {}  # those given out, by number
        self._resolved: list[tuple[CallFuture, Any, BaseException | None]] = []
        self._sources: dict[Source, None] = {}  # in their order
        self._numbers = count(1)
        self._quiet = 0  # ticks without a call
        self._parked = False
        self._finishing = False
        self._over = False
        self._aborted = False
        self._dropped: list[CallFuture] = []
        self.broken: BaseException | None = None
        self._lead = threading.Lock()
        self._leader = 0  # the thread that leads
        self._wanted = 0  # callers who want to lead in the follower's place
        self._asleep: deque[CallFuture] = deque()  # what callers wait for while another one leads
        self._attended = False  # whether somebody waits who can't lead
        self._bell = threading.Lock()  # what the follower sleeps on
        self._bell.acquire()
        self._thread = threading.Thread(target=self._follow, name=name, daemon=True)
        self._thread.start()

    @property
    def width(self) -> int:
        """How many calls can run at the same time."""
        return self._crew.width

    @property
    def prefetches(self) -> bool:
        """Whether a worker gains by having its next chunk before it has finished the last."""
        return self._crew.prefetches

    @property
    def led_here(self) -> bool:
        """Whether it is this thread that leads; also in a copy of the process, which has no other."""
        return self._leader == threading.get_ident()

    def submit(self, item: Any) -> CallFuture | None:
        """A future for the call; ``None`` if the dispatcher has ended and another is wanted."""
        chunk = Chunk(next(self._numbers), 0, (item,))
        with self._lock:
            if self._over or self._finishing:
                return None
            try:
                if self._new:
                    self._new.append(future := CallFuture(self, chunk))
                    self._send()
                elif len(self._open) < self._crew.width:
                    self._crew.send(chunk)  # the rest is done while the worker works
                    future = self._open[chunk.number] = CallFuture(self, chunk)
                    future.set_running_or_notify_cancel()
                else:
                    self._new.append(future := CallFuture(self, chunk))
            except BaseException:
                self._crew.wake()
                raise
            if self._parked:
                self._ring()
        return future

    def serve(self, future: CallFuture, timeout: float | None) -> float | None:
        """Read answers until *future* is done or *timeout* is over; what is left of it."""
        if timeout is not None and timeout <= 0:
            return timeout
        ending = None if timeout is None else monotonic() + timeout
        while not future.settled and not self._aborted:
            left = None if ending is None else ending - monotonic()
            if left is not None and left <= 0:
                return 0
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
        return None if ending is None else max(0.0, ending - monotonic())

    def attend(self) -> None:
        """Somebody waits who can't lead: by a callback, or in a way of the standard library's. Takes no lock."""
        self._attended = True
        if not self._leader:
            self._ring()

    def enter(self, source: Source) -> bool:
        """Take a *source* as well; whether it could be taken."""
        with self._lock:
            if self._over or self._finishing:
                return False
            self._sources[source] = None
        self.refill(source)
        return True

    def refill(self, source: Source) -> None:
        """The *source* has more to give out, or has come to its end."""
        with self._lock:
            if not self._over:
                self._send()
            if source.exhausted:
                self._leave(source)
            settled = source.settled()
            if self._parked:
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
        with self._lock:
            sources = list(self._sources)
            waiting = [future for future in self._new if not future.deaths]
            self._new = deque(future for future in self._new if future.deaths)  # to the caller these run already
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
            self._dropped += [call for call in (*self._open.values(), *self._new) if isinstance(call, CallFuture)]
            self._open.clear()
            self._new.clear()
            self._ring()
            self._crew.wake()  # before anybody can close it

    def abandon(self, error: BaseException) -> None:
        """Let the workers go at once; what is not done comes to *error*."""
        self._give_up(error)
        self._crew.wake()
        self._thread.join()

    # ── leading ───────────────────────────────────────────────────────────────────────────────────────────

    def _leading(self, me: int, goal: CallFuture | _Calm, ending: float | None) -> None:
        """Lead, which is this thread's to do now, and hand it on."""
        self._leader = me
        try:
            self._drive(goal, ending)
        except BaseException as error:
            if me == self._thread.ident or not isinstance(error, KeyboardInterrupt | SystemExit):
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
            if self._attended and self._open:
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

    def _drive(self, goal: CallFuture | _Calm, ending: float | None) -> None:
        """Read answers, resolve futures and give out what waits, until the *goal* is settled or the time over."""
        while not goal.settled and not self._aborted:
            patience = None
            if ending is not None:
                patience = ending - monotonic()
                if patience <= 0:
                    return
            arrivals = self._crew.poll(patience)
            with self._lock:
                self._absorb(arrivals)
                if self._new or self._sources:
                    self._send()
                resolved, self._resolved = self._resolved, []
            for future, value, error in resolved:  # outside the lock: their callbacks may submit
                future.settle(value, error)
            if resolved:  # nothing of an answer is kept while the next is waited for
                del future, value, error, resolved, arrivals
            if self.broken is not None and not self._over:
                self._give_up(self.broken)

    def _follow(self) -> None:
        while self._goes_on():
            if not self._attended and not self._finishing:
                self._bell.acquire(timeout=TICK)
            self._attended = False
            self._quiet = 0 if self._open else self._quiet + 1
            if self._open and not self._wanted and self._lead.acquire(blocking=False):
                try:
                    self._leading(threading.get_ident(), _Calm(self), None)
                except BaseException:  # noqa: BLE001  those who wait have been told
                    continue
            elif self._finishing and self._open:
                self._bell.acquire(timeout=TICK)  # another leads
        for source in list(self._sources):
            source.fail(RuntimeError("cannot schedule new futures after shutdown"))
        with self._lead:
            self._crew.close()
        for future in self._dropped:
            future.drop()

    def _goes_on(self) -> bool:
        with self._lock:
            if self._over:
                return False
            for source in [source for source in self._sources if source.exhausted]:
                self._leave(source)  # whoever fed it has dropped it
            if self._new or self._open or (self._quiet < QUIET and not self._finishing):
                return True
            if not self._finishing or self._is_fed:
                self._parked = True
        rung = not self._parked or self._bell.acquire(timeout=self._idle)
        with self._lock:
            self._parked, self._quiet = False, 0
            if self._finishing or not (rung or self._attended):
                self._over = not (self._new or self._open or self._is_fed)
            return not self._over

    @property
    def _is_fed(self) -> bool:
        return any(source.awaited for source in self._sources)

    def _ring(self) -> None:
        with suppress(RuntimeError):  # it has been rung
            self._bell.release()

    @property
    def calm(self) -> bool:
        """Whether the follower has nothing to do: nothing is open, or a caller wants to lead."""
        return bool(self._wanted) or not self._open

    # ── under the lock ────────────────────────────────────────────────────────────────────────────────────

    def _send(self) -> None:
        """Give out what was submitted, first come, first served, as far as there are workers."""
        width = self._crew.width
        while self._new and len(self._open) < width:
            future = self._new.popleft()
            if future.deaths or future.set_running_or_notify_cancel():
                self._open[future.chunk.number] = future
                self._crew.send(future.chunk)
        if self._new:  # they go first
            return
        for source in self._sources:
            most = 2 * width if source.ahead else width
            while len(self._open) < most and (chunk := source.next_chunk()) is not None:
                number = next(self._numbers)
                self._open[number] = Part(source, chunk.number)
                self._crew.send(replace(chunk, number=number))

    def _absorb(self, arrivals: Sequence[Arrival]) -> None:
        for arrival in arrivals:
            if isinstance(arrival, Began):
                continue
            future = self._open.pop(arrival.chunk, None)
            if not isinstance(future, CallFuture):
                if future is not None:
                    self._pass_on(future, arrival)
            elif isinstance(arrival, Returned):
                fault = arrival.faults.get(0)
                self._resolved.append((future, arrival.values[0], None if fault is None else fault.error))
                if fault is not None:
                    self._look_at(fault)
            else:
                self._lose(future, arrival)

    def _pass_on(self, part: Part, arrival: Returned | Lost) -> None:
        """What came is a source's."""
        source = part.source
        if isinstance(arrival, Returned):
            if arrival.more:
                self._open[arrival.chunk] = part
            for fault in arrival.faults.values():
                self._look_at(fault)
        source.absorb(replace(arrival, chunk=part.number))
        if source.exhausted:
            self._leave(source)
        self._resolved += [(promise, None, None) for promise in source.settled()]

    def _leave(self, source: Source) -> None:
        """The *source* will give out nothing more."""
        if source in self._sources:
            del self._sources[source]
            source.left()
            if self._finishing:
                self._ring()

    def _look_at(self, fault: Fault) -> None:
        if isinstance(fault.error, InitializerFailed):
            self.broken = fault.error

    def _lose(self, future: CallFuture, lost: Lost) -> None:
        """A worker ended with the call in its hands: another may try, a few times."""
        future.deaths += lost.begun
        if lost.excess:
            fat = MemoryExceeded(lost.worker, lost.excess, 0, memory=lost.memory, stack=lost.stack)
            self._resolved.append((future, None, fat))
            return
        if future.deaths <= self._forgives:
            future.deaths = max(1, future.deaths)  # it runs already, as far as its future is concerned
            self._new.appendleft(future)
            return
        died = lost.error or WorkerDied(
            lost.worker, lost.status, None, future.deaths, memory=lost.memory, stack=lost.stack
        )
        self._resolved.append((future, None, died))

    def _give_up(self, error: BaseException) -> None:
        """Whatever went wrong beside the calls: nobody waits in vain."""
        with self._lock:
            self._over = True
            waiting = [*self._open.values(), *self._new]
            self._open.clear()
            self._new.clear()
            sources = list(self._sources)
        self._ring()
        for source in sources:
            source.fail(error)
        for future in waiting:
            if not isinstance(future, Part) and not future.done():
                future.settle(None, error)
