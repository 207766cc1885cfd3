"""Worker processes, watched from outside: who takes too long or too much memory is ended, and only that item blamed."""

from __future__ import annotations

import _signal as signal
from collections.abc import Iterable
from time import monotonic

from .._model.noun import dataclass
from .._model.outcome import Began, Lost
from .memory import WEIGH
from .status import Standing
from .worker import Worker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

# How long a worker whose item has taken too long gets to send what it has finished, before it is killed.
LAST_WORDS: Final = 0.25  # seconds

# How long one that has too much memory gets to leave its stack.
LAST_WORD: Final = 0.01  # seconds

# How much longer, where the machine is too busy for that; what it takes meanwhile is bounded by the hard limit.
LATE_WORD: Final = 0.1  # seconds


@dataclass(frozen=True, slots=True, eq=False)
class Sentence:
    """Why and when a worker is killed that does not end by itself.

    Attributes:
        until: When, by the monotonic clock.
        standing: What it was in when it was condemned.
        excess: The limit of memory that it went over, in bytes; 0 for one that took too long.
        memory: How much it had.
    """

    until: float
    standing: Standing
    excess: int = 0
    memory: int = 0


class Watch:
    """What one run watches of its workers.

    Args:
        times: Whether somebody watches the time of items.
        memory: The most private memory that a worker may have, in bytes.

    Attributes:
        looks: Whether it watches anything.
    """

    def __init__(self, *, times: bool, memory: int | None) -> None:
        self._times, self._memory = times, memory
        self.looks = times or memory is not None
        self._condemned: dict[Worker, Sentence] = {}
        self._seen: dict[Worker, Standing] = {}  # what was said of them last
        self._weighed = 0.0

    def patience(self, timeout: float | None) -> float | None:
        """How long to wait at most, so that nobody is watched too late; kills the condemned who have had their time."""
        if self._memory is None and not self._condemned:
            return timeout
        bounds = [] if timeout is None else [timeout]
        if self._memory is not None:
            bounds.append(WEIGH)
        if self._condemned:
            now = monotonic()
            for worker, sentence in self._condemned.items():
                if sentence.until <= now and not (sentence.excess and self._speaks(worker, now - sentence.until)):
                    worker.signal(signal.SIGKILL)
            bounds.append(max(0.001, min(sentence.until for sentence in self._condemned.values()) - now))
        return min(bounds, default=None)

    def look(self, workers: Iterable[Worker]) -> list[Began]:
        """Which items were begun since the last look, where times are watched; condemns who has too much memory."""
        if not self.looks:
            return []
        busy = [worker for worker in workers if worker.held and worker not in self._condemned]
        now = monotonic()
        if self._memory is not None and now >= self._weighed + WEIGH / 2:
            self._weighed = now
            for worker in busy:
                self._weigh(worker, self._memory, now)
        began: list[Began] = []
        if self._times:
            for worker in busy:
                standing = worker.page.read()
                if standing.chunk == worker.held[0] and standing != self._seen.get(worker):
                    self._seen[worker] = standing
                    began.append(Began(standing.chunk, now - standing.began))
        return began

    def condemn(self, worker: Worker) -> bool:
        """End a worker whose item takes too long: it leaves its stack, and may send what it has finished.

        Not if it has got on since anybody looked; whether it has not.
        """
        standing = worker.page.read()
        if worker in self._condemned or standing != self._seen.get(worker, standing):
            return worker in self._condemned
        worker.ask_for_stack()
        worker.signal(signal.SIGTERM)
        self._condemned[worker] = Sentence(monotonic() + LAST_WORDS, standing)
        return True

    def forget(self, worker: Worker) -> None:
        """The run has nothing more to do with the worker."""
        self._seen.pop(worker, None)

    def post_mortem(self, worker: Worker, name: str, status: str, standing: Standing, stack: str) -> list[Lost]:
        """What became of the chunks that a dead worker had, the one it was in first."""
        sentence = self._condemned.pop(worker, None)
        lost = [Lost(number, name, status, begun=False) for number in worker.held]
        if not lost:
            return lost
        number, known = worker.held[0], standing.chunk == worker.held[0]
        index = standing.first if known else None
        if sentence is None:
            lost[0] = Lost(number, name, status, index=index, span=standing.span, stack=stack, memory=worker.peak)
        elif known and (sentence.standing.chunk, sentence.standing.first) == (number, standing.first):
            lost[0] = Lost(
                number,
                name,
                status,
                index=index,
                span=standing.span,
                late=not sentence.excess,
                excess=sentence.excess,
                stack=stack,
                memory=sentence.memory,
            )
        return lost  # condemned for an item that it then finished all the same, it is not to blame for the next one

    @staticmethod
    def _speaks(worker: Worker, late: float) -> bool:
        """Whether a stack that was asked for is still to come, *late* as it is."""
        return late < LATE_WORD and not worker.page.stack

    def _weigh(self, worker: Worker, most: int, now: float) -> None:
        memory = worker.memory
        if memory > most:
            standing = worker.page.read()
            if standing.chunk != worker.held[0]:  # not in it yet: ended now, there would be nobody to blame, for ever
                return
            worker.ask_for_stack()
            self._condemned[worker] = Sentence(now + LAST_WORD, standing, most, memory)
