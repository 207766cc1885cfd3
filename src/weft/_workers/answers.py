"""What workers have sent, as the run that they work for is to hear it; and what is to be heard of one that is gone."""

from __future__ import annotations

import os
from contextlib import suppress

from .._model.chunk import Chunk
from .._model.noun import replace
from .._model.outcome import Arrival, Began, Lost, Returned, append_joined
from .._transport.channel import Closed, Frame
from .._transport.codec import not_readable
from .._transport.culprit import REFUSED
from .._transport.line import RING
from ..errors import check_limits
from .ahead import Ahead
from .heard import Ear
from .lesson import Curriculum
from .memory import KEEPS
from .ops import Op
from .outgoing import Outgoing
from .parcel import read_answer
from .payroll import Payroll
from .supervisor import SUPERVISOR
from .unsent import Drawers
from .watch import Watch
from .worker import Worker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Answers:
    """What the workers of one crew have sent; all of it under the crew's lock.

    Args:
        curriculum: What they were told.
        outgoing: What they are sent.
        payroll: They.
        ahead: What they are sent ahead of their turn.
        watch: What is watched of them.
        ear: For what they say.
        memory: The most private memory that one may have, in bytes.
        translate: Makes of a worker's answer what whoever asked is to have; ``None`` where it is that already.

    Attributes:
        arrivals: What has come of chunks, and nobody has taken.
    """

    def __init__(
        self,
        curriculum: Curriculum,
        outgoing: Outgoing,
        payroll: Payroll,
        ahead: Ahead,
        *,
        watch: Watch,
        ear: Ear,
        memory: int | None,
        translate: Callable[[Worker, Arrival], Arrival] | None,
    ) -> None:
        self._curriculum, self._outgoing, self._payroll, self._ahead = curriculum, outgoing, payroll, ahead
        self._watch, self._ear, self._memory, self._translate = watch, ear, memory, translate
        self._number, self._chunks = curriculum.number, outgoing.chunks
        self._drawers = Drawers()
        self.arrivals: list[Arrival] = []

    def take(self) -> list[Arrival]:
        """What has come; once."""
        arrivals, self.arrivals = self.arrivals, []
        return arrivals

    def attend(self, worker: Worker) -> None:
        """Read what a worker has sent."""
        try:
            frames = worker.channel.receive()
        except Closed:
            self.hear(worker, worker.line.desert())
            return self._mourn(worker)
        return self.hear(worker, frames)

    def hear(self, worker: Worker, frames: Sequence[Frame]) -> None:
        """A worker has sent *frames*; it gets what waits for it."""
        for frame in frames:
            if frame.op == Op.SAID:
                self._ear.hear(worker.name, frame)
            elif frame.call == self._number or self._curriculum.includes(frame.call):
                self._understand(worker, frame)
            elif frame.op == RING:
                self.hear(worker, worker.line.desert())
            else:
                worker.line.discard(frame)
        if self._ahead.out:
            worker.ahead.heard()
        if self._ear.fresh:
            self._ear.flush()
        if worker.channel.clogged:
            worker.channel.flush()
            self._outgoing.mind(worker)

    def open_drawer(self, worker: Worker) -> None:
        """Hear what the worker has finished of the chunk that it is in, and has not sent."""
        for frame in self._drawers.look(worker):
            if self._curriculum.includes(frame.call):
                self._done(worker, frame)

    def part(self, worker: Worker) -> None:
        """The worker is let go, or is gone: what it has said until now is heard."""
        with suppress(Closed):
            for frame in worker.channel.receive():
                if frame.op == Op.SAID:
                    self._ear.hear(worker.name, frame)
                else:
                    worker.line.discard(frame)
        self._ear.flush()
        self._curriculum.left(worker)
        self._watch.forget(worker)

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    def _understand(self, worker: Worker, frame: Frame) -> None:
        match frame.op:
            case Op.VALUE | Op.DONE:
                self._done(worker, frame)
            case Op.PART:
                if not self._drawers.seen(frame):
                    self._done(worker, frame)
            case Op.BEGAN:
                self.arrivals.append(Began(frame.chunk))
            case Op.UNREADABLE:
                worker.held.remove(frame.chunk)
                worker.ahead.answered(frame.chunk)
                chunk = self._chunks.get(frame.chunk)
                if chunk is not None:
                    self._outgoing.give_parts(worker, chunk)
            case Op.RECALLED:
                worker.ahead.recalled = False
            case Op.FORGOT if frame.call == self._number:
                worker.held.clear()

    def _done(self, worker: Worker, frame: Frame) -> None:
        """A chunk is done, or a part of it."""
        if frame.op == Op.PART:
            chunk = self._chunks.get(frame.chunk)
        else:
            chunk = self._chunks.pop(frame.chunk, None)
            worker.held.remove(frame.chunk)
            if self._ahead.out:
                worker.ahead.answered(frame.chunk)
        if chunk is None:
            worker.line.discard(frame)
        else:
            arrival = self._read(worker, chunk, frame)
            if self._translate is not None:
                arrival = self._translate(worker, arrival)
            if isinstance(arrival, Lost):
                self._chunks.pop(frame.chunk, None)
            append_joined(self.arrivals, arrival)
        if self._memory is not None and frame.op == Op.DONE and not worker.held:
            keeps = worker.memory
            if keeps > KEEPS * self._memory:
                self._payroll.retire(worker)

    def _read(self, worker: Worker, chunk: Chunk, frame: Frame) -> Arrival:
        try:
            return read_answer(frame, worker.line, worker.name, self._outgoing.weight)
        except REFUSED as error:  # unpickling a user's result may raise anything
            if len(chunk.items) > 1:  # alone, each answers for itself
                return Lost(chunk.number, worker.name, "its answer could not be read")
            refused = not_readable(f"result of item {chunk.first}", error)
            return Returned.failed(chunk.number, worker.name, refused)

    def _mourn(self, worker: Worker) -> None:
        """A worker is gone: the first chunk it had not answered is the one it was in."""
        unbegun = set(worker.ahead.take_back())
        self._payroll.dismiss(worker)
        name = worker.title
        standing, stack = worker.page.read(), worker.page.stack
        self.open_drawer(worker)
        status = SUPERVISOR.bury(worker)
        if worker.unborn:
            self._do_without(worker)
        for lost in self._watch.post_mortem(worker, name, status, standing, stack):
            self._chunks.pop(lost.chunk, None)
            self.arrivals.append(replace(lost, begun=False) if lost.chunk in unbegun else lost)
        worker.held.clear()

    def _do_without(self, worker: Worker) -> None:
        """The *worker* could not be started: others take what it was given; nobody is to blame."""
        if not self._payroll.workers:
            unborn = OSError(worker.unborn, f"{os.strerror(worker.unborn)}: no worker process could be started")
            check_limits(unborn, "a worker process")
            raise unborn
        self._payroll.do_without()
        for number in worker.held:
            self._chunks.pop(number, None)
            self.arrivals.append(Lost(number, worker.name, "it could not be started", begun=False))
        worker.held.clear()
