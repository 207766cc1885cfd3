"""What becomes of an item that failed or ended its worker: another try, or a failure that stands for it.

And which item that was, where a worker ended with several in its hands.
"""

from __future__ import annotations

from collections.abc import Callable

from .._model.chunk import Chunk
from .._model.outcome import Failure, Fault, Lost
from ..errors import TaskTimeout
from .backlog import Backlog
from .deadlines import backoff

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    OnRetry = Callable[[int, int, float, BaseException], None]

# How often an item that was in the hands of a dying worker is given to another, whatever `retries` says.
DEATHS_FORGIVEN: Final = 2

# Into how many pieces those are cut of which one has ended its worker. Few have so many, and to send eight thousand
# alone where each costs half a millisecond would take longer than two more deaths.
PIECES: Final = 64


class Verdicts:
    """Decides for each such item.

    Args:
        retries: How many more times an item that fails is tried.
        backlog: Where one that is tried again goes.
        chance: Numbers from 0 to 1 for the jitter of delays.
        on_retry: Told of each retry: index, attempt that failed, delay, error.

    Attributes:
        retried: How many tries came after a failure.
        failed: How many items failed for good.
        spent: Seconds that items took which were given up on for that.
    """

    def __init__(
        self,
        retries: int,
        backlog: Backlog,
        chance: Callable[[], float] | None = None,
        on_retry: OnRetry | None = None,
    ) -> None:
        self.retried = self.failed = 0
        self.spent = 0.0
        self._retries, self._backlog = retries, backlog
        self._chance = chance or _chance
        self._on_retry = on_retry
        self._deaths: dict[int, int] = {}  # of workers, by the item that they were in

    def __len__(self) -> int:
        """How many items are remembered for what they did."""
        return len(self._deaths)

    def survived(self, first: int, tried: int) -> None:
        """So many items from *first* on have come back."""
        if self._deaths:
            for index in range(first, first + tried):
                self._deaths.pop(index, None)

    def failed_once(self, chunk: Chunk, offset: int, fault: Fault, now: float) -> Failure | None:
        """An item failed; what stands for it, if it gets no other try."""
        index = chunk.first + offset
        if chunk.attempt > self._retries:
            return self._given_up(Failure(index, chunk.items[offset], fault.error, chunk.attempt, fault.worker))
        delay = backoff(chunk.attempt, self._chance)
        self.retried += 1
        self._backlog.try_again(chunk, offset, now + delay)
        if self._on_retry is not None:
            self._on_retry(index, chunk.attempt, delay, fault.error)
        return None

    def lost(self, chunk: Chunk, lost: Lost, limit: float | None, now: float) -> Failure | None:
        """A worker ended in the *chunk*: only the item that it was in is charged with that, the others go again.

        *limit* is that by which the item was late, if it was. What stands for it, if it gets no other try.
        """
        start, end = suspects(chunk, lost)
        failure = None
        # The queue is filled from its front: what comes last goes first.
        self._backlog.send_again(chunk, end, len(chunk.items))
        if end - start > 1:  # one of them is the culprit: in the end, alone, each answers for itself
            self._backlog.send_again(chunk, start, -(-(end - start) // PIECES), end)
        elif lost.late and limit is not None:
            self.spent += limit
            late = TaskTimeout(chunk.first + start, limit, stack=lost.stack, worker=lost.worker)
            failure = self.failed_once(chunk, start, Fault(late, lost.worker), now)
        elif lost.excess:
            from ..errors import MemoryExceeded

            index = chunk.first + start
            fat = MemoryExceeded(lost.worker, lost.excess, index, memory=lost.memory, stack=lost.stack)
            failure = self.failed_once(chunk, start, Fault(fat, lost.worker), now)
        else:
            failure = self._ended_worker(chunk, start, lost)
        self._backlog.send_again(chunk, 0, start or 1, start)
        return failure

    def expired(self, chunk: Chunk, limit: float, worker: str, now: float, *, stopped: bool) -> Failure | None:
        """The *chunk*, of one item, was given up on when *limit* was over. The same."""
        self.spent += limit
        return self.failed_once(chunk, 0, Fault(TaskTimeout(chunk.first, limit, stopped=stopped), worker), now)

    def forget(self) -> None:
        """No item comes back any more."""
        self._deaths.clear()

    def _ended_worker(self, chunk: Chunk, offset: int, lost: Lost) -> Failure | None:
        """An item ended its worker: another may try, a few times."""
        index = chunk.first + offset
        deaths = self._deaths[index] = self._deaths.get(index, 0) + 1
        if deaths <= DEATHS_FORGIVEN:
            self._backlog.send_again(chunk, offset, 1, offset + 1)
            return None
        item = chunk.items[offset]
        died = lost.error
        if died is None:
            from ..errors import WorkerDied

            died = WorkerDied(lost.worker, lost.status, index, deaths, item=item, memory=lost.memory, stack=lost.stack)
        return self._given_up(Failure(index, item, died, chunk.attempt + deaths - 1, lost.worker))

    def _given_up(self, failure: Failure) -> Failure:
        from ..errors import WorkerDied

        self.failed += 1
        if isinstance(failure.error, WorkerDied) and failure.error.item is None:
            failure.error.item = failure.item  # it was not sent back with the error
        self._deaths.pop(failure.index, None)
        return failure


def suspects(chunk: Chunk, lost: Lost) -> tuple[int, int]:
    """Where in the *chunk* the items begin and end of which one is to blame."""
    if lost.index is None:
        return 0, len(chunk.items)
    start = min(max(lost.index - chunk.first, 0), len(chunk.items) - 1)
    return start, max(start + 1, min(lost.index - chunk.first + lost.span, len(chunk.items)))


def _chance() -> float:
    from random import random  # which takes a millisecond, with hashlib's algorithms

    return random()
