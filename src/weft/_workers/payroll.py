"""Who works for a run: hired as there is work for them and room, let go when there are too many or their time is up."""

from __future__ import annotations

from itertools import islice
from time import monotonic

from .._model.noun import replace
from .._model.plan import Plan
from .._transport.channel import Closed, Frame
from ..errors import check_limits
from .available import ROOM
from .births import Birth
from .budget import BUDGET
from .ops import Op
from .ready import Ready
from .supervisor import SUPERVISOR
from .worker import Worker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

# How long a run that could not have another worker, for lack of memory or what else there is only so much of, goes
# on with those it has.
ASK_AGAIN: Final = 0.25  # seconds

# How long a worker that is to be another run's gets to say that it has forgotten this one.
FORGETTING: Final = 0.05  # seconds


class Payroll:
    """The worker processes of one run.

    Args:
        plan: How many, and whether they make room for other runs.
        birth: How they are born.
        number: The run's, as its workers know it.
        ready: Where their channels are waited on.
        parting: Told of each that is let go or has died, while its channel is still there.

    Attributes:
        workers: By the descriptor of their channel.
    """

    def __init__(
        self, plan: Plan, birth: Birth, number: int, ready: Ready, parting: Callable[[Worker], object]
    ) -> None:
        self.workers: dict[int, Worker] = {}
        self._plan, self._birth, self._number = plan, birth, number
        self._ready, self._parting = ready, parting
        self._refused_until = 0.0

    @property
    def width(self) -> int:
        """How many there may be: as many as were asked for, or else a fair part of the processors."""
        return BUDGET.width(self, self._plan.workers) if self._plan.shares else self._plan.workers

    @property
    def spare(self) -> int:
        """How many workers have nothing to do, or could be had."""
        return sum(not worker.held for worker in self.workers.values()) + self.to_be_had

    @property
    def to_be_had(self) -> int:
        """How many there could be that are not there."""
        missing = self.width - len(self.workers)
        return missing if missing > 0 and monotonic() >= self._refused_until else 0

    def resize(self, workers: int) -> None:
        """Have at most so many from now on."""
        self._plan = replace(self._plan, workers=workers)

    def least_busy(self, tasks: int) -> Worker:
        """Who gets a chunk that is so many *tasks* of a worker's life: who holds least, or somebody new."""
        width, plan = self.width, self._plan
        if plan.tasks is None and len(self.workers) <= width:
            for worker in self.workers.values():
                if not worker.held:
                    return worker
        while len(self.workers) > width and (idle := self._idle()) is not None:
            self._release(idle)
        if plan.tasks is not None:
            for worker in [w for w in self.workers.values() if not w.held and self._spent(w, tasks)]:
                self.retire(worker)
        fit = islice((worker for worker in self.workers.values() if not self._spent(worker, tasks)), width)
        least = min(fit, key=lambda worker: len(worker.held), default=None)
        if least is not None and (not least.held or len(self.workers) >= width or not self._admits()):
            return least
        return self._hire(tasks, least)

    def fill(self) -> list[Worker]:
        """Have all that there may be; those that are new."""
        new = []
        while len(self.workers) < self.width and self._admits():
            new.append(self._hire(1, None))
        return new

    def retire(self, worker: Worker) -> None:
        """The worker's life is over, between two items; another is born when it is needed."""
        self.dismiss(worker)
        SUPERVISOR.retire(worker)

    def dismiss(self, worker: Worker) -> None:
        """It is nobody of ours any more."""
        self._parting(worker)
        self._ready.remove(worker.channel.fileno())
        del self.workers[worker.channel.fileno()]

    def do_without(self) -> None:
        """One could not be started: go on with the others for a while."""
        self._refused_until = monotonic() + ASK_AGAIN

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    def _hire(self, tasks: int, least: Worker | None) -> Worker:
        """One worker more, for so many *tasks* to begin with; if none is to be had, *least* has to do."""
        try:
            worker = SUPERVISOR.lease(self._birth, warm=not self._plan.own)
            while self._spent(worker, tasks) and worker.tasks:  # a warm one, from another run
                SUPERVISOR.retire(worker)
                worker = SUPERVISOR.lease(self._birth)
        except OSError as error:  # no more descriptors or processes to be had
            if least is None:
                check_limits(error, "a worker process")
                raise
            self.do_without()
            return least
        self.workers[worker.channel.fileno()] = worker
        self._ready.add(worker.channel.fileno())
        return worker

    def _spent(self, worker: Worker, tasks: int) -> bool:
        """Whether *tasks* more would be too many for one life."""
        return self._plan.tasks is not None and worker.tasks + tasks > self._plan.tasks

    def _admits(self) -> bool:
        """Whether there is memory for one more worker, which will have as much as the largest of the others."""
        if monotonic() < self._refused_until:
            return False
        known = self._plan.memory or max((worker.memory for worker in self.workers.values()), default=0)
        if ROOM.admits(known):
            return True
        self.do_without()
        return False

    def _idle(self) -> Worker | None:
        idle = (worker for worker in self.workers.values() if not (worker.held or worker.ahead.recalled))
        return next(reversed(list(idle)), None)

    def _release(self, worker: Worker) -> None:
        """Give back a worker that has nothing to do, in the middle of the run: another run has use for it."""
        self.dismiss(worker)
        worker.channel.send(Frame(Op.FORGET, self._number, 0, 0, 0, b""))
        answered = Ready()
        answered.add(worker.channel.fileno())
        try:
            told = bool(answered.wait(FORGETTING)) and worker.channel.receive()
        except Closed:
            told = False
        finally:
            answered.close()
        if told:
            worker.knows = 0
            SUPERVISOR.give_back(worker, self._plan.workers)
        else:
            SUPERVISOR.bury(worker)
