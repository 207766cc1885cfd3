"""The server: a clean process from which workers are forked, whatever the parent has loaded and however many threads.

It is started once, imports what every worker needs, and forks on request. Workers are its children: it tells the
parent which process each became, and how it ended. It never runs or imports anything of the user's program.
"""

from __future__ import annotations

import _signal as signal  # the standard library's makes enums of it, which takes 3 ms
import gc
import os
import select
import sys
from contextlib import suppress

from .._transport.codec import loads
from .._transport.sockets import Socket, recv_fds
from .inherited import put_away
from .interpreter import FIRST
from .leaving import leave
from .lifeline import watch_lifeline
from .newborn import main as live
from .report import REPORT_TO, tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

REQUEST: Final = 4096  # bytes, at most: a name, and what each descriptor is for
DESCRIPTORS: Final = 16  # that come with a request, at most


class Server:
    """Forks workers on request, and reports on them.

    Args:
        control: Where requests come from; when it is closed, the server ends.
    """

    def __init__(self, control: Socket) -> None:
        self._control = control
        self._reports: dict[int, int] = {}  # where to report on each worker, by its process
        self._bell, self._rope = os.pipe()
        os.set_blocking(self._rope, False)

    def serve(self) -> tuple[str, dict[str, int]] | None:
        """Serve until the parent is gone; in a worker, return at once with its name and its descriptors."""
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(self._rope, warn_on_full_buffer=False)
        waiting = select.poll()
        waiting.register(self._control, select.POLLIN)
        waiting.register(self._bell, select.POLLIN)
        while True:
            for fd, _ in waiting.poll():
                if fd == self._bell:
                    os.read(self._bell, 4096)
                    self._report_the_dead()
                    continue
                data, fds = recv_fds(self._control, REQUEST, DESCRIPTORS)
                if not data:
                    return None
                name, purposes = loads(data)
                given = dict(zip(purposes, fds, strict=True))
                if self._bear(given):
                    return name, given

    def _bear(self, given: dict[str, int]) -> bool:
        """Fork a worker; whether this is it."""
        report = given.pop(REPORT_TO)
        try:
            pid = os.fork()
        except OSError as error:
            tell(report, 0, error.errno or 0)
            os.close(report)
        else:
            if pid == 0:
                os.close(report)
                self._become_a_worker(given)
                return True
            self._reports[pid] = report
            tell(report, pid)
        for fd in given.values():
            os.close(fd)
        return False

    def _become_a_worker(self, given: dict[str, int]) -> None:
        """Put away what is the server's, and take what is the worker's."""
        put_away()
        for fd in (self._bell, self._rope, *self._reports.values()):
            os.close(fd)
        self._control.close()
        for fd, name in ((1, "stdout"), (2, "stderr")):
            os.dup2(given[name], fd)
            os.close(given.pop(name))

    # Reported before it is reaped: as long as nothing is reported, its number is nobody else's.
    def _report_the_dead(self) -> None:
        while True:
            try:
                dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if dead is None:
                return
            report = self._reports.pop(dead.si_pid, None)
            if report is not None:
                tell(report, dead.si_status if dead.si_code == os.CLD_EXITED else -dead.si_status)
            _, _, usage = os.wait4(dead.si_pid, 0)
            if report is not None:
                tell(report, usage.ru_maxrss)
                os.close(report)


def main(path: list[str], preload: Sequence[str]) -> None:
    """Be the server, on the descriptors that :class:`servers.Server` gives it; in what is forked, be a worker."""
    control, lifeline = FIRST, FIRST + 1
    signal.signal(signal.SIGINT, lambda number, frame: None)
    watch_lifeline(lifeline)
    sys.path[:] = path
    for name in preload:
        with suppress(Exception):  # whoever needs it will see why
            __import__(name)
    if preload and not _is_clean(FIRST + 2):
        os.execv(sys.executable, [*sys.orig_argv[:-1], _without(preload)])
    for fd in (control, lifeline):
        os.set_inheritable(fd, False)  # noqa: FBT003  the standard library has it so
    if preload:
        gc.collect()  # of weft itself there is next to nothing, and looking for it takes 1.5 ms
    gc.freeze()  # what is there now is there for all workers: no collection need ever look at it
    worker = Server(Socket(fileno=control)).serve()
    if worker is not None:
        os.close(lifeline)
        live(*worker)
        leave(0)


def _is_clean(own: int) -> bool:
    """Whether this process may be forked: an import may have started threads, or opened what can't be shared."""
    try:
        threads = len(os.listdir("/proc/self/task"))  # noqa: PTH208  no pathlib here: a server is light
        fds = [fd for fd in map(int, os.listdir("/proc/self/fd")) if fd >= own]  # noqa: PTH208
    except OSError:  # nobody says
        return False
    return threads == 1 and len(fds) <= 1  # the one that listed them


def _without(preload: Sequence[str]) -> str:
    """This interpreter's own program, with nothing to preload."""
    return sys.orig_argv[-1].replace(repr(tuple(preload)), "()")
