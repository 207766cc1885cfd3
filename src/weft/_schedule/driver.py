"""The only loops that wait: they carry facts to the schedule and perform what it decides.

One for callers that iterate, one for callers that ``async for``; they share everything but the wait. They
run in the caller: a run has no thread of its own, and while the caller is busy nothing is read ahead.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence

from .._model.outcome import Arrival, Began, Lost, Returned
from .reading import Reader
from .schedule import Schedule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from .._model.protocols import Clock, Crew

# A system call takes no endless time, and poll(2) no more than 24 days: a longer wait is made of several.
WAIT_MOST: Final = 86_400.0  # seconds


class Driver:
    """Drives one run: reads, sends, waits, releases.

    Args:
        schedule: Decides.
        source: The input.
        crew: The workers.
        clock: The time, in seconds.
        on_arrival: Called when chunks have come back, one or several; ``None`` if nobody listens.
    """

    def __init__(
        self,
        schedule: Schedule,
        source: Iterable[Any],
        crew: Crew,
        clock: Clock,
        on_arrival: Callable[[], None] | None = None,
    ) -> None:
        self._schedule, self._crew, self._clock = schedule, crew, clock
        self._reader = Reader(source, clock)
        self._on_arrival = on_arrival
        self._stopping = False

    def stop(self) -> None:
        """End the run soon; from any thread."""
        self._stopping = True
        self._crew.wake()

    def batches(self) -> Iterator[list[Any]]:
        """Results as they may leave, together where several may; raises what the run ends with."""
        schedule = self._schedule
        while True:
            slow = self._feed()
            batch = schedule.release()
            if batch is not None:
                yield batch
                schedule.taken()
            elif schedule.finished:
                break
            self._absorb(self._crew.poll(self._patience(hurry=slow or batch is not None)))
        self._raise()

    async def abatches(self) -> AsyncIterator[list[Any]]:
        """The same for ``async for``: the event loop runs on while there is nothing to release."""
        schedule = self._schedule
        while True:
            slow = self._feed()
            batch = schedule.release()
            if batch is not None:
                yield batch
                schedule.taken()
            elif schedule.finished:
                break
            self._absorb(await self._crew.apoll(self._patience(hurry=slow or batch is not None)))
        self._raise()

    def _patience(self, *, hurry: bool) -> float | None:
        """How long to wait for arrivals: not at all while there may be more to release or to read.

        There may be more to read though nothing was released: results that are left out make room as well.
        """
        if hurry or self._schedule.wants_items():
            return 0.0
        wakeup = self._schedule.next_wakeup(self._clock())
        return None if wakeup is None else min(wakeup, WAIT_MOST)

    def _feed(self) -> bool:
        """Read and send what the schedule wants; whether it paused because the input is slow."""
        schedule, crew = self._schedule, self._crew
        if self._stopping:
            schedule.cancel()
        schedule.width, schedule.prefetches, schedule.tells = crew.width, crew.prefetches, crew.tells
        slow = False
        while True:
            chunk = schedule.next_chunk(self._clock())
            if chunk is not None:
                crew.send(chunk)
            elif slow:
                return True
            elif wanted := schedule.wants_items():
                slow = self._read(wanted)
            else:
                return False

    def _read(self, wanted: int) -> bool:
        """Read *wanted* items, or fewer if the input takes its time; whether it did."""
        portion = self._reader.read(wanted)
        self._schedule.add(portion.items)
        if portion.ended:
            self._schedule.end_input(portion.error)
        return portion.slow

    def _absorb(self, arrivals: Sequence[Arrival]) -> None:
        schedule, now = self._schedule, self._clock()
        for arrival in arrivals:
            match arrival:
                case Returned():
                    schedule.settle(arrival, now)
                case Began():
                    schedule.began(arrival.chunk, now - arrival.ago)
                case Lost():
                    schedule.lose(arrival, now)
        for number in schedule.overdue(now):
            ended = self._crew.kill(number)
            if ended is not None:
                schedule.expire(number, now, ended[0], stopped=ended[1])
        if arrivals and self._on_arrival:
            self._on_arrival()

    def _raise(self) -> None:
        error = self._schedule.error
        if error is not None:
            try:
                raise error
            finally:
                del error  # or the traceback keeps this frame and this frame the error
