"""The only loops that wait: they carry facts to the schedule and perform what it decides.

One for callers that iterate, one for callers that ``async for``; they share everything but the wait. They
run in the caller. While it is busy a follower goes on with what was read, or is in a list; it never waits.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence

from .._model.event import Span
from .._model.outcome import Arrival, Began, Lost, Returned
from .follower import BRISK, LULL, TICK, Follower
from .reading import READING, Reader, Supply
from .schedule import Schedule
from .turns import Turns

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
        on_arrival: Called when chunks have come back, with who had which when; ``None`` if nobody listens.
        follower: Looks after the run while the caller is busy with results; ``None`` for nobody.
        since: When the run began, by the *clock*; ``None`` for now.
    """

    def __init__(
        self,
        schedule: Schedule,
        source: Iterable[Any] | Supply,
        crew: Crew,
        clock: Clock,
        on_arrival: Callable[[Sequence[Span]], None] | None = None,
        *,
        follower: Follower | None = None,
        since: float | None = None,
    ) -> None:
        self._schedule, self._crew, self._clock = schedule, crew, clock
        self._stopping = False
        self._reader = source if isinstance(source, Supply) else Reader(source, clock)
        if isinstance(source, Supply):
            source.serve(self)
        self._on_arrival = on_arrival
        self._spans: list[Span] = []  # that nobody has been told of
        self._turns = Turns()
        self._follower = follower
        self._followed = self._watched = self._away = self._lending = False
        self._home = os.getpid()
        self._left = clock()
        self._since = self._left if since is None else since
        self._longest = 0.0  # that the caller was away

    def stop(self) -> None:
        """End the run soon; from any thread."""
        self._stopping = True
        self._crew.wake()

    def rouse(self) -> None:
        """There is something to read again; from any thread."""
        self._crew.wake()

    def batches(self) -> Iterator[list[Any]]:
        """Results as they may leave, together where several may; raises what the run ends with."""
        while True:
            try:
                self._turns.take()
                batch = self._next()
            finally:
                self._turns.leave()
            if batch is None:
                break
            yield batch
        self._raise()

    async def abatches(self) -> AsyncIterator[list[Any]]:
        """The same for ``async for``: the event loop runs on while there is nothing to release."""
        while True:
            try:
                self._turns.take()  # those who follow do not wait for it
                batch = await self._anext()
            finally:
                self._turns.leave()
            if batch is None:
                break
            yield batch
        self._raise()

    def end(self, then: Callable[[], None]) -> None:
        """Nobody iterates any more. *then*, which closes what there is to close, is called when nobody follows."""

        def let_go() -> None:
            if self._follower is not None:
                self._follower.forget(self)
            if isinstance(self._reader, Supply):
                self._reader.close()
            self._reader = Reader((), self._clock)  # here, and not wherever the last reference to it is dropped
            try:
                self._turns.catch_up()
            finally:
                then()

        self._turns.end(let_go)

    def tell(self, say: Callable[..., object], *given: Any) -> None:
        """Call ``say(*given)``: now, or if a follower drives, when the caller is back."""
        self._turns.tell(say, *given)

    def catch_up(self) -> None:
        """Say what was kept for the caller."""
        self._turns.catch_up()

    # ── for the follower ──────────────────────────────────────────────────────────────────────────────────

    def follow(self) -> float:
        """Go on for the caller, if it is away: collect, send what was read, end what is overdue.

        Seconds until the next look.
        """
        return self._turns.follow(self._step)

    def renew(self) -> None:
        """This is a forked copy: nobody follows in it."""
        self._turns.renew()

    def _step(self) -> float:
        if self._stopping or not (self._lending or self._crew.follows):
            return LULL
        arrivals = self._crew.poll(0)
        self._absorb(arrivals)
        if self._reader.in_memory:  # to cut a slice of a list is nobody's code, and what is cut late is cut right
            self._feed()
        else:
            self._send()
        if arrivals:
            return BRISK
        if self._lending:
            return self._crew.lends or BRISK
        return TICK if self._schedule.waiting else LULL

    # ── the caller's turn ─────────────────────────────────────────────────────────────────────────────────

    def _next(self) -> list[Any] | None:
        """The next results; ``None`` when there are no more."""
        if self._return() and self._schedule.releases:  # else there is a look at workers below
            self._absorb(self._poll(self._patience(hurry=True)))
        while True:
            slow = self._feed()
            batch = self._release()
            if batch is not None or self._schedule.finished:
                return batch
            self._absorb(self._poll(self._patience(hurry=slow)))

    async def _anext(self) -> list[Any] | None:
        """The same for an event loop."""
        if self._return() and self._schedule.releases:
            self._absorb(await self._apoll(self._patience(hurry=True)))
        while True:
            slow = self._feed()
            batch = self._release()
            if batch is not None or self._schedule.finished:
                return batch
            self._absorb(await self._apoll(self._patience(hurry=slow)))

    def _poll(self, timeout: float | None) -> Sequence[Arrival]:
        """Wait for arrivals; or work, and let a follower drive meanwhile."""
        if timeout == 0 or not self._crew.lends:
            return self._crew.poll(timeout)
        self._be_watched()
        self._lending = True
        try:
            self._turns.lend(self._follower.nudge if self._follower else None)
            arrivals = self._crew.poll(timeout)
        finally:
            self._turns.take_back()
            self._lending = False
        return [*arrivals, *self._crew.poll(0)]  # others are heard in their order: by whoever drives, and nobody else

    async def _apoll(self, timeout: float | None) -> Sequence[Arrival]:
        """The same for an event loop."""
        if timeout == 0 or not self._crew.lends:
            return await self._crew.apoll(timeout)
        self._be_watched()
        self._lending = True
        try:
            self._turns.lend(self._follower.nudge if self._follower else None)
            arrivals = await self._crew.apoll(timeout)
        finally:
            self._turns.take_back()
            self._lending = False
        return [*arrivals, *self._crew.poll(0)]

    def _return(self) -> bool:
        """The caller is back; whether it has taken results."""
        if os.getpid() != self._home:  # whose workers would answer there
            raise RuntimeError(f"this run is that of process {self._home}, and this is a fork of it; ask for another")
        self._turns.begin()
        if not self._away:
            return False
        self._away = False
        self._schedule.taken()
        if self._followed:
            self._longest = max(self._longest, self._clock() - self._left)
        return True

    def _release(self) -> list[Any] | None:
        """What may leave now; with it the caller goes away."""
        batch = self._schedule.release()
        if batch is None:
            return None
        self._away = True
        if self._is_followed():
            self._stock()
            self._left = self._clock()
        return batch

    def _is_followed(self) -> bool:
        if self._follower is None or not self._crew.follows:
            return False
        if not self._followed and not self._schedule.finished:  # else all came at once: nothing is left to do
            self._followed = True
            self._be_watched()
        return self._followed

    def _be_watched(self) -> None:
        if not self._watched and self._follower is not None:
            self._watched = True
            self._follower.watch(self)

    def _stock(self) -> None:
        """Read so much that workers have enough to do while the caller is away, as far as that is quick."""
        if self._reader.in_memory or self._longest < TICK:
            return
        ending = self._clock() + READING
        while (
            not self._reader.slow and (wanted := self._schedule.wants_ahead(self._longest)) and self._clock() < ending
        ):
            self._read(wanted)

    def _patience(self, *, hurry: bool) -> float | None:
        """How long to wait for arrivals: not at all while there may be more to release or to read.

        There may be more to read though nothing was released: results that are left out make room as well.
        """
        wanted = hurry or self._schedule.wants_items()
        if wanted and (hurry or not self._reader.dry):
            return 0.0
        now = self._clock()
        waits = [self._schedule.next_wakeup(now), self._reader.due(now) if wanted else None]
        return min((min(wait, WAIT_MOST) for wait in waits if wait is not None), default=None)

    def _feed(self) -> bool:
        """Read and send what the schedule wants; whether it paused because the input is slow."""
        if self._stopping:
            self._schedule.cancel()
        self._send()
        while not self._reader.dry and (wanted := self._schedule.wants_items()):
            slow = self._read(wanted)
            self._send()
            if slow:
                return True
        return False

    def _send(self) -> None:
        """Send what was read, as far as workers can take it."""
        schedule, crew = self._schedule, self._crew
        schedule.suit(
            crew.width,
            held=crew.held,
            prefetches=crew.prefetches,
            tells=crew.tells,
            together=crew.together,
            keeps=crew.keeps,
        )
        while (chunk := schedule.next_chunk(self._clock())) is not None:
            crew.send(chunk)

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
                    first = schedule.settle(arrival, now)
                    if first is not None and self._on_arrival:
                        self._spans.append(self._span(arrival, first, now))
                case Began():
                    schedule.began(arrival.chunk, now - arrival.ago)
                case Lost():
                    schedule.lose(arrival, now)
        for number in schedule.overdue(now):
            ended = self._crew.kill(number)
            if ended is not None:
                schedule.expire(number, now, ended[0], stopped=ended[1])
        if arrivals and self._on_arrival:
            self.tell(self._tell_spans)

    def _tell_spans(self) -> None:
        """Say what came back since it was said last."""
        spans, self._spans = self._spans, []
        if self._on_arrival:
            self._on_arrival(spans)

    def _span(self, returned: Returned, first: int, now: float) -> Span:
        began, ended = returned.began, returned.ended
        if (
            not ended or not self._since <= began <= ended <= now
        ):  # the clock of another machine, or nobody looked at one
            began, ended = max(self._since, now - returned.seconds), now
        return Span(returned.worker, first, len(returned.values), began - self._since, ended - began)

    def _raise(self) -> None:
        error = self._schedule.error
        if error is not None:
            try:
                raise error
            finally:
                del error  # or the traceback keeps this frame and this frame the error
