"""Processes: for functions that compute. Each worker has a channel of its own, and the caller reads them all."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import count, islice
from time import monotonic
from typing import Final

from .._model.chunk import Call, Chunk
from .._model.outcome import Arrival, Began, Fault, Lost, Returned
from .._model.plan import Plan
from .._transport.channel import Closed, Frame
from .._transport.codec import not_sendable
from .._transport.culprit import REFUSED
from .budget import BUDGET
from .child import Op
from .heard import Ear
from .inbox import spells, wait_for
from .parcel import pack_call, pack_items, pack_parts, unpack_returned
from .ready import Ready
from .status import DUMP_SIGNAL, Standing
from .supervisor import SUPERVISOR, Birth, Worker

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
        plan: How many processes, and whether they make room for other runs.
        birth: How they are born.

    Raises:
        NotSendable: The function can't be sent.
    """

    prefetches = True
    tells = True

    def __init__(self, call: Call, plan: Plan, birth: Birth) -> None:
        self._plan, self._birth = plan, birth
        self.follows = birth.method != "fork"  # which is for a process of one thread
        self._number = next(_CALLS)
        self._packed = pack_call(call, birth.cpus)
        self._ear = Ear(call.said)
        self._announce = call.announce
        self._condemned: dict[Worker, tuple[float, Standing]] = {}  # until when they may speak, and what they hung in
        self._seen: dict[Worker, Standing] = {}  # what was said of them last
        self._workers: dict[int, Worker] = {}  # by the descriptor of their channel
        self._chunks: dict[int, Chunk] = {}  # in flight, by number
        self._local: list[Arrival] = []  # what is known without asking a worker
        self._lock = threading.RLock()  # whoever polls waits without it: another thread may send meanwhile
        self._select = Ready()
        self._bell, self._rope = os.pipe()  # to wake a poll from another thread
        os.set_blocking(self._rope, False)
        self._select.add(self._bell)
        if plan.shares:
            BUDGET.join(self, lambda: bool(self._chunks))

    @property
    def width(self) -> int:
        """How many processes: as many as were asked for, or else a fair part of the processors."""
        return BUDGET.width(self, self._plan.workers) if self._plan.shares else self._plan.workers

    # ── the crew ──────────────────────────────────────────────────────────────────────────────────────────

    def send(self, chunk: Chunk) -> None:
        """Give the chunk to the worker that holds least."""
        items = pack_items(chunk)
        op, body = (Op.PARTS, pack_parts(chunk)) if items is None else (Op.CHUNK, items)
        with self._lock:
            self._chunks[chunk.number] = chunk
            self._give(self._least_busy(), op, chunk, body)

    def poll(self, timeout: float | None) -> Sequence[Arrival]:
        """What the workers have answered."""
        if not self._local:
            if self._condemned:
                with self._lock:
                    timeout = self._execute(timeout)
            for spell in spells(timeout):
                ready = self._select.wait(spell)
                if ready:
                    with self._lock:
                        self._read(ready)
                    break
        with self._lock:
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
        with self._lock:
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
        BUDGET.leave(self)
        self._chunks.clear()
        self._ear.forgive()
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
            self._hear_out(worker)
            if worker.held:
                SUPERVISOR.kill(worker)
            else:
                SUPERVISOR.give_back(worker, self._plan.workers)
        self._select.close()
        os.close(self._bell)
        os.close(self._rope)

    async def aclose(self) -> None:
        """The same."""
        self.close()

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    def _least_busy(self) -> Worker:
        width = self.width
        while len(self._workers) > width and (idle := self._idle()) is not None:
            self._release(idle)
        own = islice(self._workers.values(), width)
        least = min(own, key=lambda worker: len(worker.held), default=None)
        if least is not None and (not least.held or len(self._workers) >= width):
            return least
        worker = SUPERVISOR.lease(self._birth)
        self._workers[worker.channel.fileno()] = worker
        self._select.add(worker.channel.fileno())
        return worker

    def _idle(self) -> Worker | None:
        return next((worker for worker in reversed(self._workers.values()) if not worker.held), None)

    def _release(self, worker: Worker) -> None:
        """Give back a worker that has nothing to do, in the middle of the run: another run has use for it."""
        self._dismiss(worker)
        worker.channel.send(Frame(Op.FORGET, self._number, 0, 0, 0, b""))
        answered = Ready()
        answered.add(worker.channel.fileno())
        try:
            told = bool(answered.wait(GRACE)) and worker.channel.receive()
        except Closed:
            told = False
        finally:
            answered.close()
        if told:
            worker.knows = 0
            SUPERVISOR.give_back(worker, self._plan.workers)
        else:
            SUPERVISOR.bury(worker)

    def _give(self, worker: Worker, op: Op, chunk: Chunk, body: bytes) -> None:
        if worker.knows != self._number:
            worker.channel.send(Frame(Op.CALL, self._number, 0, 0, 0, self._packed))
            worker.knows = self._number
        worker.held.append(chunk.number)
        worker.channel.send(Frame(op, self._number, chunk.number, chunk.first, chunk.attempt, body))
        self._watch(worker)

    def _watch(self, worker: Worker) -> None:
        """Wait for room to write as well, as long as something waits to be written."""
        self._select.change(worker.channel.fileno(), writable=worker.channel.clogged)

    def _read(self, ready: Sequence[int]) -> None:
        for fd in ready:
            if fd == self._bell:
                os.read(fd, 4096)
            elif fd in self._workers:
                self._attend(self._workers[fd])

    def _attend(self, worker: Worker) -> None:
        """Read what a worker has sent, send what waits for it."""
        try:
            frames = worker.channel.receive()
        except Closed:
            return self._mourn(worker)
        for frame in frames:
            if frame.op == Op.SAID:
                self._ear.hear(worker.name, frame)
            elif frame.call == self._number:
                self._understand(worker, frame)
        self._ear.flush()
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
        if chunk is not None:
            arrival = self._returned(worker, chunk, frame)
            self._local.append(arrival)
            if isinstance(arrival, Lost):
                self._chunks.pop(frame.chunk, None)

    def _returned(self, worker: Worker, chunk: Chunk, frame: Frame) -> Arrival:
        try:
            return unpack_returned(bytes(frame.body))
        except REFUSED as error:  # unpickling a user's result may raise anything
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

    def _hear_out(self, worker: Worker) -> None:
        """What a worker that is let go has said until now."""
        with suppress(Closed):
            for frame in worker.channel.receive():
                if frame.op == Op.SAID:
                    self._ear.hear(worker.name, frame)
        self._ear.flush()

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
        self._select.remove(worker.channel.fileno())
        del self._workers[worker.channel.fileno()]
