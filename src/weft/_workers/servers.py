"""The servers of this process: each a clean process of weft's own from which workers are forked, asked by message.

One is started as early as a run is known to want workers, while this process still imports what it needs itself
(docs/design/start.md). So this file and what it imports are light: no module here that takes a millisecond.
"""

from __future__ import annotations

import os
import sys
from _thread import allocate_lock

from .._model.copies import at_fork
from .._transport.sockets import AF_UNIX, SOCK_SEQPACKET, Socket, send_fds, socketpair
from .interpreter import start_interpreter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Final

    from .lives import Own, Served


class Server:
    """One server: started once, ended by force. The kernel ends it if this process does not.

    Args:
        preload: Modules that it imports before it forks.
        cpus: How many processors native libraries among them are to use; ``None`` if nobody has counted.
    """

    def __init__(self, preload: Sequence[str], cpus: int | None) -> None:
        ours, theirs = (end.detach() for end in socketpair(AF_UNIX, SOCK_SEQPACKET))
        below, self._lifeline = os.pipe()
        self._control = ours
        try:
            given = (list(map(str, sys.path)), tuple(preload))
            self.pid = start_interpreter("server", given, [theirs, below], _environment(preload, cpus))
        except BaseException:
            self.disown()
            raise
        finally:
            os.close(theirs)
            os.close(below)
        self._life: Own | None = None
        self._last: Served | None = None

    @property
    def descriptors(self) -> set[int]:
        """What this process holds open for it."""
        return {self._control, self._lifeline}

    def bear(self, name: str, fds: Mapping[str, int]) -> Served:
        """Ask for a worker of that *name*.

        Raises:
            ConnectionError: The server is gone.
        """
        from .._transport.codec import dumps_ours
        from .lives import Served
        from .report import REPORT_TO

        heard, report = os.pipe()
        served = Served(heard)
        try:
            with _Output() as output:
                given = {**fds, **output, REPORT_TO: report}
                self._ask(dumps_ours((name, tuple(given))), list(given.values()))
        except BaseException:
            served.disown()
            raise
        finally:
            os.close(report)
        self._last = served
        return served

    def _ask(self, request: bytes, fds: list[int]) -> None:
        import errno

        control = Socket(fileno=self._control)
        try:
            while True:
                try:
                    send_fds(control, request, fds)
                    return
                except OSError as error:  # more descriptors are on their way than this user may have open
                    if error.errno != errno.ETOOMANYREFS or self._last is None or not self._last.pid:
                        raise
        finally:
            control.detach()

    def condemn(self) -> None:
        """Have it end; workers it has forked live on, and how they end is not known any more."""
        from _signal import SIGKILL

        self.life.signal(SIGKILL)

    def stop(self) -> None:
        """The same, and wait until it has."""
        self.condemn()
        self.life.ended(None)
        self.disown()

    @property
    def life(self) -> Own:
        """The process."""
        from .lives import Own

        if self._life is None:
            self._life = Own(self.pid)
        return self._life

    def disown(self) -> None:
        """Let go of it in a forked copy of its parent, where it is not ours."""
        for fd in (self._control, self._lifeline):
            if fd >= 0:
                os.close(fd)
        self._control = self._lifeline = -1


def _environment(preload: Sequence[str], cpus: int | None) -> Mapping[str, str]:
    """With the limits of native libraries, where some are to be loaded."""
    if cpus is None or not preload:
        return os.environ
    from .budget import native_limits

    return {**os.environ, **native_limits(cpus, os.environ)}


class _Output:
    """Where this process's output goes at the moment, or nowhere: it may have been closed."""

    def __enter__(self) -> dict[str, int]:
        self._nowhere = -1
        return {"stdout": self._or_nowhere(1), "stderr": self._or_nowhere(2)}

    def __exit__(self, *_: object) -> None:
        if self._nowhere >= 0:
            os.close(self._nowhere)

    def _or_nowhere(self, fd: int) -> int:
        try:
            os.fstat(fd)
        except OSError:
            if self._nowhere < 0:
                self._nowhere = os.open(os.devnull, os.O_WRONLY)
            return self._nowhere
        return fd


class Servers:
    """Those there are, by what they have preloaded."""

    def __init__(self) -> None:
        at_fork(after_in_child=self._begin_anew)
        self._begin()

    def _begin(self) -> None:
        self._lock = allocate_lock()
        self._running: dict[tuple[str, ...], Server] = {}

    def have(self, preload: tuple[str, ...], cpus: int | None = None, *, by_value: bool = False) -> Server:
        """The one that has *preload*, started if it is not there; with what functions *by_value* need besides."""
        with self._lock:
            server = self._running.get(preload)
            if server is None:
                light = ("cloudpickle",) if by_value else ()
                server = self._running[preload] = Server((*light, *preload), cpus)
            return server

    @property
    def all(self) -> list[Server]:
        """Every one."""
        return list(self._running.values())

    def drop(self, server: Server) -> None:
        """It is gone, or has to go: the next time there will be another."""
        with self._lock:
            self._running = {preload: each for preload, each in self._running.items() if each is not server}
        server.stop()

    def _begin_anew(self) -> None:
        for server in self.all:
            server.disown()
        self._begin()


SERVERS: Final = Servers()
