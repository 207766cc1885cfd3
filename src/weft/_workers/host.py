"""Where an interpreter of this process lives, if it is a worker: a thread. Its parent knows of it as of any life."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping

from .interpreter import loading
from .lives import UNKNOWN


class Host:
    """A thread, and in it an interpreter with a lock of its own, from its first frame to its last.

    Args:
        name: The worker's name, and the thread's.
        fds: The worker's descriptors by their purpose; it gets copies.

    Attributes:
        thread: The same.
        pid: 0: it is no process, to be killed or weighed.
        descriptors: What this process holds open for it: its own ends.
        born: Whether it is a process that is there.
        peak: 0: its memory is this process's.
    """

    pid = peak = 0
    born = False

    def __init__(self, name: str, fds: Mapping[str, int]) -> None:
        self._fds = {purpose: os.dup(fd) for purpose, fd in fds.items() if purpose != "lifeline"}
        self.descriptors = set(self._fds.values())
        self._failed = False
        self.thread = threading.Thread(target=self._live, name=name, daemon=True)
        try:
            self.thread.start()
        except BaseException:
            self._close()
            raise

    def ended(self, timeout: float | None) -> int | None:
        """0, if its thread has ended within *timeout* seconds."""
        self.thread.join(timeout)
        if self.thread.is_alive():
            return None
        return UNKNOWN if self._failed else 0

    def signal(self, number: int) -> None:
        """Nobody can stop an interpreter from outside: it ends when it finds its line cut."""

    def disown(self) -> None:
        """It leaves when it can."""

    def _live(self) -> None:
        import _interpreters  # the standard library's own door to it forbids threads that may be left behind

        try:
            config = _interpreters.new_config("isolated", allow_daemon_threads=True)
            interpreter = _interpreters.create(config)
            try:
                said = _interpreters.exec(interpreter, loading("resident"))
                if said is None:
                    given = self.thread.name, self._fds, list(map(str, sys.path))
                    self._fds = {}  # they are its own from here on
                    said = _interpreters.exec(interpreter, f"main(*{given!r})")
            finally:
                _interpreters.destroy(interpreter)
            if said is not None:
                raise RuntimeError(f"a worker could not live in its interpreter:\n{said.errdisplay}")
        except BaseException:
            self._failed = True
            raise
        finally:
            self._close()

    def _close(self) -> None:
        fds, self._fds = self._fds, {}
        for fd in fds.values():
            os.close(fd)
