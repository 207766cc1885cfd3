"""What a dispatcher has been given and nobody has answered yet: it waits for a worker, or one has it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Any, Final

from .._model.chunk import Chunk
from .._model.interruption import uninterrupted
from .._model.noun import replace
from .._model.outcome import Arrival, Began, Fault, Lost, Returned
from .._model.protocols import Ahead, Crew
from ..errors.died import InitializerFailed, MemoryExceeded, WorkerDied
from .call_future import CallFuture
from .source import Part, Source

# What a worker has ahead of it should take no longer than this: one round trip is little beside it.
AHEAD: Final = 0.002  # seconds
MOST_AHEAD: Final = 256  # calls

# One call may wait behind the one in hand as long as calls take less than this, as a rule: some eighty times what the
# way to a sleeping worker and back takes where the caller shares its processor. bench/dropin.py
ONE_AHEAD: Final = 0.008  # seconds

# But not after one was held up by the one in hand, until so many calls have been answered.
WARY: Final = 4

# What the way of a call costs a worker. bench/process/calls.py
WAY: Final = 0.00001  # seconds

# How much of a call that was shorter than those before it is believed. bench/dropin.py
EASING: Final = 0.25

# Where calls are submitted one right after the other, so many are worth a message. bench/dropin.py
BUNCH: Final = 32


class OpenCalls:
    """Single calls and sources, given out first come, first served; all of it under the dispatcher's lock.

    Args:
        crew: The workers.
        forgives: How many of them may die of a call before it fails.
        on_leave: Called when a source will give out nothing more.
        ahead: What sends the workers calls ahead of their turn, where that can be.

    Attributes:
        new: What waits for a worker.
        out: What workers have, by number.
        sources: What gives out many calls, in their order.
        resolved: The futures that are to be settled, with what; whoever leads does it.
        failing: The sources that are to fail, with what.
        broken: Why no more calls can be made, if that is so.
    """

    def __init__(self, crew: Crew, forgives: int, on_leave: Callable[[], object], ahead: Ahead | None = None) -> None:
        self._crew, self._forgives, self._on_leave, self._ahead = crew, forgives, on_leave, ahead
        self.new: deque[CallFuture] = deque()
        self.out: dict[int, CallFuture | Part] = {}
        self.sources: dict[Source, None] = {}
        self.broken: BaseException | None = None
        self._numbers = count(1)
        self._cost = 0.0  # seconds that a call takes its worker, rather too many; 0 if nothing is known
        self._usual = 0.0  # seconds that one usually takes: a few that are much longer hardly count
        self._wary = 0  # answers until one may wait behind another again
        self._full = False  # whether no worker can be sent more ahead, as far as anybody has heard
        self.resolved: deque[tuple[CallFuture, Any, BaseException | None]] = deque()
        self.failing: deque[tuple[Source, BaseException]] = deque()

    def __bool__(self) -> bool:
        return bool(self.new or self.out or self.resolved or self.failing)

    def number(self) -> int:
        """One for a new call."""
        return next(self._numbers)

    def add(self, make: Callable[[Chunk], CallFuture], chunk: Chunk, *, waits: bool) -> CallFuture:
        """Give out the call, or let it wait for its turn, or for others to go with if *waits* says that it may.

        *make* makes a future for it.
        """
        if waits and 0 < self._cost < AHEAD:
            self.new.append(future := make(chunk))
            if len(self.new) >= BUNCH and not self._full:
                with uninterrupted:
                    self.send()
            return future
        free = self._free if self.out or self.new else 1  # who has given out nothing need not ask who is free
        if self.new or free <= 0:
            self.new.append(future := make(chunk))
            if free > 0 or (len(self.new) >= BUNCH and not self._full):
                with uninterrupted:
                    self.send()
        else:
            with uninterrupted:
                self._crew.send(chunk)  # the rest is done while the worker works
                future = self.out[chunk.number] = make(chunk)
                future.set_running_or_notify_cancel()
        return future

    def send(self) -> None:
        """Give out what waits, as far as there are workers."""
        self._send_calls()
        if not self.new:  # they go first
            self._send_sources()

    def _send_calls(self) -> None:
        width = self._crew.width
        if len(self.new) > 1 and self._cost and not self._full:
            self._send_ahead(width)
        while self.new and self._free > 0:
            future = self.new.popleft()
            if future.deaths or future.set_running_or_notify_cancel():
                self.out[future.chunk.number] = future
                try:
                    self._crew.send(future.chunk)
                except Exception as error:  # noqa: BLE001  no worker to be had: that is this call's, whoever waits for it
                    del self.out[future.chunk.number]
                    self.resolved.append((future, None, error))
                    self._crew.wake()

    def _send_sources(self) -> None:
        width = self._crew.width
        for source in self.sources:
            if source.early and self._ahead is not None and self._ahead.room(1) > 0:
                self._send_early(source, self._ahead, width)
                continue
            most = MOST_AHEAD if source.early and self._ahead is None else 2 * width if source.ahead else width
            while len(self.out) < most and (chunk := self._chunk_of(source)) is not None:
                try:
                    self._crew.send(chunk)
                except Exception as error:  # noqa: BLE001  that is the source's
                    self._take_from(source, chunk, error)
                    break

    def _send_early(self, source: Source, ahead: Ahead, width: int) -> None:
        """Give workers all that a source gives out before anything is known of its items, in a message each."""
        chunks = list(iter(lambda: self._chunk_of(source), None))
        for at in range(min(width, len(chunks))):
            ahead.send(chunks[at::width])

    def _chunk_of(self, source: Source) -> Chunk | None:
        """What a worker may have next, with a number of its own here."""
        chunk = source.next_chunk()
        if chunk is None:
            return None
        number = next(self._numbers)
        self.out[number] = Part(source, chunk.number)
        return Chunk(number, chunk.first, chunk.items, chunk.attempt, chunk.call)

    def _take_from(self, source: Source, chunk: Chunk, error: BaseException) -> None:
        """No worker was to be had for what a source has given out: it will come to nothing."""
        part = self.out.pop(chunk.number)
        assert isinstance(part, Part)
        source.absorb(Lost(part.number, "nobody", "no worker was to be had", begun=False))
        self.failing.append((source, error))
        self._crew.wake()

    @property
    def _free(self) -> int:
        """How many calls could begin at once."""
        return self._crew.width - len(self.out) if self._ahead is None else self._ahead.spare

    def _send_ahead(self, width: int) -> None:
        """Give short calls to workers that are in others."""
        ahead, depth = self._ahead, min(MOST_AHEAD, int(AHEAD / (self._cost + WAY)))
        if depth < 2 and self._usual < ONE_AHEAD and not self._wary:
            depth = 2
        share = -(-len(self.new) // max(1, width))
        while self.new and ahead is not None:
            room = min(ahead.room(depth), share)
            chunks: list[Chunk] = []
            while self.new and len(chunks) < room and not self.new[0].stays:
                future = self.new.popleft()
                if future.cancelled():
                    future.set_running_or_notify_cancel()
                    continue
                future.ahead = not future.deaths
                self.out[future.chunk.number] = future
                chunks.append(future.chunk)
            if not chunks:
                break
            ahead.send(chunks)
        self._full = bool(self.new)

    def keep_back(self, future: CallFuture) -> None:
        """Take the call back from the worker that has it ahead; one that has begun is running from now on."""
        future.stays = True
        if future.ahead and self._ahead is not None:
            self._take_back(self._ahead.recall(future.chunk.number))
        if future.ahead:
            future.ahead = False
            future.set_running_or_notify_cancel()

    def keep_all_back(self) -> None:
        """The same of all calls."""
        for future in list(self.out.values()):
            if isinstance(future, CallFuture) and future.ahead:
                self.keep_back(future)

    def has_begun(self, future: CallFuture) -> bool:
        """Whether a worker is in what it was sent ahead."""
        return self._ahead is not None and self._ahead.has_begun(future.chunk.number)

    def _take_back(self, numbers: Iterable[int]) -> None:
        """No worker has these any more: they go first, in their order."""
        back = [future for number in numbers if isinstance(future := self.out.pop(number, None), CallFuture)]
        for future in back:
            future.ahead = False
        self.new.extendleft(reversed(back))

    def absorb(self, arrivals: Sequence[Arrival]) -> None:
        """This has arrived."""
        self._full = False
        held_up: list[int] = []
        for arrival in arrivals:
            if isinstance(arrival, Began):
                continue
            future = self.out.pop(arrival.chunk, None)
            if not isinstance(future, CallFuture):
                if future is not None:
                    self._pass_on(future, arrival)
            elif isinstance(arrival, Returned):
                if future.ahead:  # it has begun, though nobody knew: who cancels it now is too late
                    future.ahead = False
                    future.set_running_or_notify_cancel()
                fault = arrival.faults.get(0) if arrival.faults else None
                self.resolved.append((future, arrival.values[0], None if fault is None else fault.error))
                cost = arrival.seconds
                self._cost = cost if cost > self._cost else self._cost + EASING * (cost - self._cost)
                cost = max(WAY, cost)
                self._usual = self._usual ** (1 - EASING) * cost**EASING if self._usual else cost
                if self._wary:
                    self._wary -= 1
                if fault is not None:
                    self._look_at(fault)
            elif arrival.begun or not future.ahead:
                self._lose(future, arrival)
            else:
                held_up.append(arrival.chunk)
                self.out[arrival.chunk] = future
        if held_up:
            self._cost, self._wary = max(self._cost, AHEAD), WARY  # none is sent ahead before others have been short
            self._take_back(sorted(held_up))

    def take_up(self, arrivals: Sequence[Arrival]) -> bool:
        """This has arrived: give out what waits; whether there is something to settle."""
        self.absorb(arrivals)
        if self.new or self.sources:
            self.send()
        return bool(self.resolved or self.failing)

    def leave(self, source: Source) -> None:
        """The *source* will give out nothing more."""
        if source in self.sources:
            del self.sources[source]
            source.left()
            self._on_leave()

    def leave_exhausted(self) -> None:
        """Let go of the sources that whoever fed them has dropped."""
        for source in [source for source in self.sources if source.exhausted]:
            self.leave(source)

    @property
    def is_fed(self) -> bool:
        """Whether there is a source whose end is waited for."""
        return any(source.awaited for source in self.sources)

    def take_unbegun(self) -> list[CallFuture]:
        """Those that no worker has had."""
        unbegun = [future for future in self.new if not future.deaths]
        self.new = deque(future for future in self.new if future.deaths)  # to the caller these run already
        return unbegun

    def take_all(self) -> list[CallFuture]:
        """All single calls; nothing waits any more, and nobody is expected to answer."""
        calls = [call for call in (*self.out.values(), *self.new) if isinstance(call, CallFuture)]
        self.out.clear()
        self.new.clear()
        return calls

    def _pass_on(self, part: Part, arrival: Returned | Lost) -> None:
        """What came is a source's."""
        source = part.source
        if isinstance(arrival, Returned):
            if arrival.more:
                self.out[arrival.chunk] = part
            for fault in arrival.faults.values():
                self._look_at(fault)
        source.absorb(replace(arrival, chunk=part.number))
        if source.exhausted:
            self.leave(source)
        self.resolved += [(promise, None, None) for promise in source.settled()]

    def _look_at(self, fault: Fault) -> None:
        if isinstance(fault.error, InitializerFailed):
            self.broken = fault.error

    def _lose(self, future: CallFuture, lost: Lost) -> None:
        """A worker ended with the call in its hands: another may try, a few times."""
        future.deaths += lost.begun
        if lost.excess:
            fat = MemoryExceeded(lost.worker, lost.excess, 0, memory=lost.memory, stack=lost.stack)
            self.resolved.append((future, None, fat))
            return
        if future.deaths <= self._forgives:
            future.deaths = max(1, future.deaths)  # it runs already, as far as its future is concerned
            if future.ahead:
                future.ahead = False
                future.set_running_or_notify_cancel()
            self.new.appendleft(future)
            return
        died = lost.error or WorkerDied(
            lost.worker, lost.status, None, future.deaths, memory=lost.memory, stack=lost.stack
        )
        self.resolved.append((future, None, died))
