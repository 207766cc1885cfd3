"""What a worker is sent ahead of its turn, so that it need not wait for it; what it has not begun can be taken back.

A call that waits at a worker may be waited for by the one that this worker is in. So each goes with a permit: one count
of an ``eventfd`` that both sides have. The worker uses one up before it begins; whoever takes a call back takes the
permit first. The kernel sees to it that nobody has the same twice, and the last of a row are taken back first.
"""

from __future__ import annotations

import os
from collections import deque
from time import monotonic

from .._model.outcome import Lost
from .._transport.channel import Frame
from .ops import Op

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from contextlib import AbstractContextManager
    from typing import Any, Final, TypeAlias

    from .._model.chunk import Chunk
    from .outgoing import Outgoing
    from .payroll import Payroll
    from .worker import Worker

    # What it is as a frame, what it was pickled to, and the function if that was pickled before.
    Packed: TypeAlias = tuple[Chunk, int, bytes, list[memoryview], bytes]

# What a frame is where it is ahead of its turn. What is sent item by item needs no permit: it was begun once.
NEED_PERMITS: Final = {Op.ALONE: Op.AHEAD, Op.CHUNK: Op.CHUNK_AHEAD}
AHEAD: Final = frozenset(NEED_PERMITS.values())

HELD_UP: Final = "its worker was in another call"

# What was sent ahead was thought to be short. If its worker has answered nothing for so long, others may have it.
STUCK: Final = 0.008  # seconds


class Permits:
    """How many of the calls that a worker was sent ahead it may begin.

    Args:
        fd: The eventfd, which does not block; -1 where the system has none.

    Attributes:
        fd: The same.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd

    @classmethod
    def none(cls) -> Permits:
        """New ones: none as yet."""
        return cls(os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK | os.EFD_SEMAPHORE) if hasattr(os, "eventfd") else -1)

    def grant(self, count: int) -> None:
        """So many more."""
        os.eventfd_write(self.fd, count)

    def use(self) -> bool:
        """Use one up, if there is one; whether there was."""
        try:
            os.read(self.fd, 8)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Let go of them; once."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)


class Queue:
    """What one worker has ahead of its turn, as its parent knows it.

    Args:
        permits: The worker's.

    Attributes:
        recalled: Whether some was taken back, and the worker has not said that it knows.
    """

    def __init__(self, permits: Permits) -> None:
        self._permits = permits
        self._numbers: deque[int] = deque()  # in the order in which it begins them
        self._heard = 0.0  # when it last showed that it gets on
        self.recalled = False

    def __len__(self) -> int:
        return len(self._numbers)

    def __contains__(self, number: int) -> bool:
        return number in self._numbers

    @property
    def fd(self) -> int:
        """That of the permits; -1 if there are none."""
        return self._permits.fd

    @property
    def open(self) -> bool:
        """Whether more can be sent."""
        return not self.recalled and self._permits.fd >= 0

    def grant(self, numbers: Collection[int]) -> None:
        """These are about to be sent."""
        if not self._numbers:
            self._heard = monotonic()
        self._numbers.extend(numbers)
        self._permits.grant(len(numbers))

    def answered(self, number: int) -> None:
        """The worker has answered a call."""
        if self._numbers and self._numbers[0] == number:
            self._numbers.popleft()

    def heard(self) -> None:
        """The worker has shown that it gets on."""
        if self._numbers:
            self._heard = monotonic()

    @property
    def stuck(self) -> bool:
        """Whether it has answered nothing for too long."""
        return bool(self._numbers) and monotonic() - self._heard > STUCK

    def take_back(self, down_to: int = 0) -> list[int]:
        """Take back what it has not begun: all, or the last ones, as far as one of them; in their order."""
        taken: deque[int] = deque()
        while self._numbers and self._permits.use():
            taken.appendleft(self._numbers.pop())
            if taken[0] == down_to:
                break
        return list(taken)

    def close(self) -> None:
        """The worker is gone."""
        self._numbers.clear()
        self._permits.close()


class Ahead:
    """What the workers of one crew are sent ahead of their turn.

    Args:
        call: The number of what they call.
        payroll: They.
        lock: Held while anything changes.
        outgoing: What they are sent.

    Attributes:
        out: Whether there may be something.
    """

    def __init__(
        self,
        call: int,
        payroll: Payroll,
        lock: AbstractContextManager[Any],
        outgoing: Outgoing,
    ) -> None:
        self._call, self._payroll, self._lock, self._outgoing = call, payroll, lock, outgoing
        self.out = False
        self._homeless: list[int] = []  # what was to go to a worker, and there was none any more

    # ── the dispatcher ────────────────────────────────────────────────────────────────────────────────────

    @property
    def spare(self) -> int:
        """How many calls could begin at once."""
        with self._lock:
            return self._payroll.spare

    def room(self, depth: int) -> int:
        """How many more the worker that has least could be sent, if each is to have *depth* at most."""
        with self._lock:
            least = None if self._payroll.to_be_had else self._least()
            return 0 if least is None else depth - len(least.held)

    def send(self, chunks: Sequence[Chunk]) -> None:
        """Send them to that worker."""
        packed = [packed for packed in map(self._outgoing.pack, chunks) if packed is not None]
        with self._lock:
            self.out = True
            worker = self._least()
            if worker is None:
                self._homeless += [chunk.number for chunk, *_ in packed]
                return
            frames: list[Frame] = []
            for each in packed:
                frames += map(_ahead, self._outgoing.frames(worker, each))
                self._outgoing.hold(worker, each[0])
            worker.ahead.grant([frame.chunk for frame in frames if frame.op in AHEAD])
            worker.channel.send_all(frames)

    def recall(self, chunk: int) -> list[int]:
        """Take back one, if it has not begun, and those that were sent after it; which they are."""
        with self._lock:
            for worker in self._payroll.workers.values():
                if chunk in worker.ahead:
                    return self.take_back(worker, chunk)
        return []

    def has_begun(self, chunk: int) -> bool:
        """Whether its worker is in it."""
        with self._lock:
            there = self._payroll.workers.values()
            return any(chunk in worker.ahead and worker.page.read().chunk == chunk for worker in there)

    # ── the crew, under its lock ──────────────────────────────────────────────────────────────────────────

    def take_back(self, worker: Worker, down_to: int = 0) -> list[int]:
        """What could be taken back of what the *worker* has, all or as far as one of them; it is told so."""
        taken = worker.ahead.take_back(down_to)
        for number in taken:
            worker.held.remove(number)
            self._outgoing.release(number)
        if taken:
            worker.ahead.recalled = True
            worker.channel.send(Frame(Op.RECALL, self._call, 0, 0, 0, b""))
        return taken

    def overdue(self) -> list[Lost]:
        """What waits behind something that takes long, though a worker is free, and does so no more; the last first."""
        homeless, self._homeless = self._homeless, []
        lost = [Lost(number, "nobody", HELD_UP, begun=False) for number in homeless]
        workers = list(self._payroll.workers.values())
        for worker in workers if self._payroll.spare else ():
            if worker.ahead.stuck:
                lost += [Lost(number, worker.name, HELD_UP, begun=False) for number in self.take_back(worker)]
        self.out = any(worker.ahead for worker in workers)
        lost.reverse()
        return lost

    def patience(self, timeout: float | None) -> float | None:
        """How long to wait at most, so that nothing waits there too long."""
        if not self.out:
            return timeout
        return 0 if self._homeless else STUCK if timeout is None else min(STUCK, timeout)

    def _least(self) -> Worker | None:
        there = [worker for worker in self._payroll.workers.values() if worker.ahead.open]
        return min(there, key=lambda worker: len(worker.held), default=None)


def _ahead(frame: Frame) -> Frame:
    return frame._replace(op=NEED_PERMITS.get(frame.op, frame.op))
