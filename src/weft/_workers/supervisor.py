"""Leases worker processes to runs, keeps idle ones warm for the next, ends them."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from time import monotonic, sleep

from .._model.copies import at_fork
from .._model.interruption import uninterrupted
from .._model.locks import Lock
from .._transport.line import KEEP
from ..errors import KindUnavailable
from .births import Birth, fork, spawn
from .interrupts import interrupts_held
from .memory import FAT
from .servers import SERVERS, Server
from .worker import FAREWELL, Worker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from .births import Bear
    from .lives import Life

# A worker that has rested so long is let go and not woken: somewhat later it would leave by itself (child.RESTS),
# and nobody is to be given work on the way out.
RESTED: Final = 55.0  # seconds

# How long a fork waits for interpreters that rest to leave.
LEAVES: Final = 10.0  # seconds

# A worker of that age is not kept warm for another run: what leaks slowly leaks no further.
OLD: Final = 3600.0  # seconds

LATE: Final = (
    "the program is ending, and does not end while other interpreters live: what atexit calls can use on='process' "
    "or on='serial'"
)


class Supervisor:
    """The worker processes of this process: leased to one run at a time, warm in between.

    Attributes:
        ending: Whether the interpreter is ending, and all workers were ended.
    """

    def __init__(self) -> None:
        atexit.register(self._end)
        self.ending = False
        at_fork(after_in_child=self._begin_anew)
        self._begin()

    def _begin(self) -> None:
        self._lock = Lock()
        self._births = Lock()  # one at a time: a fork must not meet another's open ends
        self._idle: list[Worker] = []
        self._leased: set[Worker] = set()
        self._retired: list[Worker] = []  # hung up on, and perhaps not gone yet

    def prepare(self, birth: Birth) -> None:
        """Workers will be wanted soon: what bears them may start, if no warm ones wait."""
        if (
            birth.method == "forkserver"
            and birth.family is None
            and not any(_alike(warm.birth, birth) for warm in self.idle)
        ):
            with self._births, suppress(OSError):  # whoever leases one tries again, and makes room
                self._server(birth)

    def lease(self, birth: Birth, *, warm: bool = True) -> Worker:
        """A worker for one run: a *warm* one, or a new one, which need not be there yet.

        Raises:
            OSError: There are no more descriptors or processes to be had.
            KindUnavailable: It would be an interpreter, and the program is ending.
        """
        while warm and (worker := self._take(birth)) is not None:
            if worker.alive:
                return worker
            self.bury(worker)
        if self.ending and threading.current_thread().daemon:  # it has lost its workers, and is about to end itself
            sleep(FAREWELL)
        if self.ending and birth.method == "interpreter":
            raise KindUnavailable(LATE)
        try:
            return self._new(birth)
        except OSError:
            if not self._make_room():
                raise
            return self._new(birth)

    def give_back(self, worker: Worker, keep: int) -> None:
        """A run needs the *worker* no more: it stays for the next, if not *keep* of its kind are waiting already.

        Those that are too many leave while the caller goes on: to wait for the end of one takes 3 ms and more.
        """
        worker.rests_since = monotonic()
        self.tidy()
        worker.line.trim(KEEP)
        with self._lock:
            self._leased.discard(worker)
            if worker.rests_since - worker.born > OLD or (worker.tasks and worker.memory > FAT):
                keep, alike = 0, [worker]
            else:
                self._idle.append(worker)
                alike = [warm for warm in self._idle if _alike(warm.birth, worker.birth)]
            leaving = alike[: max(0, len(alike) - keep)]
            self._idle = [warm for warm in self._idle if warm not in leaving]
            self._retired += leaving
        for warm in leaving:
            warm.hang_up()

    def retire(self, worker: Worker) -> None:
        """A leased *worker* that has nothing to do has done enough; it leaves while others go on."""
        worker.hang_up()
        with self._lock:
            self._leased.discard(worker)
            self._retired.append(worker)
        self.tidy()

    def see_off(self, workers: Sequence[Worker], patience: float) -> None:
        """Leased *workers* that have nothing to do leave now; waits so many seconds until they have."""
        _see_off(workers, patience)
        with self._lock:
            self._leased.difference_update(workers)

    def tidy(self) -> None:
        """Let go of the retired who have left by now."""
        with self._lock:
            self._retired = [worker for worker in self._retired if not worker.gone]

    def bury(self, worker: Worker) -> str:
        """A leased *worker* is gone, or about to be; how it ended."""
        with self._lock:
            self._leased.discard(worker)
        try:
            return worker.reap(FAREWELL)
        except TimeoutError:
            return worker.kill()

    def kill(self, worker: Worker) -> None:
        """A leased *worker* has to go."""
        with self._lock:
            self._leased.discard(worker)
        worker.kill()

    @property
    def idle(self) -> list[Worker]:
        """The warm workers that wait for a run."""
        with self._lock:
            return list(self._idle)

    @property
    def servers(self) -> list[Server]:
        """The processes that bear workers."""
        return SERVERS.all

    def stop(self) -> None:
        """End all workers: the idle ones by hanging up, those that are leased by force."""
        with self._births, self._lock:
            idle, leased = [*self._retired, *self._idle], list(self._leased)
            self._idle, self._retired = [], []
            self._leased.clear()
        for worker in leased:
            worker.condemn()
        _see_off(idle)
        for worker in leased:
            worker.outlive()
        for server in self.servers:
            server.condemn()
        for server in [] if self.ending else self.servers:  # at the end nobody waits for what is as good as dead
            SERVERS.drop(server)

    def stop_interpreters(self) -> None:
        """End those that rest, and wait for it: a process that has other interpreters can't be forked."""
        with self._lock:
            retired = [worker for worker in self._retired if worker.birth.method == "interpreter"]
            leaving = [worker for worker in self._idle if worker.birth.method == "interpreter"]
            self._idle = [worker for worker in self._idle if worker not in leaving]
            self._retired += leaving
        for worker in leaving:
            worker.hang_up()
        for worker in leaving:
            worker.outlive(LEAVES)
        for worker in retired:  # they may be in the midst of something that takes long
            worker.outlive()
        self.tidy()

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    def _end(self) -> None:
        self.ending = True
        with interrupts_held(drop=True):
            self.stop()

    def _new(self, birth: Birth) -> Worker:
        with self._births:
            worker = Worker(birth, self._bear(birth))
            with self._lock:
                self._leased.add(worker)
        return worker

    def _make_room(self) -> bool:
        """Let those go that wait for runs of another kind; whether there were any."""
        with self._lock:
            idle, self._idle = self._idle, []
        _see_off(idle)
        return bool(idle)

    def _take(self, birth: Birth) -> Worker | None:
        """A warm worker of that *birth*; those that have rested so long that they may be leaving are let go."""
        too_long = monotonic() - RESTED
        with self._lock:
            leaving = [worker for worker in self._idle if worker.rests_since < too_long]
            self._idle = [worker for worker in self._idle if worker.rests_since >= too_long]
            self._retired += leaving
            worker = next((warm for warm in reversed(self._idle) if _alike(warm.birth, birth)), None)
            if worker is not None:
                self._idle.remove(worker)
                self._leased.add(worker)
        for rested in leaving:
            rested.hang_up()
        return worker

    def _bear(self, birth: Birth) -> Bear:
        if birth.method == "interpreter":
            from .host import Host

            return lambda name, fds, away: Host(name, fds)
        if birth.method == "fork":
            self.stop_interpreters()
            self._refuse_beside_interpreters()
        if (family := birth.family) is not None:
            from .relatives import bear

            return lambda name, fds, away: bear(family, name, fds, away, birth.cpus)
        match birth.method:
            case "fork":
                return lambda name, fds, away: fork(name, fds, away, birth.cpus)
            case "spawn":
                return lambda name, fds, away: spawn(name, fds)
        return lambda name, fds, away: self._serve(birth, name, fds)

    def _refuse_beside_interpreters(self) -> None:
        """What CPython forks beside other interpreters crashes (3.14)."""
        with self._lock:
            others = (*self._leased, *self._retired)
            busy = [each.name for each in others if each.birth.method == "interpreter" and each.alive]
        if busy:
            raise KindUnavailable(
                f"a process in which other interpreters live can't be forked, and {busy[0]} does: "
                "use start_method='forkserver', or begin after they have ended"
            )

    def _serve(self, birth: Birth, name: str, fds: Mapping[str, int]) -> Life:
        server = self._server(birth)
        try:
            return server.bear(name, fds)
        except ConnectionError:  # somebody has killed it: there will be another
            SERVERS.drop(server)
            return self._server(birth).bear(name, fds)

    def _server(self, birth: Birth) -> Server:
        with uninterrupted:  # or one would run that nobody knows of
            return SERVERS.have(birth.preload, birth.cpus, by_value=birth.by_value)

    def _begin_anew(self) -> None:
        for worker in (*self._idle, *self._leased, *self._retired):
            worker.disown()
        self._begin()


def _alike(one: Birth, other: Birth) -> bool:
    return (one.method, one.cpus, one.prefix) == (other.method, other.cpus, other.prefix)


def _see_off(workers: Iterable[Worker], patience: float = FAREWELL) -> None:
    """Hang up on workers, and wait until they have left; end by force who does not within *patience* seconds."""
    workers = list(workers)
    for worker in workers:
        worker.hang_up()
    for worker in workers:
        try:
            worker.reap(patience, weigh=False)
        except TimeoutError:
            worker.kill()


SUPERVISOR: Final = Supervisor()
