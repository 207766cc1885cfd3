"""The state machine of a run: facts go in, decisions come out.

It holds no thread, clock or queue, and never looks at an item or a value. Its unit is the chunk; an item
becomes a thing of its own only when it fails, is retried or is lost. Everything that decides *when* is here.

    facts      suit, add, end_input, began, settle, lose, expire, taken, cancel
    decisions  wants_items, wants_ahead, next_chunk, overdue, releases, release, next_wakeup, finished

Where an item can be, in this order; a chunk that failed in part is taken apart on the way:

    read ─▶ unsent ─▶ in flight ─▶ held (ordered: until all before it are out) ─▶ released ─▶ taken
              ▲           │
              └── due ◀───┘  failed and to be retried, after a delay
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .._model.chunk import Chunk
from .._model.event import Stats
from .._model.noun import replace
from .._model.outcome import Failure, Fault, Lost, Returned
from ..errors import TaskTimeout
from .backlog import Backlog
from .chunking import Chunking
from .deadlines import Limit, Pace
from .outlet import Outlet, Segment
from .policy import Policy
from .verdicts import Verdicts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Schedule:
    """Which chunk next, which results may leave.

    Args:
        policy: What was asked.
        width: How many chunks can run at once; :meth:`suit` says more of the workers.
        total: How many items there will be, if the input says so.
        chance: Numbers from 0 to 1 for the jitter of delays.
        on_retry: Told of each retry: index, attempt that failed, delay, error.
        on_failure: Told of each item that failed for good.
    """

    def __init__(
        self,
        policy: Policy,
        width: int,
        *,
        total: int | None = None,
        chance: Callable[[], float] | None = None,
        on_retry: Callable[[int, int, float, BaseException], None] | None = None,
        on_failure: Callable[[Failure], None] | None = None,
    ) -> None:
        self.policy = policy
        self.failures: list[Failure] = []
        self.sift: Callable[[list[Any]], list[Any]] | None = None  # takes out of results what is not for the caller
        self.ahead: Callable[[], int] | None = None  # how far whoever takes results would have this one read ahead
        self.first = 0  # the index of the first item of the last release
        self.error: BaseException | None = None  # what the run ends with, once all that comes before it is out
        self._limit = Limit(policy.timeout, policy.medians)
        self._chunking = Chunking(policy)
        self._likeness: tuple[object, ...] = ()
        self.suit(width)
        self._pace = Pace(policy.rate)
        self._on_failure = on_failure

        self._total = total
        self._read = 0  # items read from the input
        self._ended = False  # nothing more will be read
        self._input_error: BaseException | None = None
        self._cancelled = False

        self._backlog = Backlog()
        self._verdicts = Verdicts(policy.retries, self._backlog, chance, on_retry)

        self._outlet = Outlet(ordered=policy.ordered)
        self._handed = 0  # items in the segment that was released last
        self._untaken = 0  # items read whose results have not been taken
        self._fatal: tuple[int, Failure] | None = None  # on_error="raise": the failure to end with

        self._done = self._lost = self._chunks = 0
        self._busy = self._cpu = self._delay = 0.0

    # ── facts ─────────────────────────────────────────────────────────────────────────────────────────────

    def add(self, items: Sequence[Any]) -> None:
        """*items* were read; as many as :meth:`wants_items` asked for, or fewer."""
        if items:
            self._backlog.add(self._read, items)
            self._read += len(items)
            self._untaken += len(items)
            if self._total is not None and self._read > self._total:
                self._total = None  # the input said less than it gives

    def end_input(self, error: BaseException | None = None) -> None:
        """There is nothing more to read; *error* is what the input raised."""
        self._ended = True
        self._input_error = error
        self._total = self._read

    def suit(
        self,
        width: int,
        *,
        held: int = 0,
        prefetches: bool = True,
        tells: bool = False,
        together: int = 1,
        keeps: bool = False,
    ) -> None:
        """This is what the workers are like; may be said at any time.

        Args:
            width: How many chunks can run at once.
            held: How many are, beside those, with workers that get no more.
            prefetches: Whether workers gain by having chunks waiting: where chunks travel.
            tells: Whether workers say of every item when it began.
            together: How many items each worker runs at once.
            keeps: Whether what a worker has finished of a chunk outlives it.
        """
        likeness = (width, held, prefetches, tells, together, keeps)
        if likeness != self._likeness:
            self._likeness = likeness
            alone = self.policy.rate is not None or (self._limit.wanted and not tells)
            self._chunking.suit(width, held=held, travels=prefetches, alone=alone, together=together, keeps=keeps)

    def began(self, number: int, began: float) -> None:
        """A worker took the chunk up, or its next item, at the moment *began*: from then on its time counts."""
        if self._limit.wanted and number in self._backlog.in_flight:
            self._limit.began(number, began)

    def settle(self, returned: Returned, now: float) -> int | None:
        """A chunk came back; the index of its first item.

        ``None`` if nothing of it was done, or it is not in flight any more: given up on, or cancelled.
        """
        tried = len(returned.values)
        if not returned.more:
            self._limit.forget(returned.chunk)
        elif not tried:
            return None
        chunk = self._backlog.settle(returned.chunk, returned.first, tried, more=returned.more)
        if chunk is None:
            return None
        if returned.more and returned.chunk not in self._backlog.in_flight:
            self._limit.forget(returned.chunk)
            returned = replace(returned, more=False)
        self._chunks += not returned.more
        self._busy += returned.seconds
        self._cpu += returned.cpu or 0.0
        self._delay += returned.delay
        self._verdicts.survived(chunk.first, tried)
        if tried:
            self._chunking.learn(tried, returned.seconds, returned.nbytes, returned.one_way)
            self._limit.learn(returned.seconds / tried)
        limit = self._limit.seconds
        if limit is not None and tried == 1 and returned.seconds > limit and not returned.faults:
            # It came back before anybody could stop it, or nobody can: late is late on every kind of worker.
            late = TaskTimeout(chunk.first, limit, stopped=False)
            returned = replace(returned, values=[None], faults={0: Fault(late, returned.worker)})
        if not returned.faults and tried == len(chunk.items):
            self._done += tried
            self._hold(chunk.first, tried, returned.values)
        else:
            self._take_apart(chunk, returned, now)
        return chunk.first if tried else None

    def lose(self, lost: Lost, now: float) -> None:
        """A worker ended with the chunk in its hands: only the item that it was in is charged with that."""
        limit = self._limit.broken_by(lost.chunk)
        chunk = self._take_back(lost.chunk)
        if chunk is None:
            return
        self._lost += lost.begun
        if not lost.begun:
            self._backlog.send_again(chunk, 0, len(chunk.items))
            return
        self._give_up(self._verdicts.lost(chunk, lost, limit, now))

    def overdue(self, now: float) -> list[int]:
        """The chunks in flight whose item has taken too long; each is named once.

        Then wants :meth:`expire`, :meth:`lose` where it is being stopped, or :meth:`began` where it has got on.
        """
        return self._limit.overdue(now)

    def expire(self, number: int, now: float, worker: str, *, stopped: bool) -> None:
        """The chunk, of one item, was given up on; *stopped* tells whether its worker could be."""
        limit = self._limit.broken_by(number) or self._limit.seconds
        chunk = self._take_back(number)
        if chunk is not None and limit is not None:
            self._give_up(self._verdicts.expired(chunk, limit, worker, now, stopped=stopped))

    def taken(self) -> None:
        """All results of the last release have been taken."""
        self._untaken -= self._handed
        self._handed = 0

    def cancel(self) -> None:
        """Nothing more is wanted. What may leave already may still be released; the rest is forgotten."""
        self._cancelled = self._ended = True
        self._forget()
        self._outlet.forget_what_waits()  # for something that now never comes

    def forget(self) -> None:
        """The run is over, however it ended: what it still holds is dropped; its figures and failures stay."""
        self.cancel()
        self._outlet.clear()

    # ── decisions ─────────────────────────────────────────────────────────────────────────────────────────

    def wants_items(self) -> int:
        """How many items to read now; 0 for none."""
        backlog, chunking = self._backlog, self._chunking
        if self._ended or backlog.unsent or self._fatal:
            return 0
        if self.ahead is not None:
            chunking.bound(self.ahead())
        if len(backlog.in_flight) >= chunking.room:
            return 0
        size = chunking.size(self._remaining(), backlog.out)
        room = chunking.window - self._untaken
        if room >= size:
            return size
        # A window that is nearly full would be refilled in crumbs: wait until a whole chunk has room again.
        return 0 if backlog.in_flight or backlog.due else max(0, room)

    def wants_ahead(self, seconds: float) -> int:
        """How many items to read besides, so that workers have enough for so many *seconds*; 0 for none.

        Never more than the window: it is what a caller that stays away may find read when it is back.
        """
        if self._ended or self._fatal:
            return 0
        chunking = self._chunking
        size = chunking.size(self._remaining())
        if len(self._backlog.unsent) >= chunking.workers * chunking.chunks_in(seconds, size):
            return 0
        return size if chunking.window - self._untaken >= size else 0

    def next_chunk(self, now: float) -> Chunk | None:
        """The chunk to send now, if there is one and a worker may have it."""
        backlog = self._backlog
        if not (backlog.unsent or backlog.due) or len(backlog.in_flight) >= self._chunking.room:
            return None
        if not self._pace.ready(now):
            return None
        chunk = backlog.next(now, self._size)
        if chunk is not None:
            self._pace.start(now)
        return chunk

    def release(self) -> list[Any] | None:
        """The next results that may leave, together; ``None`` when none may. Say :meth:`taken` afterwards."""
        while (segment := self._outlet.release()) is not None:
            if segment.values:
                self._handed, self.first = segment.span, segment.first
                return segment.values
            self._untaken -= segment.span
        self._end()
        return None

    @property
    def releases(self) -> bool:
        """Whether results may leave already."""
        return self._outlet.open

    def next_wakeup(self, now: float) -> float | None:
        """Seconds until something is due by itself: a deadline, a retry, the next start at the asked rate."""
        moments, backlog = [self._limit.next()], self._backlog
        if len(backlog.in_flight) < self._chunking.room:
            waiting = backlog.due.next()
            if backlog.unsent:
                waiting = now
            if waiting is not None:
                pace = self._pace.next(now)
                moments.append(waiting if pace is None else max(waiting, pace))
        known = [moment for moment in moments if moment is not None]
        return max(0.0, min(known) - now) if known else None

    @property
    def early(self) -> bool:
        """Whether a worker may hold more than usual, since nothing is known of the items yet."""
        return self._chunking.early

    @property
    def width(self) -> int:
        """How many chunks can run at once."""
        return self._chunking.workers

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do, wait for or release; then :attr:`error` is how the run ends."""
        if self.error is not None:
            return True
        return self._ended and not self._backlog and not self._outlet

    @property
    def waiting(self) -> bool:
        """Whether something will arrive, or be due, without anybody asking for results."""
        return bool(self._backlog.in_flight or self._backlog.due)

    @property
    def unfinished(self) -> bool:
        """Whether something that was read has not come back."""
        return bool(self._backlog)

    @property
    def untaken(self) -> int:
        """Items read whose results have not been taken."""
        return self._untaken

    def stats(self, seconds: float) -> Stats:
        """The figures so far, *seconds* after the beginning."""
        return Stats(
            done=self._done,
            failed=self._verdicts.failed,
            retried=self._verdicts.retried,
            lost=self._lost,
            total=self._total,
            chunks=self._chunks,
            seconds=seconds,
            busy=self._busy + self._verdicts.spent,
            cpu=self._cpu,
            delay=self._delay,
        )

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    def _take_back(self, number: int) -> Chunk | None:
        self._limit.forget(number)
        return self._backlog.take_back(number)

    def _size(self, items: int) -> int:
        """How many of so many that were read the next chunk should have."""
        remaining = self._remaining()
        return self._chunking.size(None if remaining is None else remaining + items, self._backlog.out)

    def _remaining(self) -> int | None:
        return None if self._total is None else max(0, self._total - self._read)

    def _hold(self, first: int, span: int, values: list[Any]) -> None:
        self._outlet.hold(Segment(first, span, values if self.sift is None else self.sift(values)))

    def _take_apart(self, chunk: Chunk, returned: Returned, now: float) -> None:
        """Hold what succeeded, retry or give up what did not, send again what was not begun."""
        tried, start = len(returned.values), 0
        for offset in sorted(returned.faults):
            self._keep(chunk, start, returned.values[start:offset])
            self._judge(chunk, offset, returned.faults[offset], now)
            start = offset + 1
        self._keep(chunk, start, returned.values[start:tried])
        if tried < len(chunk.items):
            self._backlog.send_rest(chunk, tried)

    def _keep(self, chunk: Chunk, start: int, values: list[Any]) -> None:
        if values:
            self._done += len(values)
            self._hold(chunk.first + start, len(values), values)

    def _judge(self, chunk: Chunk, offset: int, fault: Fault, now: float) -> None:
        self._give_up(self._verdicts.failed_once(chunk, offset, fault, now))

    def _give_up(self, failure: Failure | None) -> None:
        """An item failed for good, if there is a failure: that stands in its place, or ends the run."""
        if failure is None:
            return
        if self.policy.on_error == "raise":
            self._end_at(failure)
            return
        self.failures.append(failure)
        if self._on_failure:
            self._on_failure(failure)
        self._hold(failure.index, 1, [failure] if self.policy.on_error == "keep" else [])

    def _end_at(self, failure: Failure) -> None:
        """Stop reading and sending; in order, what comes before the failure is still wanted."""
        if self._fatal is not None and (not self.policy.ordered or self._fatal[0] < failure.index):
            return
        self._fatal = (failure.index, failure)
        self._ended = True
        if not self.policy.ordered:
            self._forget()
            return
        self._backlog.end_at(failure.index)

    def _forget(self) -> None:
        """Drop all that is not back: nobody waits for it any more."""
        self._backlog.forget()
        self._limit.clear()
        self._verdicts.forget()

    def _end(self) -> None:
        """Nothing may leave now: is this where the run ends with an error?"""
        if self.error is not None or self._cancelled:
            return
        if self._fatal is not None:
            if not self.policy.ordered or self._outlet.turn == self._fatal[0]:
                failure = self._fatal[1]
                self.failures.append(failure)
                self.error = failure.error
                self._forget()
                self._outlet.clear()
                if self._on_failure:
                    self._on_failure(failure)
        elif self._input_error is not None and self.finished:
            self.error = self._input_error
