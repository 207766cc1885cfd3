"""Processes: for functions that compute. Each worker has a channel of its own, and the caller reads them all."""

from __future__ import annotations

import os
import select
from collections.abc import Sequence
from itertools import count
from math import ceil
from time import monotonic
from typing import Final

from .._model.chunk import Call, Chunk
from .._model.outcome import Arrival, Began, Fault, Lost, Returned
from .._transport.bundle import Bundle
from .._transport.channel import Closed, Frame
from .._transport.codec import not_sendable
from .child import Op
from .inbox import spells, wait_for
from .parcel import pack_call, pack_items, pack_parts, unpack_returned
from .supervisor import SUPERVISOR, Worker

# How long a run that is left early waits for its workers to finish the chunk they are in (3 ms when chunks
# adapt) before it ends them: a warm worker is worth more than that, a hanging one is not.
GRACE: Final = 0.05  # seconds

_CALLS = count(1)


class ProcessCrew:
    """Workers leased for one run; started as they are needed, given back warm.

    Args:
        call: What to run; packed here, so that a function that can't travel fails before anything runs.
        workers: How many processes at most.
        spare: How many idle processes may be kept for later runs.

    Raises:
        NotSendable: The function can't be sent.
    """

    prefetches = True

    def __init__(self, call: Call, workers: int, spare: int) -> None:
        self.width = workers
        self._spare = max(spare, workers)
        self._number = next(_CALLS)
        self._bundle = Bundle()
        try:
            self._packed = pack_call(call, self._bundle.fill)
        except BaseException:
            self._bundle.close()
            raise
        self._workers: dict[int, Worker] = {}  # by the descriptor of their channel
        self._chunks: dict[int, Chunk] = {}  # in flight, by number
        self._local: list[Arrival] = []  # what is known without asking a worker
        self._select = select.poll()
        self._bell, self._rope = os.pipe()  # to wake a poll from another thread
        os.set_blocking(self._rope, False)
        self._select.register(self._bell, select.POLLIN)

    # ── the crew ──────────────────────────────────────────────────────────────────────────────────────────

    def send(self, chunk: Chunk) -> None:
        """Give the chunk to the worker that holds least."""
        self._chunks[chunk.number] = chunk
        worker = self._least_busy()
        items = pack_items(chunk, worker.line.dumps)
        if items is None:
            self._give(worker, Op.PARTS, chunk, pack_parts(chunk))
        else:
            self._give(worker, Op.CHUNK, chunk, items)

    def poll(self, timeout: float | None) -> Sequence[Arrival]:
        """What the workers have answered."""
        if not self._local:
            for spell in spells(timeout):
                ready = self._select.poll(ceil(spell * 1000))
                for fd, _ in ready:
                    if fd == self._bell:
                        os.read(fd, 4096)
                    elif fd in self._workers:
                        self._attend(self._workers[fd])
                if ready:
                    break
        arrivals, self._local = self._local, []
        return arrivals

    async def apoll(self, timeout: float | None) -> Sequence[Arrival]:
        """The same for an event loop."""
        import asyncio

        arrivals = self.poll(0)
        if arrivals or timeout == 0:
            await asyncio.sleep(0)
            return arrivals
        loop, ready = asyncio.get_running_loop(), asyncio.Event()
        readable, writable = [self._bell, *self._workers], [fd for fd, w in self._workers.items() if w.channel.clogged]
        for fd in readable:
            loop.add_reader(fd, ready.set)
        for fd in writable:
            loop.add_writer(fd, ready.set)
        try:
            await wait_for(ready, timeout)
        finally:
            for fd in readable:
                loop.remove_reader(fd)
            for fd in writable:
                loop.remove_writer(fd)
        return self.poll(0)

    def kill(self, chunk: int) -> tuple[str, bool]:
        """End the worker that has the chunk; another is started when it is needed."""
        self._chunks.pop(chunk, None)
        for worker in self._workers.values():
            if chunk in worker.held:
                worker.held.remove(chunk)
                self._dismiss(worker)
                SUPERVISOR.kill(worker)
                self._local += [Lost(number, worker.name, "stopped", begun=False) for number in worker.held]
                return f"{worker.name} (pid {worker.pid})", True
        return "a process", False

    def wake(self) -> None:
        """End the wait of a poll."""
        try:
            os.write(self._rope, b"!")
        except OSError:  # it has been rung often enough, or is over
            return

    def close(self) -> None:
        """Give the workers back; end those that do not come free at once."""
        self._chunks.clear()
        for fd, worker in list(self._workers.items()):
            if worker.channel.fileno() < 0:  # the interpreter is ending, and the supervisor was here before us
                del self._workers[fd]
        busy = [worker for worker in self._workers.values() if worker.held]
        for worker in self._workers.values():
            worker.channel.send(Frame(Op.FORGET, self._number, 0, 0, 0, b""))
        ending = monotonic() + GRACE
        while any(worker.held for worker in busy) and (left := ending - monotonic()) > 0:
            self.poll(left)
        for worker in list(self._workers.values()):
            self._dismiss(worker)
            if worker.held:
                SUPERVISOR.kill(worker)
            else:
                SUPERVISOR.give_back(worker, self._spare)
        os.close(self._bell)
        os.close(self._rope)
        self._bundle.close()

    async def aclose(self) -> None:
        """The same."""
        self.close()

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    def _least_busy(self) -> Worker:
        least = min(self._workers.values(), key=lambda worker: len(worker.held), default=None)
        if least is not None and (not least.held or len(self._workers) >= self.width):
            return least
        worker = SUPERVISOR.lease()
        self._workers[worker.channel.fileno()] = worker
        self._select.register(worker.channel.fileno(), select.POLLIN)
        return worker

    def _give(self, worker: Worker, op: Op, chunk: Chunk, body: bytes) -> None:
        if worker.knows != self._number:
            worker.channel.send(Frame(Op.CALL, self._number, 0, 0, 0, self._packed, self._bundle.share()))
            worker.knows = self._number
        worker.held.append(chunk.number)
        worker.channel.send(Frame(op, self._number, chunk.number, chunk.first, chunk.attempt, body))
        self._watch(worker)

    def _watch(self, worker: Worker) -> None:
        """Wait for room to write as well, as long as something waits to be written."""
        events = select.POLLIN | select.POLLOUT if worker.channel.clogged else select.POLLIN
        self._select.modify(worker.channel.fileno(), events)

    def _attend(self, worker: Worker) -> None:
        """Read what a worker has sent, send what waits for it."""
        try:
            frames = worker.channel.receive()
        except Closed:
            return self._mourn(worker)
        for frame in frames:
            if frame.call == self._number:
                self._understand(worker, frame)
            else:
                worker.line.discard(frame)
        if worker.channel.clogged:
            worker.channel.flush()
            self._watch(worker)
        return None

    def _understand(self, worker: Worker, frame: Frame) -> None:
        match frame.op:
            case Op.BEGAN:
                self._local.append(Began(frame.chunk))
            case Op.DONE:
                worker.held.remove(frame.chunk)
                chunk = self._chunks.pop(frame.chunk, None)
                if chunk is not None:
                    self._local.append(self._returned(worker, chunk, frame))
                else:
                    worker.line.discard(frame)
            case Op.UNREADABLE:
                worker.held.remove(frame.chunk)
                chunk = self._chunks.get(frame.chunk)
                if chunk is not None:
                    self._give(worker, Op.PARTS, chunk, pack_parts(chunk))
            case Op.FORGOT:
                worker.held.clear()

    def _returned(self, worker: Worker, chunk: Chunk, frame: Frame) -> Arrival:
        try:
            return unpack_returned(frame.body, worker.line.loads)
        except Exception as error:  # noqa: BLE001  unpickling a user's result may raise anything
            if len(chunk.items) > 1:  # alone, each answers for itself
                return Lost(chunk.number, worker.name, "its answer could not be read")
            refused = not_sendable(None, f"result of item {chunk.first}", error)
            return Returned(chunk.number, [None], worker.name, 0.0, {0: Fault(refused, worker.name)})

    def _mourn(self, worker: Worker) -> None:
        """A worker is gone: the first chunk it had not answered is the one it was in."""
        self._dismiss(worker)
        name = f"{worker.name} (pid {worker.pid})"
        status = SUPERVISOR.bury(worker)
        for place, number in enumerate(worker.held):
            self._chunks.pop(number, None)
            self._local.append(Lost(number, name, status, begun=place == 0))
        worker.held.clear()

    def _dismiss(self, worker: Worker) -> None:
        self._select.unregister(worker.channel.fileno())
        del self._workers[worker.channel.fileno()]
