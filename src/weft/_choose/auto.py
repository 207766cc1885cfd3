"""Workers that are chosen while they work: a crew of lanes, of which the caller is the first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from time import perf_counter

from .._model.chunk import Chunk
from .._model.copies import free_in_copies
from .._model.locks import RLock
from .._model.outcome import Arrival, Returned
from .lanes import Lane
from .pilot import Pilot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from .._model.protocols import Crew, Watched

# While lanes of two kinds have chunks, they are listened to in turns.
TURN: Final = 0.002  # seconds


class AutoCrew:
    """The caller runs the first items; whoever the pilot decides on takes over. Nothing is run twice.

    Args:
        caller: The crew to begin with.
        pilot: Decides; it is told of everything that goes out and comes back.
        clock: The time.
        before: Is shown the first item before it is run.
    """

    tells = False

    def __init__(
        self,
        caller: Watched,
        pilot: Pilot,
        clock: Callable[[], float] = perf_counter,
        *,
        before: Callable[[Any], object] | None = None,
    ) -> None:
        self._caller = Lane(caller)
        self._others: Lane | None = None
        self._leaving: list[Lane] = []  # that get no more chunks
        self._pilot, self._clock = pilot, clock
        self._before = before
        self._thread = 0  # the caller's, who alone waits
        self._lock = free_in_copies(RLock())  # the caller works while somebody else drives
        pilot.board(self)

    # ── what the driver sees ──────────────────────────────────────────────────────────────────────────────

    @property
    def width(self) -> int:
        """How many chunks those who get any can have in hand at once."""
        if self._others is None:
            return 1
        return self._others.crew.width + bool(self._caller.chunks or self._pilot.works)

    @property
    def held(self) -> int:
        """How many chunks others finish: they take nobody's place."""
        return sum([len(lane.chunks) for lane in self._leaving]) if self._leaving else 0

    @property
    def prefetches(self) -> bool:
        """Whether those who work now gain by having chunks waiting; while they are on trial beside the caller, none."""
        return self._others is not None and self._others.crew.prefetches and not self._pilot.sparing

    @property
    def keeps(self) -> bool:
        """Whether what those who work now have finished outlives them; while they are watched closely, no matter."""
        return self.prefetches and self._others is not None and self._others.crew.keeps

    @property
    def together(self) -> int:
        """How many items each of those who work now runs at once."""
        return 1 if self._others is None else self._others.crew.together

    @property
    def follows(self) -> bool:
        """Whether somebody works on while the caller is busy."""
        lanes = [*self._leaving] if self._others is None else [*self._leaving, self._others]
        return bool(lanes) and all(lane.crew.follows for lane in lanes)

    @property
    def lends(self) -> float:
        """How often somebody should look while the caller works."""
        return self._pilot.pace if self._caller.chunks else 0.0

    def send(self, chunk: Chunk) -> None:
        """Hand the chunk to the caller, if it works and has none, or to whoever else does."""
        with self._lock:
            if self._others is None or (self._pilot.works and not self._caller.chunks):
                if self._before is not None:
                    before, self._before = self._before, None
                    before(chunk.items[0])
                self._pilot.take(chunk)
                self._caller.send(chunk)
            else:
                self._others.send(chunk)

    def poll(self, timeout: float | None) -> Sequence[Arrival]:
        """What has arrived; the caller's chunk is run here, and while somebody else may drive only that is told of.

        What others have sent might come too late then, after what is heard of them meanwhile.
        """
        if timeout == 0:
            with self._lock:
                away = self._thread not in {0, threading.get_ident()} and not self._caller.chunks
                return self._collect((), away=away)
        self._thread = threading.get_ident()
        if self._caller.chunks:
            lends = self.lends
            return self._ran(self._caller.crew.poll(timeout), lends=lends)
        first, wait = self._listen(timeout)
        lane = self._waits_at
        return first or self._heard(lane, lane.crew.poll(wait))

    async def apoll(self, timeout: float | None) -> Sequence[Arrival]:
        """The same for an event loop."""
        if timeout == 0:
            import asyncio

            await asyncio.sleep(0)  # the loop runs on, and nobody is asked for what nobody would then hear of
            return self.poll(0)
        if self._caller.chunks:
            lends = self.lends
            return self._ran(await self._caller.crew.apoll(timeout), lends=lends)
        first, wait = self._listen(timeout)
        lane = self._waits_at
        return first or self._heard(lane, await lane.crew.apoll(wait))

    def resize(self, workers: int) -> None:
        """Its size is its own affair."""

    def kill(self, chunk: int) -> tuple[str, bool] | None:
        """Give up on the item that a chunk's worker is in."""
        with self._lock:
            lane = next((lane for lane in self._lanes if chunk in lane.chunks), self._caller)
            ended = lane.crew.kill(chunk)
            if ended is not None:
                lane.chunks.discard(chunk)
            return ended

    def wake(self) -> None:
        """End the wait of a poll."""
        for lane in list(self._lanes):
            lane.crew.wake()

    def close(self) -> None:
        """Let everybody go."""
        self._pilot.leave()
        for lane in self._lanes:
            lane.crew.close()

    async def aclose(self) -> None:
        """The same from inside an event loop."""
        self._pilot.leave()
        for lane in self._lanes:
            await lane.crew.aclose()

    # ── what the pilot sees ───────────────────────────────────────────────────────────────────────────────

    @property
    def others(self) -> Crew | None:
        """Those who work beside the caller or in its place."""
        return None if self._others is None else self._others.crew

    @property
    def out(self) -> int:
        """How many chunks they have."""
        return 0 if self._others is None else len(self._others.chunks)

    @property
    def leaving(self) -> bool:
        """Whether there are workers that have not finished what they held when they were given up."""
        return bool(self._leaving)

    def change(self, crew: Crew | None) -> None:
        """From now on chunks go to *crew*, or to the caller alone; what others hold they finish."""
        if self._others is not None:
            self._leaving.append(self._others)
        self._others = None if crew is None else Lane(crew)

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _lanes(self) -> list[Lane]:
        others = [] if self._others is None else [self._others]
        return [self._caller, *self._leaving, *others]

    @property
    def _waits_at(self) -> Lane:
        """Where the next arrival is waited for."""
        if self._others is not None:
            return self._others
        return self._leaving[0] if self._leaving else self._caller

    def _ran(self, arrivals: Sequence[Arrival], *, lends: float) -> Sequence[Arrival]:
        """The caller has run its chunk, and perhaps had lent the run to somebody meanwhile."""
        with self._lock:
            self._caller.settle(arrivals)
            for arrival in arrivals:
                if isinstance(arrival, Returned):
                    self._pilot.ran(arrival)
            return [*arrivals, *self._collect(self._lanes if lends else ())]

    def _listen(self, timeout: float | None) -> tuple[Sequence[Arrival], float | None]:
        """What is there already, or else how long to wait."""
        with self._lock:
            before = (self._others, self.width)
            arrivals = self._collect((self._waits_at,))
            if before != (self._others, self.width):  # there may be more to send
                return arrivals, 0.0
            until = self._pilot.due - self._clock() if self._others is not None else None
        waits = [wait for wait in (timeout, until, TURN if self._leaving else None) if wait is not None]
        return arrivals, max(0.0, min(waits)) if waits else None

    def _heard(self, lane: Lane, arrivals: Sequence[Arrival]) -> Sequence[Arrival]:
        """The others have sent these."""
        with self._lock:
            self._note(lane, arrivals)
        return arrivals

    def _collect(self, apart: Sequence[Lane], *, away: bool = False) -> Sequence[Arrival]:
        """What is there from all but the caller and those *apart*, without waiting; the caller may be *away*."""
        arrivals: list[Arrival] = []
        for lane in self._lanes[1:]:
            if lane not in apart:
                news = lane.crew.poll(0)
                arrivals += news
                self._note(lane, news)
        for lane in [lane for lane in self._leaving if not lane.chunks]:
            self._leaving.remove(lane)
            lane.crew.close()
        self._pilot.away = away
        self._pilot.look(self._clock())
        return arrivals

    def _note(self, lane: Lane, arrivals: Sequence[Arrival]) -> None:
        lane.settle(arrivals)
        if lane is self._others:
            for arrival in arrivals:
                if isinstance(arrival, Returned):
                    self._pilot.heard(arrival)
