"""Starts worker processes, keeps idle ones warm for the next run, ends them."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Final

from .._transport.line import lay_line
from .status import StatusPage

# How long workers get to leave by themselves when their parent is about to.
FAREWELL: Final = 0.5  # seconds

# This very weft, wherever it lies, and the standard library's modules: whatever the user has beside the script
# under the name of one of them comes onto the path only when the worker has what it needs.
_BOOT: Final = """\
import sys
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location("weft", {weft!r})
sys.modules["weft"] = weft = module_from_spec(spec)
spec.loader.exec_module(weft)
from weft._transport.line import Ends
from weft._workers.child import main
main({ends!r}, {lifeline}, {page}, {name!r}, {path!r})
"""
_WEFT: Final = str(Path(__file__).parent.parent / "__init__.py")
_NUMBERS = count(1)


class Worker:
    """A worker process as its parent sees it.

    Attributes:
        name: Its name.
        line: To it.
        channel: The line's.
        page: What it is in, and since when.
        held: The chunks it was given and has not answered, in their order.
        knows: The call that it was given last, by number.
    """

    def __init__(self) -> None:
        self.name = f"weft-process-{next(_NUMBERS)}"
        self.held: deque[int] = deque()
        self.knows = 0
        self.page = StatusPage()
        self.line, ends = lay_line()
        below, self._lifeline = os.pipe()
        try:
            boot = _BOOT.format(
                weft=_WEFT,
                path=list(map(str, sys.path)),
                ends=ends,
                lifeline=below,
                page=self.page.fd,
                name=self.name,
            )
            flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # noqa: SLF001  as multiprocessing does
            with _interrupts_blocked():  # a worker is born deaf to Ctrl-C, and says itself when it may hear
                self._process = subprocess.Popen(
                    [sys.executable, *flags, "-P", "-c", boot],
                    stdin=subprocess.DEVNULL,
                    pass_fds=(*ends.open, below, self.page.fd),
                )
        except BaseException:
            self.line.close()
            os.close(self._lifeline)
            self.page.close()
            raise
        finally:
            ends.close()
            os.close(below)
        self.channel = self.line.channel

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def descriptors(self) -> set[int]:
        """What this process holds open for it."""
        return {*self.line.descriptors, self._lifeline, self.page.fd}

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def hang_up(self) -> None:
        """Close the channel: an idle worker leaves."""
        self.channel.close()

    def reap(self, timeout: float | None = None) -> str:
        """Wait until it has ended; how it did.

        Raises:
            subprocess.TimeoutExpired: It has not, within *timeout* seconds.
        """
        code = self._process.wait(timeout)
        self._let_go()
        if code < 0:
            with suppress(ValueError):
                return signal.Signals(-code).name
        return f"exit status {code}"

    def signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        self._process.send_signal(number)

    def kill(self) -> str:
        """End it now; how it ended."""
        self._process.kill()
        return self.reap()

    def disown(self) -> None:
        """Let go of it in a forked copy of its parent, where it is not ours."""
        self._let_go()
        self._process.returncode = 0  # or the copy would wait for a process that is not its child

    def _let_go(self) -> None:
        self.line.close()
        self.page.close()
        lifeline, self._lifeline = self._lifeline, -1
        if lifeline >= 0:  # once: the number may be somebody else's by now
            os.close(lifeline)


class Supervisor:
    """The worker processes of this process: leased to one run at a time, warm in between."""

    def __init__(self) -> None:
        atexit.register(self.stop)
        os.register_at_fork(after_in_child=self._begin_anew)
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[Worker] = []
        self._leased: set[Worker] = set()

    def lease(self) -> Worker:
        """A worker for one run: a warm one, or a new one."""
        with self._lock:
            worker = self._idle.pop() if self._idle else None
        if worker is None or not worker.alive:
            if worker is not None:
                worker.reap()
                return self.lease()
            worker = Worker()
        with self._lock:
            self._leased.add(worker)
        return worker

    def give_back(self, worker: Worker, keep: int) -> None:
        """A run needs the *worker* no more: it stays for the next, if not *keep* are waiting already."""
        worker.line.trim()
        with self._lock:
            self._leased.discard(worker)
            if len(self._idle) < keep:
                self._idle.append(worker)
                return
        worker.hang_up()
        _see_off([worker])

    def bury(self, worker: Worker) -> str:
        """A leased *worker* is gone, or about to be; how it ended."""
        with self._lock:
            self._leased.discard(worker)
        try:
            return worker.reap(FAREWELL)
        except subprocess.TimeoutExpired:
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

    def stop(self) -> None:
        """End all workers: the idle ones by hanging up, those that are leased by force."""
        with self._lock:
            idle, leased = self._idle, list(self._leased)
            self._idle = []
            self._leased.clear()
        for worker in leased:
            worker.kill()
        for worker in idle:
            worker.hang_up()
        _see_off(idle)

    def _begin_anew(self) -> None:
        for worker in [*self._idle, *self._leased]:
            worker.disown()
        self._begin()


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Keep Ctrl-C waiting in this thread, and in what it starts."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _see_off(workers: list[Worker]) -> None:
    """Wait for workers that were hung up on; end by force who does not leave."""
    for worker in workers:
        try:
            worker.reap(FAREWELL)
        except subprocess.TimeoutExpired:
            worker.kill()


SUPERVISOR: Final = Supervisor()
