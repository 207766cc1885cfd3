"""Chunks on their way to worker processes: packed, handed over with all that a worker has to know first."""

from __future__ import annotations

from .._model.chunk import Call, Chunk
from .._model.outcome import Returned
from .._transport.boxes import boxed
from .._transport.carried import Carried
from .._transport.channel import Frame
from .._transport.codec import dumps_apart
from .._transport.culprit import REFUSED
from .._transport.passage import KEPT
from .._transport.rooted import dumps_apart_rooted
from .lesson import Curriculum
from .ops import Op
from .parcel import pack_alone, pack_items, pack_parts, refused_call
from .ready import Ready
from .worker import Worker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .ahead import Packed


class Outgoing:
    """What one crew sends its workers.

    Args:
        call: What the crew runs.
        curriculum: What workers have to know.
        cpus: How many processors there are, if anybody has counted.
        ready: Where the workers' channels are waited on.
        refuse: Told what becomes of a call that can't be sent.

    Attributes:
        chunks: Those that are in flight, by number.
        weight: Bytes of an item on its way, by the last that went.
        sleeps: Whether who reads the answers waits for the channels, and looks nowhere else until he is woken.
        expected: Who lays the next answer where it is looked for; to be told otherwise before anybody sleeps.
    """

    def __init__(
        self,
        call: Call,
        curriculum: Curriculum,
        cpus: int | None,
        ready: Ready,
        refuse: Callable[[Returned], object],
    ) -> None:
        self.chunks: dict[int, Chunk] = {}
        self.weight = 0.0
        self.sleeps = False
        self.expected: Worker | None = None
        self._alone, self._cpus = call.alone, cpus or 1
        self._curriculum, self._number = curriculum, curriculum.number
        self._ready, self._refuse = ready, refuse
        self._dumps = dumps_apart_rooted if curriculum.rooted else dumps_apart

    @property
    def spins(self) -> bool:
        """Whether what is out are calls, which follow each other at once, and the caller has a processor to wait on."""
        return self._alone and len(self.chunks) < self._cpus and not self._curriculum.longer

    def pack(self, chunk: Chunk) -> Packed | None:
        """The chunk, ready to go; ``None`` if it can't, and is refused."""
        with KEPT:
            if self._alone and chunk.call is None:
                fn, args, kwargs = chunk.items[0]
                try:
                    if type(fn) is Carried:
                        return chunk, Op.ALONE, *self._dumps((boxed(args), kwargs)), fn.packed
                    return chunk, Op.ALONE, *pack_alone(chunk, self._dumps), b""
                except REFUSED as error:
                    self._refuse(refused_call(chunk, error))
                    return None
            apart = pack_items(chunk, self._dumps)
            if apart is None:
                return chunk, Op.PARTS, pack_parts(chunk), [], b""
            return chunk, Op.CHUNK, *apart, b""

    def give(self, worker: Worker, packed: Packed) -> None:
        """Send the worker what was *packed*."""
        frames = self.frames(worker, packed)
        lone = packed[1] == Op.ALONE and not worker.held
        if lone and frames[-1].first & 1 and self.expected is None and not self.sleeps:
            worker.line.expect()
            self.expected = worker
        if not (lone and len(frames) == 1 and worker.line.hand(frames[0])):
            worker.channel.send_all(frames)
            worker.channel.quiet = lone  # when it has answered it has read all that there is
        self.hold(worker, packed[0])  # while the worker reads
        if worker.channel.clogged:
            self.mind(worker)

    def give_parts(self, worker: Worker, chunk: Chunk) -> None:
        """Send the worker item by item what it could not read in one piece."""
        worker.tasks -= tasks_of(chunk)
        with KEPT:
            parts = pack_parts(chunk)
        self.give(worker, (chunk, Op.PARTS, parts, [], b""))

    def frames(self, worker: Worker, packed: Packed) -> list[Frame]:
        """Those by which the worker gets what was *packed*; the last is for that."""
        chunk, op, stem, buffers, function = packed
        if worker.knows != self._number:
            self.introduce(worker)
        first = chunk.first
        if op == Op.ALONE:
            first = len(function) << 1 | (len(self.chunks) + 1 < self._cpus and not self._curriculum.longer)
        number, told = (self._number, []) if chunk.call is None else self._curriculum.teach(worker, chunk.call)
        body = worker.line.stow(stem, buffers) + function
        self.weight = worker.line.carried / len(chunk.items)
        return [*self._curriculum.untold(worker), *told, Frame(op, number, chunk.number, first, chunk.attempt, body)]

    def hold(self, worker: Worker, chunk: Chunk) -> None:
        """The worker has the chunk from now on."""
        self.chunks[chunk.number] = chunk
        worker.held.append(chunk.number)
        worker.tasks += tasks_of(chunk)

    def release(self, number: int) -> None:
        """No worker has this chunk any more."""
        self.chunks.pop(number, None)

    def introduce(self, worker: Worker) -> None:
        """Tell a new one what all this is about."""
        self._curriculum.introduce(worker)
        if worker.channel.clogged:
            self.mind(worker)

    def inform(self) -> None:
        """Tell workers what was not worth waking them for."""
        for worker in self._curriculum.uninformed:
            worker.channel.send_all(self._curriculum.untold(worker))
            if worker.channel.clogged:
                self.mind(worker)

    def mind(self, worker: Worker) -> None:
        """Wait for room to write as well, as long as something waits to be written."""
        self._ready.change(worker.channel.fileno(), writable=worker.channel.clogged)


def tasks_of(chunk: Chunk) -> int:
    """How many tasks that is of a worker's life."""
    return len(chunk.items) if chunk.call is None else 1
