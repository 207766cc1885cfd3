"""Processes: for functions that compute. Each worker has a channel of its own, and the caller reads them all."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from time import monotonic

from .._model.chunk import Call, Chunk
from .._model.copies import free_in_copies
from .._model.interruption import interruptible, uninterrupted
from .._model.locks import RLock
from .._model.outcome import Arrival, Returned
from .._model.plan import Plan
from .._transport.channel import Frame
from .._transport.spin import Spin
from ..errors import check_limits
from .ahead import Ahead
from .answers import Answers
from .births import Birth
from .budget import BUDGET
from .heard import Ear
from .inbox import LISTEN, spells
from .interrupts import interrupts_held
from .lesson import Curriculum
from .ops import Op
from .outgoing import Outgoing, tasks_of
from .payroll import Payroll
from .ready import Bell, Ready
from .supervisor import SUPERVISOR
from .watch import Watch
from .worker import FAREWELL, Worker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

# How long a run that is left early waits for its workers to finish the chunk they are in (40 ms at most when
# chunks adapt) before it ends them: a warm worker is worth more than that, a hanging one is not.
GRACE: Final = 0.05  # seconds

# How long workers that are nobody else's get to leave by themselves: they may still be at their initializer, and
# have something of their own to do at exit.
LEISURE: Final = 60.0  # seconds

# So often at most the worker that is called, call after call, is heard before all others; they may say something too.
OTHERS: Final = 64  # polls


class ProcessCrew:
    """Workers leased for one run; started as they are needed, given back warm.

    Args:
        call: What to run; packed here, so that a function that can't travel fails before anything runs.
        plan: How many processes, and whether they make room for other runs.
        birth: How they are born.

    Attributes:
        hurried: Whether, at the end, all workers are to go, and get no time for anything of their own; may be set at
            any time.

    Raises:
        NotSendable: The function can't be sent.
    """

    tells = keeps = True
    _translate: Callable[[Worker, Arrival], Arrival] | None = None
    lends = 0.0
    held = 0

    def __init__(self, call: Call, plan: Plan, birth: Birth) -> None:
        self._plan = plan
        self.together = plan.threads
        self.follows = birth.method != "fork"  # which is for a process of one thread
        self._alone = call.alone
        self._spin = Spin()
        self._curriculum = Curriculum(call, birth)
        self._number = self._curriculum.number
        self.hurried = False
        self._ear = Ear(call.said)
        self._watch = Watch(times=call.announce, memory=plan.memory)
        self._lock = free_in_copies(RLock())  # a poll waits without it: others may send meanwhile
        try:
            self._select, self._bell = Ready(), Bell()  # the second is to wake a poll from another thread
        except OSError as error:
            self._curriculum.close()
            check_limits(error, "the workers of a run")
            raise
        self._polls = 0  # so far
        self._rung = False  # whether a poll has heard the bell since somebody asked
        self._select.add(self._bell.fd)
        self._look = self._select.look
        self._outgoing = Outgoing(call, self._curriculum, plan.cpus, self._select, self._refuse)
        self._chunks = self._outgoing.chunks
        self._payroll = Payroll(plan, birth, self._number, self._select, self._part)
        self._workers = self._payroll.workers
        self._ahead = Ahead(self._number, self._payroll, self._lock, self._outgoing)
        self._answers = Answers(
            self._curriculum,
            self._outgoing,
            self._payroll,
            self._ahead,
            watch=self._watch,
            ear=self._ear,
            memory=plan.memory,
            translate=self._translate,
        )
        if plan.shares:
            BUDGET.join(self._payroll, lambda: bool(self._chunks))

    @property
    def prefetches(self) -> bool:
        """Not where a worker's next chunk may be another's: its life may end with this one."""
        return self._plan.tasks is None and self._plan.memory is None

    @property
    def width(self) -> int:
        """How many processes: as many as were asked for, or else a fair part of the processors."""
        return self._payroll.width

    # ── the crew ──────────────────────────────────────────────────────────────────────────────────────────

    def send(self, chunk: Chunk) -> None:
        """Give the chunk to the worker that holds least."""
        packed = self._outgoing.pack(chunk)
        if packed is not None:
            with uninterrupted, self._lock:  # or a worker would be there, or have something, that nobody knows of
                self._outgoing.give(self._payroll.least_busy(tasks_of(chunk)), packed)

    @property
    def ahead(self) -> Ahead | None:
        """What sends single calls ahead of their turn, where that can be."""
        return self._ahead if self.prefetches and self._alone else None

    def populate(self) -> None:
        """Have all workers there before there is anything to do, and ready for it."""
        with self._lock:
            for worker in self._payroll.fill():
                self._outgoing.introduce(worker)

    def learn(self, call: Call) -> None:
        """Chunks of another *call* will come; packed here, so that a function that can't travel fails before that.

        Raises:
            NotSendable: The function can't be sent.
        """
        with self._lock:
            self._curriculum.add(call)

    def forget(self, call: Call) -> None:
        """None will come any more."""
        with self._lock:
            self._curriculum.remove(call)

    def rest(self) -> None:
        """There is nothing to do for a while: workers hear what was not worth waking them for."""
        with self._lock:
            self._outgoing.inform()

    @property
    def staff(self) -> list[Worker]:
        """The workers it has at the moment."""
        with self._lock:
            return list(self._workers.values())

    def poll(self, timeout: float | None) -> Sequence[Arrival]:
        """What the workers have answered."""
        answers = self._answers
        lone = self._lone if timeout != 0 and not answers.arrivals and self._outgoing.spins else None
        frames = self._spin.until(lone.line.glance) if lone is not None else []
        ready = [] if frames or answers.arrivals else self._wait(timeout, looks=lone is None)
        with self._lock:
            if frames and lone is not None:
                self._outgoing.expected = None
                answers.hear(lone, frames)
            elif ready:
                self._read(ready)
            if self._watch.looks:
                answers.arrivals += self._watch.look(self._workers.values())
            if self._ahead.out:
                answers.arrivals += self._ahead.overdue()
            return answers.take()

    async def apoll(self, timeout: float | None) -> Sequence[Arrival]:
        """The same for an event loop."""
        import asyncio

        self._rung = False
        arrivals = self.poll(0)
        if arrivals or timeout == 0 or self._rung:
            await asyncio.sleep(0)
            return arrivals
        if not await self._select.aready(LISTEN if timeout is None else min(timeout, LISTEN)):
            self._look_into_drawers()
        return self.poll(0)

    def kill(self, chunk: int) -> tuple[str, bool] | None:
        """End the worker that is in the chunk; another is started when it is needed.

        It leaves its stack, gets a moment to send what it has finished, and is killed if it does not end by itself.
        """
        with self._lock:
            for worker in self._workers.values():
                if worker.held and worker.held[0] == chunk and not self._watch.condemn(worker):
                    self._answers.arrivals += self._watch.look([worker])  # it has got on
        return None

    def resize(self, workers: int) -> None:
        """Have at most so many from now on."""
        self._payroll.resize(workers)

    def wake(self) -> None:
        """End the wait of a poll."""
        self._bell.ring()

    def close(self) -> None:
        """Give the workers back; end those that do not come free at once."""
        again = isinstance(sys.exc_info()[1], KeyboardInterrupt)  # a second one says nothing that the first did not
        with interrupts_held(drop=again):  # or it would leave workers that nobody has
            self._close()

    def _close(self) -> None:
        BUDGET.leave(self._payroll)
        self._chunks.clear()
        self._ear.forgive()
        for call in self._curriculum.later:
            self.forget(call)
        self.rest()
        for fd, worker in list(self._workers.items()):
            if SUPERVISOR.ending:  # it was here before us, and there is not much left to work with
                worker.hang_up()
            if worker.channel.fileno() < 0:
                del self._workers[fd]
        for worker in self._workers.values():
            self._ahead.take_back(worker)
        busy = [worker for worker in self._workers.values() if worker.held or worker.ahead.recalled]
        if not self._plan.own:  # those leave, when they have read what was sent
            for worker in self._workers.values():
                worker.channel.send(Frame(Op.FORGET, self._number, 0, 0, 0, b""))
        ending = monotonic() + GRACE
        while any(worker.held or worker.ahead.recalled for worker in busy) and (left := ending - monotonic()) > 0:
            self.poll(left)
        leaving: list[Worker] = []
        for worker in list(self._workers.values()):
            self._payroll.dismiss(worker)
            if worker.held or worker.ahead.recalled:
                self._end(worker)
            elif self._plan.own or self.hurried:
                leaving.append(worker)
            else:
                SUPERVISOR.give_back(worker, self._plan.workers)
        SUPERVISOR.see_off(leaving, FAREWELL if self.hurried or SUPERVISOR.ending else LEISURE)
        self._select.close()
        self._bell.close()
        self._curriculum.close()

    def dismiss(self) -> None:
        """Close before anything was begun: not all workers could be had, and those that could are ended."""
        for worker in list(self._workers.values()):
            self._payroll.dismiss(worker)
            SUPERVISOR.kill(worker)
        self.close()

    async def aclose(self) -> None:
        """The same."""
        self.close()

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    def _end(self, worker: Worker) -> None:
        """The run is over, and the worker in the midst of something."""
        SUPERVISOR.kill(worker)

    @property
    def _lone(self) -> Worker | None:
        """The one worker that is at something, if it is only one; now and then nobody, for others may say something."""
        self._polls += 1
        if len(self._chunks) > 1 or self._polls % OTHERS == 0:
            return None
        return self._outgoing.expected

    def _wait(self, timeout: float | None, *, looks: bool) -> list[int]:
        """The descriptors that can be read; *looks* before it sleeps, where that pays."""
        outgoing, answers = self._outgoing, self._answers
        try:
            with self._lock:
                outgoing.sleeps = True  # from now on whoever sends something expects its answer by the channel
                if (expected := outgoing.expected) is not None:
                    outgoing.expected = None
                    answers.hear(expected, expected.line.desert())
                timeout = 0 if answers.arrivals else self._ahead.patience(self._watch.patience(timeout))
            if looks and outgoing.spins and timeout != 0 and (ready := self._spin.until(self._look)):
                return ready
            for spell in spells(timeout):
                with interruptible:
                    ready = self._select.wait(spell)
                if ready:
                    return ready
                if timeout != 0 and self._look_into_drawers():
                    break
            return []
        finally:
            outgoing.sleeps = False

    def _look_into_drawers(self) -> bool:
        """Whether there is something in them: results that would have to wait for an item that takes long."""
        with self._lock:
            for worker in self._workers.values():
                if worker.held:
                    self._answers.open_drawer(worker)
            return bool(self._answers.arrivals)

    def _refuse(self, refused: Returned) -> None:
        """A call that can't be sent fails here and now."""
        refusal = self._told(refused)
        with self._lock:
            self._answers.arrivals.append(refusal)
        self.wake()

    def _told(self, returned: Returned) -> Returned:
        """Errors as whoever asked for this crew is to have them."""
        return returned

    def _read(self, ready: Sequence[int]) -> None:
        for fd in ready:
            if fd == self._bell.fd:
                self._bell.heed()
                self._rung = True
            elif fd in self._workers:
                self._answers.attend(self._workers[fd])

    def _part(self, worker: Worker) -> None:
        self._answers.part(worker)
