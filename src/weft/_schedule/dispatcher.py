"""Single calls for which nobody iterates: a schedule driven by a thread of its own, an outcome per future."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any, Final

from .._model.outcome import Arrival, Failure, Lost, Returned
from .._model.protocols import Clock, Crew
from .schedule import Policy, Schedule

# How long the workers stay after the last call; the next one starts others.
IDLE: Final = 10.0  # seconds


class Dispatcher:
    """Gives calls to a crew one by one and resolves their futures, in a daemon thread that lives while it is used.

    Args:
        crew: The workers.
        clock: The time.
        name: What to call the thread.
    """

    def __init__(self, crew: Crew, clock: Clock, name: str) -> None:
        self._crew, self._clock = crew, clock
        policy = Policy(ordered=False, on_error="skip", chunksize=1)
        self._schedule = Schedule(policy, crew.width, on_failure=self._failed)
        self._lock = threading.Lock()
        self._new: deque[tuple[Any, Future[Any]]] = deque()
        self._futures: dict[int, Future[Any]] = {}  # by the index of the call
        self._in_flight: dict[int, int] = {}  # the indices of those given out, by the number of their chunk
        self._count = 0
        self._finishing = False
        self._over = False
        self._thread = threading.Thread(target=self._live, name=name, daemon=True)
        self._thread.start()

    def submit(self, item: Any) -> Future[Any] | None:
        """A future for the call; ``None`` if the dispatcher has ended and another is wanted."""
        future: Future[Any] = Future()
        with self._lock:
            if self._over or self._finishing:
                return None
            self._new.append((item, future))
            self._crew.wake()
        return future

    def finish(self) -> None:
        """Wait until all calls are done, then let the workers go."""
        with self._lock:
            self._finishing = True
            if not self._over:
                self._crew.wake()
        self._thread.join()

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    def _live(self) -> None:
        try:
            bored = False
            while not self._ends(bored=bored):
                busy = self._send() or bool(self._futures)
                arrivals = self._crew.poll(self._patience() if busy else IDLE)
                self._absorb(arrivals)
                bored = not busy and not arrivals
        except BaseException as error:  # noqa: BLE001  whoever waits for a future must hear of it
            self._give_up(error)
        finally:
            self._crew.close()

    def _ends(self, *, bored: bool) -> bool:
        with self._lock:
            if not self._new and not self._futures and (bored or self._finishing):
                self._over = True
            return self._over

    def _patience(self) -> float | None:
        return self._schedule.next_wakeup(self._clock())

    def _send(self) -> bool:
        """Give out what was submitted, as far as there are workers; whether that was anything."""
        schedule, sent = self._schedule, False
        schedule.width = self._crew.width
        while True:
            chunk = schedule.next_chunk(self._clock())
            if chunk is None:
                if not schedule.wants_items() or not self._take_on():
                    return sent
                continue
            self._in_flight[chunk.number] = chunk.first
            self._crew.send(chunk)
            sent = True

    def _take_on(self) -> bool:
        """Read the next call that nobody has cancelled in the meantime; whether there was one."""
        while True:
            with self._lock:
                if not self._new:
                    return False
                item, future = self._new.popleft()
            if future.set_running_or_notify_cancel():
                self._futures[self._count] = future
                self._count += 1
                self._schedule.add([item])
                return True

    def _absorb(self, arrivals: Sequence[Arrival]) -> None:
        schedule, now = self._schedule, self._clock()
        for arrival in arrivals:
            match arrival:
                case Returned():
                    index = self._in_flight.pop(arrival.chunk, None)
                    if index is not None and arrival.values and not arrival.faults:
                        self._futures.pop(index).set_result(arrival.values[0])
                    schedule.settle(arrival, now)
                case Lost():
                    self._in_flight.pop(arrival.chunk, None)
                    schedule.lose(arrival, now)
        while schedule.release() is not None:  # the futures have them already
            schedule.taken()

    def _failed(self, failure: Failure) -> None:
        self._futures.pop(failure.index).set_exception(failure.error)
        self._schedule.failures.clear()  # or they would pile up for as long as there are calls

    def _give_up(self, error: BaseException) -> None:
        with self._lock:
            self._over = True
            waiting = [*self._futures.values(), *(future for _, future in self._new)]
            self._futures.clear()
            self._new.clear()
        for future in waiting:
            if not future.done():
                future.set_exception(error)
