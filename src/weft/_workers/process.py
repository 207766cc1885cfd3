"""Processes: for functions that compute. Each worker has a channel of its own, and the caller reads them all."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Sequence
from dataclasses import replace
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
from .status import DUMP_SIGNAL, Standing
from .supervisor import SUPERVISOR, Worker

# How long a run that is left early waits for its workers to finish the chunk they are in (3 ms when chunks
# adapt) before it ends them: a warm worker is worth more than that, a hanging one is not.
GRACE: Final = 0.05  # seconds

# How long a worker whose item has taken too long gets to send what it has finished, before it is killed.
LAST_WORDS: Final = 0.25  # seconds

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
    tells = True

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
        self._announce = call.announce
        self._condemned: dict[Worker, tuple[float, Standing]] = {}  # until when they may speak, and what they hung in
        self._seen: dict[Worker, Standing] = {}  # what was said of them last
        self._workers: dict[int, Worker] = {}  # by the descriptor of their channel
        self._chunks: dict[int, Chunk] = {}  # in flight, by number
        self._weight = 0.0  # bytes of an item on its way, by the last that went
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
        self._weight = worker.line.carried / len(chunk.items)
        if items is None:
            self._give(worker, Op.PARTS, chunk, pack_parts(chunk))
        else:
            self._give(worker, Op.CHUNK, chunk, items)

    def poll(self, timeout: float | None) -> Sequence[Arrival]:
        """What the workers have answered."""
        if not self._local:
            if self._condemned:
                timeout = self._execute(timeout)
            for spell in spells(timeout):
                ready = self._select.poll(ceil(spell * 1000))
                for fd, _ in ready:
                    if fd == self._bell:
                        os.read(fd, 4096)
                    elif fd in self._workers:
                        self._attend(self._workers[fd])
                if ready:
                    break
            if self._announce:
                self._look()
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

    def kill(self, chunk: int) -> tuple[str, bool] | None:
        """End the worker that is in the chunk; another is started when it is needed.

        It leaves its stack, gets a moment to send what it has finished, and is killed if it does not end by itself.
        """
        for worker in self._workers.values():
            if worker.held and worker.held[0] == chunk and worker not in self._condemned:
                standing = worker.page.read()
                if standing != self._seen.get(worker, standing):  # it has got on
                    self._look()
                else:
                    worker.signal(DUMP_SIGNAL)
                    worker.signal(signal.SIGTERM)
                    self._condemned[worker] = monotonic() + LAST_WORDS, standing
        return None

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
            case Op.PART | Op.DONE:
                self._done(worker, frame)
            case Op.UNREADABLE:
                worker.held.remove(frame.chunk)
                chunk = self._chunks.get(frame.chunk)
                if chunk is not None:
                    self._give(worker, Op.PARTS, chunk, pack_parts(chunk))
            case Op.FORGOT:
                worker.held.clear()

    def _done(self, worker: Worker, frame: Frame) -> None:
        """A chunk is done, or a part of it."""
        chunk = self._chunks.get(frame.chunk)
        if frame.op == Op.DONE:
            worker.held.remove(frame.chunk)
            self._chunks.pop(frame.chunk, None)
        if chunk is None:
            return worker.line.discard(frame)
        arrival = self._returned(worker, chunk, frame)
        self._local.append(arrival)
        if isinstance(arrival, Lost):
            self._chunks.pop(frame.chunk, None)
        return None

    def _returned(self, worker: Worker, chunk: Chunk, frame: Frame) -> Arrival:
        try:
            returned = unpack_returned(frame.body, worker.line.loads)
            return replace(returned, nbytes=self._weight + worker.line.carried / max(1, len(returned.values)))
        except Exception as error:  # noqa: BLE001  unpickling a user's result may raise anything
            if len(chunk.items) > 1:  # alone, each answers for itself
                return Lost(chunk.number, worker.name, "its answer could not be read")
            refused = not_sendable(None, f"result of item {chunk.first}", error)
            return Returned(chunk.number, [None], worker.name, 0.0, {0: Fault(refused, worker.name)})

    def _mourn(self, worker: Worker) -> None:
        """A worker is gone: the first chunk it had not answered is the one it was in."""
        self._dismiss(worker)
        name = f"{worker.name} (pid {worker.pid})"
        standing, stack = worker.page.read(), worker.page.stack
        _, hung = self._condemned.pop(worker, (0.0, None))
        status = SUPERVISOR.bury(worker)
        for place, number in enumerate(worker.held):
            self._chunks.pop(number, None)
            lost = Lost(number, name, status, begun=place == 0)
            if place == 0 and standing.chunk == number:
                late = hung is not None and (hung.chunk, hung.first) == (number, standing.first)
                known = replace(lost, index=standing.first, span=standing.span, stack=stack)
                # Stopped for an item that it then finished all the same, it is not to blame for the next one.
                lost = replace(known, late=late, begun=late or hung is None)
            elif hung is not None:
                lost = replace(lost, begun=False)
            self._local.append(lost)
        worker.held.clear()

    def _look(self) -> None:
        """Read off the pages which items were begun, for whoever watches their time."""
        now = monotonic()
        for worker in self._workers.values():
            if worker.held and worker not in self._condemned:
                standing = worker.page.read()
                if standing.chunk == worker.held[0] and standing != self._seen.get(worker):
                    self._seen[worker] = standing
                    self._local.append(Began(standing.chunk, now - standing.began))

    def _execute(self, timeout: float | None) -> float | None:
        """Kill the condemned who have had their time; how long to wait at most for those who have not."""
        now = monotonic()
        for worker, (until, _) in self._condemned.items():
            if until <= now:
                worker.signal(signal.SIGKILL)
        left = max(0.001, min(until for until, _ in self._condemned.values()) - now)
        return left if timeout is None else min(timeout, left)

    def _dismiss(self, worker: Worker) -> None:
        self._seen.pop(worker, None)
        self._select.unregister(worker.channel.fileno())
        del self._workers[worker.channel.fileno()]
