"""Single calls for which nobody iterates: whoever waits for a result reads the answers himself."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future
from itertools import count
from time import monotonic, sleep
from typing import Any, Final

from .._model.chunk import Chunk
from .._model.outcome import Arrival, Lost, Returned
from .._model.protocols import Crew
from ..errors import WorkerDied
from .schedule import DEATHS_FORGIVEN

# How long the workers stay after the last call; the next one starts others.
IDLE: Final = 10.0  # seconds

# How long results lie there, while nobody waits for one, before the follower reads them. bench/process/calls.py: a
# thread that is woken for every call makes each four times as long.
TICK: Final = 0.002  # seconds

# After so many ticks without a call the follower sleeps until there is one, and has to be woken for it.
QUIET: Final = 50

# How long a caller sleeps at most while another one reads, before it looks whether it should.
LOOK: Final = 0.05  # seconds


_NOTHING: Final = Chunk(0, 0, ())


class AwaitableFuture(Future[Any]):
    """A future of the standard library's that can be awaited as well."""

    def __await__(self) -> Generator[Any, None, Any]:
        from asyncio import wrap_future

        return wrap_future(self).__await__()

    def drop(self) -> None:
        """It is cancelled though it may have begun: whoever had it in hand has been stopped."""
        with self._condition:
            if self.done():
                return
            self._state = "PENDING"  # as far as the standard library is concerned, only such can be cancelled
        super().cancel()
        self.set_running_or_notify_cancel()


class CallFuture(AwaitableFuture):
    """The future of one call. Whoever waits for it reads the workers' answers himself, his own and others'.

    Args:
        dispatcher: Reads them.
        chunk: What is to be done.

    Attributes:
        chunk: The same.
        deaths: How many workers it was lost with.
        settled: Whether there is nothing more to wait for.
    """

    def __init__(self, dispatcher: Dispatcher, chunk: Chunk) -> None:
        super().__init__()
        self._dispatcher = dispatcher
        self.chunk = chunk
        self.deaths = 0
        self.settled = False
        self._value: Any = _NOTHING

    def result(self, timeout: float | None = None) -> Any:
        """What the call came to; see :meth:`concurrent.futures.Future.result`."""
        if not self.settled:
            timeout = self._dispatcher.serve(self, timeout)
        return super().result(timeout) if self._value is _NOTHING else self._value

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """What it raised; see :meth:`concurrent.futures.Future.exception`."""
        return super().exception(timeout if self.settled else self._dispatcher.serve(self, timeout))

    def cancel(self) -> bool:
        """Cancel it if it has not begun; see :meth:`concurrent.futures.Future.cancel`."""
        cancelled = super().cancel()
        if cancelled:
            self.settled = True
        return cancelled

    def settle(self, value: object, error: BaseException | None) -> None:
        """This is what it came to."""
        self.settled = True  # callbacks may ask for it
        self.chunk = _NOTHING  # who keeps the future does not keep the arguments
        if error is None:
            self._value = value
            self.set_result(value)
        else:
            self.set_exception(error)

    def drop(self) -> None:
        """As of any."""
        self.settled, self.chunk = True, _NOTHING
        super().drop()

    def sleep(self, seconds: float) -> None:
        """Wait until it is done, or somebody calls :meth:`rouse`."""
        with self._condition:
            if not self.done():
                self._condition.wait(seconds)

    def rouse(self) -> None:
        """End a :meth:`sleep`."""
        with self._condition:
            self._condition.notify_all()


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
    """

    def __init__(self, crew: Crew, name: str) -> None:
        self._crew = crew
        self._lock = threading.Lock()  # of all that follows
        self._called = threading.Condition(self._lock)
        self._new: deque[CallFuture] = deque()
        self._open: dict[int, CallFuture] = {}  # those given out, by number
        self._resolved: list[tuple[CallFuture, Any, BaseException | None]] = []
        self._numbers = count(1)
        self._parked = False
        self._finishing = False
        self._over = False
        self._aborted = False
        self._dropped: list[CallFuture] = []
        self._lead = threading.Lock()
        self._leader = 0  # the thread that leads
        self._wanted = 0  # callers who want to lead in the follower's place
        self._asleep: deque[CallFuture] = deque()  # what callers wait for while another one leads
        self._thread = threading.Thread(target=self._follow, name=name, daemon=True)
        self._thread.start()

    def submit(self, item: Any) -> Future[Any] | None:
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
                self._called.notify()
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

    def finish(self) -> None:
        """Wait until all calls are done, then let the workers go."""
        with self._lock:
            self._finishing = True
            self._called.notify()
        self._thread.join()

    def abort(self) -> None:
        """End all calls, as far as their kind can; their futures are cancelled when that is done. Waits for nothing."""
        with self._lock:
            if self._over:
                return
            self._over = self._aborted = True
            self._dropped += [*self._open.values(), *self._new]
            self._open.clear()
            self._new.clear()
            self._called.notify()
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
                if self._new:
                    self._send()
                resolved, self._resolved = self._resolved, []
            for future, value, error in resolved:  # outside the lock: their callbacks may submit
                future.settle(value, error)

    def _follow(self) -> None:
        quiet = 0
        while self._goes_on(quiet):
            sleep(TICK)
            quiet = 0 if self._open else quiet + 1
            if self._open and not self._wanted and self._lead.acquire(blocking=False):
                try:
                    self._leading(threading.get_ident(), _Calm(self), None)
                except BaseException:  # noqa: BLE001  those who wait have been told
                    continue
        with self._lead:
            self._crew.close()
        for future in self._dropped:
            future.drop()

    def _goes_on(self, quiet: int) -> bool:
        with self._called:
            if self._over:
                return False
            if self._new or self._open or (quiet < QUIET and not self._finishing):
                return True
            if not self._finishing:
                self._parked = True
                self._called.wait(IDLE)
                self._parked = False
            self._over = not self._new and not self._open
            return not self._over

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

    def _absorb(self, arrivals: Sequence[Arrival]) -> None:
        for arrival in arrivals:
            if isinstance(arrival, Returned):
                future = self._open.pop(arrival.chunk, None)
                if future is not None:
                    fault = arrival.faults.get(0)
                    self._resolved.append((future, arrival.values[0], None if fault is None else fault.error))
            elif isinstance(arrival, Lost):
                future = self._open.pop(arrival.chunk, None)
                if future is not None:
                    self._lose(future, arrival)

    def _lose(self, future: CallFuture, lost: Lost) -> None:
        """A worker ended with the call in its hands: another may try, a few times."""
        future.deaths += lost.begun
        if future.deaths <= DEATHS_FORGIVEN:
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
            self._called.notify()
        for future in waiting:
            if not future.done():
                future.settle(None, error)
