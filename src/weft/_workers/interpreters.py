"""Interpreters of this process: for functions that compute, without other processes. Each has a lock of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .._model.chunk import Call
from .._model.copies import at_fork
from .._model.outcome import Arrival, Lost, Returned
from .._model.plan import Plan
from ..errors import NotSendable
from ..errors.died import InitializerFailed
from .births import Birth
from .budget import share_of
from .initializer import log
from .process import ProcessCrew
from .supervisor import SUPERVISOR
from .worker import Worker


class InterpreterCrew(ProcessCrew):
    """Interpreters leased for one run: as processes are, over lines of the same kind, and kept warm as those are.

    An interpreter can't be stopped from outside: one that takes too long is left behind with its item, its result is
    dropped and another takes its place.

    Args:
        call: What to run; packed here, so that a function that can't travel fails before anything runs.
        plan: How many interpreters, and whether they make room for other runs.

    Raises:
        NotSendable: The function can't be sent.
    """

    tells = keeps = False

    def __init__(self, call: Call, plan: Plan) -> None:
        self._held = plan.own  # by somebody, as an executor
        self._unfit: set[Worker] = set()
        with self._refusing():
            super().__init__(call, plan, Birth("interpreter", share_of(plan.cpus, plan.workers), prefix=plan.prefix))

    def learn(self, call: Call) -> None:
        """As all crews do.

        Raises:
            NotSendable: The function can't be sent.
        """
        with self._refusing():
            super().learn(call)

    def kill(self, chunk: int) -> tuple[str, bool]:
        """Leave the interpreter that has the chunk to itself."""
        with self._lock:
            for worker in list(self._workers.values()):
                if worker.held and worker.held[0] == chunk:
                    self._chunks.pop(chunk, None)
                    for number in list(worker.held)[1:]:
                        self._chunks.pop(number, None)
                        self._answers.arrivals.append(Lost(number, worker.name, "it was left behind", begun=False))
                    self._payroll.retire(worker)
                    return worker.name, False
        return "an interpreter", False

    def _translate(self, worker: Worker, arrival: Arrival) -> Arrival:
        """An initializer that fails is logged here: an interpreter's own loggers are nobody's."""
        if not isinstance(arrival, Returned) or not arrival.faults:
            return arrival
        arrival = self._told(arrival)
        if worker not in self._unfit:
            for fault in arrival.faults.values():
                if isinstance(fault.error, InitializerFailed):
                    self._unfit.add(worker)
                    log(fault.error)
        return arrival

    def _told(self, returned: Returned) -> Returned:
        """Whoever holds an executor has errors that are those of the standard library's pool as well."""
        if not self._held:
            return returned
        from .uncaught import translated

        return translated(returned)

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        """The same for a function that can't be sent."""
        try:
            yield
        except NotSendable as error:
            if not self._held:
                raise
            from .uncaught import not_shareable

            raise not_shareable(error) from error.__cause__

    def _end(self, worker: Worker) -> None:
        """The run is over: whoever is in the midst of something leaves when that is done, and nobody waits."""
        SUPERVISOR.retire(worker)


at_fork(before=SUPERVISOR.stop_interpreters)
