"""A clock that goes when told to, workers that follow a script: to test what is driven by them.

Neither sleeps nor starts a thread: a test of a minute's back-off takes no time and ends the same each time.

>>> clock = ManualClock()
>>> crew = ScriptedCrew(str, lambda chunk: Fate(after=2.0), clock=clock)
>>> crew.send(Chunk(1, 0, [7, 8]))
>>> [returned] = crew.poll(None)
>>> returned.values, clock()
(['7', '8'], 2.0)
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, TypeAlias

from weft._model.chunk import Chunk
from weft._model.outcome import NO_FAULTS, Arrival, Began, Fault, Lost, Returned

NAME: Final = "a scripted worker"
NEVER: Final = float("inf")


class ManualClock:
    """A clock that stands still until it is told to go on; it starts at 0."""

    def __init__(self) -> None:
        self._now = 0.0

    def __call__(self) -> float:
        """The time, in seconds."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass.

        Raises:
            ValueError: *seconds* is negative or endless.
        """
        if not 0 <= seconds < NEVER:
            raise ValueError(f"a clock can't advance by {seconds} s")
        self._now += seconds


@dataclass(frozen=True, slots=True, eq=False)
class Fate:
    """What becomes of one chunk.

    Attributes:
        after: Seconds from when a worker takes it up until it arrives; ``float("inf")`` for one that hangs.
        tried: How many of its items are tried before it comes back; ``None`` for all.
        faults: Errors in place of a call, by the item's index in the input.
        lost: Whether its worker dies instead of giving it back.
        begun: Whether, if lost, the worker may have begun it.
        error: The error that comes with the loss, as from somebody's executor.
        seconds: What its calls are said to have taken; ``None`` for *after*.
        cpu: How long of that processors are said to have worked; ``None`` if nobody knows.
        nbytes: What an item and its result are said to weigh.
        delay: How long they are said to have been ready, and to have had no processor.
    """

    after: float = 0.0
    tried: int | None = None
    faults: Mapping[int, BaseException] = field(default_factory=dict)
    lost: bool = False
    begun: bool = True
    error: BaseException | None = None
    seconds: float | None = None
    cpu: float | None = None
    nbytes: float = 0.0
    delay: float = 0.0


Script: TypeAlias = Callable[[Chunk], Fate]


class ScriptedCrew:
    """Workers that exist in the test only: a :class:`weft.abc.Crew` whose chunks fare as scripted.

    At most *width* chunks are with a worker; the others wait for one, first come, first served. The function
    is called by :meth:`poll`, when the chunk arrives. A poll that has to wait moves the clock on instead.

    Args:
        fn: Called with each item; what it raises is the item's fault.
        script: Asked for the fate of each chunk when it is sent; by default all return at once.
        width: How many workers there are; may be changed.
        clock: The time; a :class:`ManualClock` of its own by default.
        prefetches: Whether to ask for chunks before a worker is free.
        announce: Whether to say when a worker takes a chunk up, as a run with a timeout needs.
        halt: Whether a chunk ends at its first error.
        stops: Whether a chunk can be stopped once begun.

    Attributes:
        sent: All chunks that were sent, in order.
        killed: The numbers of those that were given up on.
        closed: Whether it was closed.
    """

    def __init__(
        self,
        fn: Callable[[Any], object],
        script: Script | None = None,
        *,
        width: int = 1,
        clock: ManualClock | None = None,
        prefetches: bool = True,
        announce: bool = False,
        halt: bool = False,
        stops: bool = True,
    ) -> None:
        self.width, self.prefetches, self.tells, self.follows = width, prefetches, False, True
        self.lends, self.together, self.held, self.keeps = 0.0, 1, 0, False
        self.clock = ManualClock() if clock is None else clock
        self.sent: list[Chunk] = []
        self.killed: list[int] = []
        self.closed = False
        self._fn = fn
        self._script: Script = script if script is not None else lambda _: Fate()
        self._announce, self._halt, self._stops = announce, halt, stops
        self._fates: dict[int, tuple[Chunk, Fate]] = {}  # what is here, by number
        self._idle: deque[int] = deque()  # waits for a worker
        self._busy: list[tuple[float, int, int]] = []  # with a worker: when it arrives, order, number
        self._said: list[Arrival] = []  # arrived already
        self._order = count()
        self._woken = False

    @property
    def in_hand(self) -> list[Chunk]:
        """The chunks that were sent, have not arrived and are still wanted."""
        return [chunk for number, (chunk, _) in self._fates.items() if number not in self.killed]

    def send(self, chunk: Chunk) -> None:
        """Take a chunk.

        Raises:
            AssertionError: The crew is closed, or has one of the chunk's items already.
        """
        assert not self.closed, "a chunk was sent to a crew that is closed"
        span = range(chunk.first, chunk.first + len(chunk.items))
        for other in self.in_hand:
            twice = range(max(span.start, other.first), min(span.stop, other.first + len(other.items)))
            assert not twice, f"item {twice.start} is in flight twice"
        self.sent.append(chunk)
        self._fates[chunk.number] = (chunk, self._script(chunk))
        self._idle.append(chunk.number)
        self._begin()

    def poll(self, timeout: float | None) -> Sequence[Arrival]:
        """What has arrived; where nothing has, the clock advances to the next arrival, or by *timeout*.

        Raises:
            AssertionError: It would wait for ever: no timeout, and nothing is on its way.
        """
        self._begin()
        self._arrive()
        if not self._said and not self._woken:
            self._wait(timeout)
            self._arrive()
        self._woken = False
        arrivals, self._said = self._said, []
        return arrivals

    async def apoll(self, timeout: float | None) -> Sequence[Arrival]:
        """The same; other tasks of the event loop get a turn."""
        import asyncio

        await asyncio.sleep(0)
        return self.poll(timeout)

    def kill(self, chunk: int) -> tuple[str, bool]:
        """Give up on a chunk; one that can't be stopped arrives all the same, late."""
        self.killed.append(chunk)
        if self._stops and chunk in self._fates:
            self._fates.pop(chunk)
            self._idle = deque(number for number in self._idle if number != chunk)
            self._busy = [entry for entry in self._busy if entry[2] != chunk]
            heapq.heapify(self._busy)
        return NAME, self._stops

    def resize(self, workers: int) -> None:
        """Have so many workers from now on."""
        self.width = workers

    def wake(self) -> None:
        """Make the poll that waits return, or the next one."""
        self._woken = True

    def close(self) -> None:
        """Forget everything."""
        self.closed = True
        self._fates.clear()
        self._idle.clear()
        self._busy.clear()
        self._said.clear()

    async def aclose(self) -> None:
        """The same."""
        self.close()

    def _begin(self) -> None:
        """Give free workers what waits."""
        while self._idle and len(self._busy) < self.width:
            number = self._idle.popleft()
            _, fate = self._fates[number]
            heapq.heappush(self._busy, (self.clock() + fate.after, next(self._order), number))
            if self._announce and (fate.begun or not fate.lost):
                self._said.append(Began(number))

    def _wait(self, timeout: float | None) -> None:
        due = self._busy[0][0] if self._busy else NEVER
        patience = NEVER if timeout is None else timeout
        left = due - self.clock()
        assert min(left, patience) < NEVER, "poll would wait for ever: nothing is on its way"
        self.clock.advance(min(left, patience))
        while left <= patience and self.clock() < due:  # the sum was rounded down
            self.clock.advance(due - self.clock())

    def _arrive(self) -> None:
        while self._busy and self._busy[0][0] <= self.clock():
            _, _, number = heapq.heappop(self._busy)
            chunk, fate = self._fates.pop(number)
            self._said.append(self._lost(chunk, fate) if fate.lost else self._run(chunk, fate))
            self._begin()

    def _lost(self, chunk: Chunk, fate: Fate) -> Lost:
        return Lost(chunk.number, NAME, "as scripted", begun=fate.begun, error=fate.error)

    def _run(self, chunk: Chunk, fate: Fate) -> Returned:
        values: list[Any] = []
        faults: dict[int, Fault] = {}
        for offset, item in enumerate(chunk.items[: fate.tried]):
            try:
                if chunk.first + offset in fate.faults:
                    raise fate.faults[chunk.first + offset]
                values.append(self._fn(item))
            except Exception as error:  # noqa: BLE001  whatever it is, it is the item's
                faults[offset] = Fault(error, NAME)
                values.append(None)
                if self._halt:
                    break
        seconds = fate.after if fate.seconds is None else fate.seconds
        met = faults or NO_FAULTS
        return Returned(chunk.number, values, NAME, seconds, met, fate.cpu, fate.nbytes, delay=fate.delay)
