"""What is between two stages of a pipeline: a short queue that is read without waiting, and filled with waiting."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, groupby, islice
from math import prod
from time import monotonic

from .ahead import Ahead
from .reading import Portion, Supply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from typing import Any, TypeAlias

    from .._model.protocols import Clock

    Passes: TypeAlias = Callable[[Any], bool]

# How long a driver sleeps at most before it looks whether it was told to stop; it is woken for everything else.
LOOK = 0.5  # seconds


class Gather:
    """Makes lists of *size* values; one whose first value has waited *timeout* seconds is not waited for.

    Args:
        size: How many.
        timeout: How long; ``None``: as long as it takes.
        clock: The time.
        passes: Of what goes past without being gathered; ``None`` if nothing does.
    """

    def __init__(self, size: int, timeout: float | None, clock: Clock, passes: Passes | None) -> None:
        self.size = size
        self._timeout, self._clock, self._passes = timeout, clock, passes
        self._held: list[Any] = []
        self.due: float | None = None  # when those held must go

    def push(self, values: Sequence[Any]) -> list[Any]:
        """More *values*; what is ready with them."""
        if self._passes is None:
            return self._take(values)
        ready: list[Any] = []
        for passes, group in groupby(values, self._passes):
            some = list(group)
            ready += some if passes else self._take(some)
        return ready

    def flush(self, *, ended: bool) -> list[Any]:
        """What is due by now, or all where nothing more comes."""
        if not self._held or not (ended or (self.due is not None and self.due <= self._clock())):
            return []
        held, self._held, self.due = self._held, [], None
        return [held]

    def _take(self, values: Sequence[Any]) -> list[Any]:
        held = self._held
        held += values
        full = len(held) // self.size * self.size
        ready = [held[at : at + self.size] for at in range(0, full, self.size)]
        del held[:full]
        if not held:
            self.due = None
        elif self._timeout is not None and (ready or self.due is None):
            self.due = self._clock() + self._timeout
        return ready


class Spread:
    """Makes values of lists of values.

    Args:
        passes: Of what goes past as it is; ``None`` if nothing does.
    """

    due = None

    def __init__(self, passes: Passes | None) -> None:
        self._passes = passes

    def push(self, values: Sequence[Any]) -> list[Any]:
        """What is in *values*."""
        passes = self._passes
        if passes is None:
            return list(chain.from_iterable(values))
        return list(chain.from_iterable([value] if passes(value) else value for value in values))

    def flush(self, *, ended: bool) -> list[Any]:
        """Nothing is kept."""
        return []


class Leave:
    """Leaves out what was dropped.

    Args:
        dropped: The object that stands for it.
    """

    due = None

    def __init__(self, dropped: object) -> None:
        self._dropped = dropped

    def push(self, values: Sequence[Any]) -> list[Any]:
        """*values* without it."""
        dropped = self._dropped
        return [value for value in values if value is not dropped]

    def flush(self, *, ended: bool) -> list[Any]:
        """Nothing is kept."""
        return []


class Link(Supply):
    """The results of one stage on their way to be the input of the next.

    One thread or task fills it: :meth:`put` or :meth:`aput`, then :meth:`end`. One driver, or its follower, reads it.
    At most two releases are in it; or as many items as *ahead* says, and then it is filled again when half are gone.

    Args:
        steps: What is done with values on the way, in this order.
        clock: The time.
        ahead: How many items there may be.
    """

    def __init__(
        self,
        steps: Iterable[Gather | Spread | Leave] = (),
        clock: Clock = monotonic,
        ahead: Ahead | None = None,
    ) -> None:
        super().__init__()
        self._steps, self._clock = list(steps), clock
        self._ready: deque[Any] = deque()
        self.ahead = ahead
        self._room = 1
        self._filled = False  # up to its room, and not emptied yet
        self._loop: AbstractEventLoop | None = None
        self._told: Callable[[], object] | None = None  # whom to tell in that loop
        self._lacked = False  # whether the last reading did not get all that it wanted
        self._ended = False
        self._error: BaseException | None = None
        self.held = 0.0  # seconds that whoever fills it has waited for room
        self._waits_since: float | None = None

    # ── for whoever fills it ──────────────────────────────────────────────────────────────────────────────

    def put(self, values: Sequence[Any]) -> bool:
        """Add *values*, then wait until there is room for more; whether more are wanted at all."""
        self._add(values)
        if self.is_full():
            self._waits_since = self._clock()
            with self.changed:
                while self.is_full():
                    if not self.changed.wait(LOOK) and self.ahead is not None:
                        self.ahead.waited(LOOK)
            self._note_wait()
        return not self.closed

    async def aput(self, values: Sequence[Any]) -> bool:
        """The same in an event loop."""
        import asyncio

        self._add(values)
        while self.is_full():
            room = asyncio.Event()
            self._loop, self._told = asyncio.get_running_loop(), room.set
            self._waits_since = self._waits_since or self._clock()
            if self.is_full():  # it may have been read just before that was said
                await room.wait()
        self._note_wait()
        return not self.closed

    def end(self, error: BaseException | None = None) -> None:
        """Nothing more comes; *error* if that is why."""
        with self.changed:
            self._ended, self._error = True, error
            self._rouse()

    def is_full(self) -> bool:
        """Whether more should wait."""
        return self._filled and not self.closed

    # ── for whoever reads it ──────────────────────────────────────────────────────────────────────────────

    def read(self, wanted: int) -> Portion:
        """Up to *wanted* of the values that are there."""
        with self.changed:
            self._flush()
            ready = self._ready
            items = [ready.popleft() for _ in range(min(wanted, len(ready)))]
            self._lacked = len(items) < wanted
            ended = (self._ended and not ready) or self.closed
            if self.ahead is not None:
                self.ahead.took(len(items), lacked=self._lacked)
            if len(ready) <= (self._room if self.ahead is None else self._room // 2):
                self._filled = False
            if not self.is_full():
                self.make_known()
        return Portion(items, ended=ended, error=self._error if ended else None)

    @property
    def dry(self) -> bool:
        """Whether nothing is there and more may come.

        Not before somebody has wanted more than there was: a reader that waits has said what it waits for.
        """
        if self._ready or self._ended or self.closed or not self._lacked:
            return False
        due = self._due()
        return due is None or due > self._clock()

    def due(self, now: float) -> float | None:
        """Seconds until what is gathered must go."""
        due = self._due()
        return None if due is None else max(0.0, due - now)

    def make_known(self) -> None:
        """Whoever waits for room goes on."""
        super().make_known()
        loop, told, self._loop, self._told = self._loop, self._told, None, None
        if loop is not None and told is not None and not loop.is_closed():
            loop.call_soon_threadsafe(told)

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    def _add(self, values: Sequence[Any]) -> None:
        with self.changed:
            empty, due = not self._ready, self._due()
            self._pass_on(values, self._steps)
            self._room = max(1, len(values)) if self.ahead is None else self.ahead.room
            self._filled = self._filled or len(self._ready) > self._room
            if (empty and self._ready) or due != self._due():
                self._rouse()

    def _pass_on(self, values: Sequence[Any], steps: Sequence[Gather | Spread | Leave]) -> None:
        for step in steps:
            values = step.push(values)
        self._ready.extend(values)

    def _flush(self) -> None:
        """Pass on what has been gathered for long enough."""
        for place, step in enumerate(self._steps, 1):
            values = step.flush(ended=self._ended)
            if values:
                self._pass_on(values, self._steps[place:])

    def _due(self) -> float | None:
        return min((step.due for step in self._steps if step.due is not None), default=None)

    def _rouse(self) -> None:
        if self.reader is not None:
            self.reader.rouse()

    def _note_wait(self) -> None:
        if self._waits_since is not None:
            waited, self._waits_since = self._clock() - self._waits_since, None
            self.held += waited
            if self.ahead is not None:
                self.ahead.waited(waited)


class Spring(Link):
    """A link that an iterator fills, in a thread of its own, on demand: never further than its reader has asked.

    Args:
        source: The input.
        steps: What is done with its items on the way.
        clock: The time.
    """

    def __init__(
        self, source: Iterable[Any], steps: Iterable[Gather | Spread | Leave] = (), clock: Clock = monotonic
    ) -> None:
        super().__init__(steps, clock)
        self._source: Iterable[Any] = source
        self._unit = prod(step.size for step in self._steps if isinstance(step, Gather))
        self._count = 0  # items read
        self._limit = 0  # items that may be read, by what the reader has asked for
        self._taken = 0
        self._hungry = False  # whether the reader did not get all that it asked for
        self._waited = self._began = self._finished = 0.0

    def read(self, wanted: int) -> Portion:
        """Up to *wanted* of those that are there; the others are asked for."""
        with self.changed:
            portion = super().read(wanted)
            self._taken += len(portion.items)
            lacking = wanted - len(portion.items)
            self._hungry = lacking > 0
            # What was gathered in time and not in number says nothing of how much was read.
            self._limit = self._count + lacking * self._unit if self._steps else self._taken + lacking
            if self._hungry:
                self.changed.notify_all()
        return portion

    def run(self) -> None:
        """Read the source to its end, or until nobody reads this; what the thread does."""
        self._began = self._clock()
        error = None
        try:
            self._pour()
        except Exception as raised:  # noqa: BLE001  the source's own, for whoever reads
            error = raised
        finally:
            self._source = ()  # whatever it holds is let go here, where it was used
            self._finished = self._clock()
            self.end(error)
            del error  # or the traceback keeps this frame and this frame the error

    @property
    def busy(self) -> float:
        """Seconds that the source was being read."""
        if not self._began:
            return 0.0
        return (self._finished or self._clock()) - self._began - self._waited

    def _pour(self) -> None:
        iterator, self._source = iter(self._source), ()
        append = self._ready.append
        while self._is_asked():
            until = self._limit
            for value in islice(iterator, until - self._count):
                self._count += 1
                if self._steps:
                    self._add((value,))
                    continue
                append(value)  # before the look at whether it is waited for: the reader does it the other way round
                if self._hungry:
                    self._hungry = False
                    with self.changed:
                        self._rouse()
                if self.closed:
                    return
            if self._count < until:
                return

    def _is_asked(self) -> bool:
        """Wait until something is asked for; whether it still may be."""
        if self._count >= self._limit:
            since = self._clock()
            with self.changed:
                while self._count >= self._limit and not self.closed:
                    self.changed.wait(LOOK)
            self._waited += self._clock() - since
        return not self.closed
