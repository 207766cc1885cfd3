"""Starts worker processes, keeps idle ones warm for the next run, ends them."""

from __future__ import annotations

import _signal as signal  # the standard library's makes enums of it, which takes 3 ms
import atexit
import os
import threading
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from time import monotonic, sleep

from .._model.chunk import Call
from .._model.noun import dataclass
from .._model.options import DEFAULT_START
from .._model.plan import Plan
from .._transport.line import KEEP, lay_line
from .births import fork, how_it_ended, spawn
from .budget import share_of
from .memory import FAT, private_memory
from .preload import needs_cloudpickle, worth_preloading
from .servers import SERVERS, Server
from .status import StatusPage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from .births import Bear, Life

# How long workers get to leave by themselves when their parent is about to.
FAREWELL: Final = 0.5  # seconds

# A worker that has rested so long is let go and not woken: somewhat later it would leave by itself (child.RESTS),
# and nobody is to be given work on the way out.
RESTED: Final = 55.0  # seconds

_NUMBERS = count(1)


@dataclass(frozen=True, slots=True, eq=False)
class Birth:
    """How workers are to be born; those that are born alike can stand in for each other.

    Attributes:
        method: The start method: "forkserver", "fork" or "spawn".
        cpus: How many processors each may keep busy.
        preload: What the server imports before it forks.
        by_value: Whether functions come by value, as cloudpickle sends them, if that is known already.
    """

    method: str
    cpus: int | None = None
    preload: tuple[str, ...] = ()
    by_value: bool = False

    @classmethod
    def of(cls, call: Call, plan: Plan) -> Birth:
        """How the workers of *plan* are born for *call*."""
        cpus = share_of(plan.cpus, plan.workers)
        # Native libraries start their threads when they are imported: what the server has, all workers have alike.
        preload = worth_preloading(call.fn) if cpus == 1 else ()
        return cls(plan.start_method or DEFAULT_START, cpus, preload, needs_cloudpickle(call.fn))


# A worker of that age is not kept warm for another run: what leaks slowly leaks no further.
OLD: Final = 3600.0  # seconds


class Worker:
    """A worker process as its parent sees it.

    Attributes:
        name: Its name.
        birth: How it was born.
        line: To it.
        channel: The line's, never blocking.
        page: What it is in, and since when.
        held: The chunks it was given and has not answered, in their order.
        knows: The call that it was given last, by number.
        tasks: How many items it was given, in all its life.
        peak: The most memory that it ever had, in bytes, once it was found dead; 0 if that is not known.
        born: When that was asked for.
        rests_since: When it was given back last.

    Args:
        birth: How it is to be born.
        bear: What does it.
    """

    def __init__(self, birth: Birth, bear: Bear) -> None:
        self.name = f"weft-process-{next(_NUMBERS)}"
        self.birth = birth
        self.held: deque[int] = deque()
        self.knows = 0
        self.tasks = 0
        self.peak = 0
        self.born = monotonic()
        self.rests_since = 0.0
        self.page = StatusPage()
        self._asking = threading.Lock()  # at exit, the thread of a run and the one that ends all workers meet here
        self.line, far_ends = lay_line()
        self.channel = self.line.channel
        below, self._lifeline = os.pipe()
        try:
            fds = {**far_ends, "lifeline": below, "page": self.page.fd}
            self._life = bear(self.name, fds, (self.channel.fileno(), self._lifeline))
        except BaseException:
            self.line.close()
            os.close(self._lifeline)
            self.page.close()
            raise
        finally:
            for fd in (*far_ends.values(), below):
                os.close(fd)

    @property
    def pid(self) -> int:
        """Its process id; waits until it is born, 0 if it never was."""
        with self._asking:
            return self._life.pid

    @property
    def memory(self) -> int:
        """What it has for itself, in bytes; 0 as long as it is not born."""
        with self._asking:
            return private_memory(self._life.pid) if self._life.born else 0

    @property
    def descriptors(self) -> set[int]:
        """What this process holds open for it."""
        return {self._lifeline, self.page.fd} | self.line.descriptors | self._life.descriptors

    @property
    def alive(self) -> bool:
        """Whether it still runs, or is being born."""
        with self._asking:
            return self._life.ended(0) is None

    def hang_up(self) -> None:
        """Close the channel: an idle worker leaves."""
        self.channel.close()

    def reap(self, timeout: float | None = None, *, weigh: bool = True) -> str:
        """Wait until it has ended; how it did. Then its peak is known too, if somebody is to *weigh* it.

        Raises:
            TimeoutError: It has not, within *timeout* seconds.
        """
        with self._asking:
            code = self._life.ended(timeout)
            if code is None:
                raise TimeoutError(f"{self.name} still runs")
            if weigh:
                self.peak = self._life.peak
            self._let_go()
            return how_it_ended(self._life, code)

    @property
    def gone(self) -> bool:
        """Whether it has ended; then there is nothing left of it."""
        try:
            self.reap(0, weigh=False)
        except TimeoutError:
            return False
        return True

    def condemn(self) -> None:
        """Have it end by force, without waiting until it has."""
        self._cut_lifeline()  # the kernel kills it, even if it is not born yet
        with self._asking:
            self._life.signal(signal.SIGKILL)

    def signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        with self._asking:
            self._life.signal(number)

    def kill(self) -> str:
        """End it now; how it ended."""
        self.condemn()
        try:
            return self.reap(FAREWELL)
        except TimeoutError:  # it is not even born, or is stuck in the kernel: it ends when it can
            with self._asking:
                self._let_go()
            return "SIGKILL"

    def outlive(self) -> None:
        """Wait a little for its end, and leave what is open to whoever has leased it."""
        with self._asking:
            self._life.ended(FAREWELL)

    def disown(self) -> None:
        """Let go of it in a forked copy of its parent, where it is not ours."""
        self._let_go()

    def _let_go(self) -> None:
        self.line.close()
        self.page.close()
        self._cut_lifeline()
        self._life.disown()

    def _cut_lifeline(self) -> None:
        lifeline, self._lifeline = self._lifeline, -1
        if lifeline >= 0:  # once: the number may be somebody else's by now
            os.close(lifeline)


class Supervisor:
    """The worker processes of this process: leased to one run at a time, warm in between.

    Attributes:
        ending: Whether the interpreter is ending, and all workers were ended.
    """

    def __init__(self) -> None:
        atexit.register(self._end)
        self.ending = False
        os.register_at_fork(after_in_child=self._begin_anew)
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._births = threading.Lock()  # one at a time: a fork must not meet another's open ends
        self._idle: list[Worker] = []
        self._leased: set[Worker] = set()
        self._retired: list[Worker] = []  # hung up on, and perhaps not gone yet

    def prepare(self, birth: Birth) -> None:
        """Workers will be wanted soon: what bears them may start, if no warm ones wait."""
        if birth.method == "forkserver" and not any(_alike(warm.birth, birth) for warm in self.idle):
            with self._births:
                self._server(birth)

    def lease(self, birth: Birth, *, warm: bool = True) -> Worker:
        """A worker for one run: a *warm* one, or a new one, which need not be there yet."""
        while warm and (worker := self._take(birth)) is not None:
            if worker.alive:
                return worker
            self.bury(worker)
        if self.ending and threading.current_thread().daemon:  # it has lost its workers, and is about to end itself
            sleep(FAREWELL)
        with self._births:
            worker = Worker(birth, self._bear(birth))
            with self._lock:
                self._leased.add(worker)
        return worker

    def give_back(self, worker: Worker, keep: int) -> None:
        """A run needs the *worker* no more: it stays for the next, if not *keep* of its kind are waiting already."""
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
        _see_off(leaving)

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

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    def _end(self) -> None:
        self.ending = True
        self.stop()

    def _take(self, birth: Birth) -> Worker | None:
        """A warm worker of that *birth*; those that have rested so long that they may be leaving are let go."""
        too_long = monotonic() - RESTED
        with self._lock:
            leaving = [worker for worker in self._idle if worker.rests_since < too_long]
            self._idle = [worker for worker in self._idle if worker.rests_since >= too_long]
            worker = next((warm for warm in reversed(self._idle) if _alike(warm.birth, birth)), None)
            if worker is not None:
                self._idle.remove(worker)
                self._leased.add(worker)
        _see_off(leaving)
        return worker

    def _bear(self, birth: Birth) -> Bear:
        match birth.method:
            case "fork":
                return lambda name, fds, away: fork(name, fds, away, birth.cpus)
            case "spawn":
                return lambda name, fds, away: spawn(name, fds)
        return lambda name, fds, away: self._serve(birth, name, fds)

    def _serve(self, birth: Birth, name: str, fds: Mapping[str, int]) -> Life:
        server = self._server(birth)
        try:
            return server.bear(name, fds)
        except ConnectionError:  # somebody has killed it: there will be another
            SERVERS.drop(server)
            return self._server(birth).bear(name, fds)

    def _server(self, birth: Birth) -> Server:
        return SERVERS.have(birth.preload, birth.cpus, by_value=birth.by_value)

    def _begin_anew(self) -> None:
        for worker in (*self._idle, *self._leased, *self._retired):
            worker.disown()
        self._begin()


def _alike(one: Birth, other: Birth) -> bool:
    return (one.method, one.cpus) == (other.method, other.cpus)


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
