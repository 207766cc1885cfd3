"""Single calls for which nobody iterates: a schedule that whoever waits for a result drives himself."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from time import monotonic, sleep
from typing import Any, Final

from .._model.outcome import Arrival, Failure, Lost, Returned
from .._model.protocols import Clock, Crew
from .schedule import Policy, Schedule

# How long the workers stay after the last call; the next one starts others.
IDLE: Final = 10.0  # seconds

# How long results lie there, while nobody waits for one, before the follower reads them. bench/process/calls.py: a
# thread that is woken for every call makes each four times as long.
TICK: Final = 0.002  # seconds

# After so many ticks without a call the follower sleeps until there is one, and has to be woken for it.
QUIET: Final = 50

# How long a caller sleeps at most while another one reads, before it looks whether it should.
LOOK: Final = 0.05  # seconds


class CallFuture(Future[Any]):
    """The future of one call. Whoever waits for it reads the workers' answers himself, his own and others'.

    Args:
        dispatcher: Reads them.
    """

    def __init__(self, dispatcher: Dispatcher) -> None:
        super().__init__()
        self._dispatcher = dispatcher

    def result(self, timeout: float | None = None) -> Any:
        """What the call came to; see :meth:`concurrent.futures.Future.result`."""
        return super().result(self._dispatcher.serve(self, timeout))

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """What it raised; see :meth:`concurrent.futures.Future.exception`."""
        return super().exception(self._dispatcher.serve(self, timeout))

    def sleep(self, seconds: float) -> None:
        """Wait until it is done, or somebody calls :meth:`rouse`."""
        with self._condition:
            if not self.done():
                self._condition.wait(seconds)

    def rouse(self) -> None:
        """End a :meth:`sleep`."""
        with self._condition:
            self._condition.notify_all()


class Dispatcher:
    """Gives calls to a crew one by one and resolves their futures.

    One thread at a time *leads*: it waits for answers and reads them, for everybody. Whoever waits for a future
    leads if nobody does. A daemon thread, the *follower*, leads while nobody waits for a future and some are open: for
    callbacks, and for who waits in another way. It lives while it is used.

    Args:
        crew: The workers.
        clock: The time.
        name: What to call the thread.
    """

    def __init__(self, crew: Crew, clock: Clock, name: str) -> None:
        self._crew, self._clock = crew, clock
        policy = Policy(ordered=False, on_error="skip", chunksize=1)
        self._schedule = Schedule(policy, crew.width, on_failure=self._failed)
        self._lock = threading.Lock()  # of all that follows
        self._called = threading.Condition(self._lock)
        self._new: deque[tuple[Any, CallFuture]] = deque()
        self._futures: dict[int, CallFuture] = {}  # by the index of the call
        self._in_flight: dict[int, int] = {}  # the indices of those given out, by the number of their chunk
        self._resolved: list[tuple[CallFuture, Any, BaseException | None]] = []
        self._count = 0
        self._parked = False
        self._finishing = False
        self._over = False
        self._lead = threading.Lock()
        self._leader = 0  # the thread that leads
        self._wanted = 0  # callers who want to lead in the follower's place
        self._asleep: deque[CallFuture] = deque()  # what callers wait for while another one leads
        self._thread = threading.Thread(target=self._follow, name=name, daemon=True)
        self._thread.start()

    def submit(self, item: Any) -> Future[Any] | None:
        """A future for the call; ``None`` if the dispatcher has ended and another is wanted."""
        future = CallFuture(self)
        with self._lock:
            if self._over or self._finishing:
                return None
            self._new.append((item, future))
            try:
                self._send()
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
        while not future.done():
            left = None if ending is None else ending - monotonic()
            if left is not None and left <= 0:
                return 0
            me = threading.get_ident()
            if self._leader == me:  # a callback that waits for another call
                self._drive(future.done, ending)
            elif self._lead.acquire(blocking=False):
                self._leading(me, future.done, ending)
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

    # ── leading ───────────────────────────────────────────────────────────────────────────────────────────

    def _leading(self, me: int, until: Callable[[], object], ending: float | None) -> None:
        """Lead, which is this thread's to do now, and hand it on."""
        self._leader = me
        try:
            self._drive(until, ending)
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
        self._leading(me, future.done, ending)

    def _drive(self, until: Callable[[], object], ending: float | None) -> None:
        """Read answers, resolve futures and give out what waits, *until* it is enough or the time is over."""
        while not until():
            patience = self._schedule.next_wakeup(self._clock())
            if ending is not None:
                left = ending - monotonic()
                if left <= 0:
                    return
                patience = left if patience is None else min(patience, left)
            arrivals = self._crew.poll(patience)
            with self._lock:
                self._absorb(arrivals)
                self._send()
                resolved, self._resolved = self._resolved, []
            for future, value, error in resolved:  # outside the lock: their callbacks may submit
                if error is None:
                    future.set_result(value)
                else:
                    future.set_exception(error)

    def _follow(self) -> None:
        quiet = 0
        while self._goes_on(quiet):
            sleep(TICK)
            quiet = 0 if self._futures else quiet + 1
            if self._futures and not self._wanted and self._lead.acquire(blocking=False):
                try:
                    self._leading(threading.get_ident(), lambda: self._wanted or not self._futures, None)
                except BaseException:  # noqa: BLE001, S112  those who wait have been told
                    continue
        with self._lead:
            self._crew.close()

    def _goes_on(self, quiet: int) -> bool:
        with self._called:
            if self._over:
                return False
            if self._new or self._futures or (quiet < QUIET and not self._finishing):
                return True
            if not self._finishing:
                self._parked = True
                self._called.wait(IDLE)
                self._parked = False
            self._over = not self._new and not self._futures
            return not self._over

    # ── under the lock ────────────────────────────────────────────────────────────────────────────────────

    def _send(self) -> None:
        """Give out what was submitted, as far as there are workers."""
        schedule = self._schedule
        schedule.width = self._crew.width
        while True:
            chunk = schedule.next_chunk(self._clock())
            if chunk is not None:
                self._in_flight[chunk.number] = chunk.first
                self._crew.send(chunk)
            elif not self._new or not schedule.wants_items() or not self._take_on():
                return

    def _take_on(self) -> bool:
        """Read the next call that nobody has cancelled in the meantime; whether there was one."""
        while self._new:
            item, future = self._new.popleft()
            if future.set_running_or_notify_cancel():
                self._futures[self._count] = future
                self._count += 1
                self._schedule.add([item])
                return True
        return False

    def _absorb(self, arrivals: Sequence[Arrival]) -> None:
        schedule, now = self._schedule, self._clock()
        for arrival in arrivals:
            match arrival:
                case Returned():
                    index = self._in_flight.pop(arrival.chunk, None)
                    if index is not None and arrival.values and not arrival.faults:
                        self._resolved.append((self._futures.pop(index), arrival.values[0], None))
                    schedule.settle(arrival, now)
                case Lost():
                    self._in_flight.pop(arrival.chunk, None)
                    schedule.lose(arrival, now)
        while schedule.release() is not None:  # the futures have them already
            schedule.taken()

    def _failed(self, failure: Failure) -> None:
        self._resolved.append((self._futures.pop(failure.index), None, failure.error))
        self._schedule.failures.clear()  # or they would pile up for as long as there are calls

    def _give_up(self, error: BaseException) -> None:
        """Whatever went wrong beside the calls: nobody waits in vain."""
        with self._lock:
            self._over = True
            waiting = [*self._futures.values(), *(future for _, future in self._new)]
            self._futures.clear()
            self._new.clear()
            self._called.notify()
        for future in waiting:
            if not future.done():
                future.set_exception(error)
