"""What a parent knows of a process that was started for it: by itself, or by a server that reports on it."""

from __future__ import annotations

import _signal as signal  # the standard library's makes enums of it, which takes 3 ms
import os
import select
from contextlib import suppress
from math import ceil
from time import monotonic, sleep

from .report import hear

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final, Protocol

    class Life(Protocol):
        """A process, as far as whoever started it has to do with it."""

        @property
        def pid(self) -> int:
            """Its process id; 0 if it never came to be."""

        @property
        def born(self) -> bool:
            """Whether it is there, or it is known that it never came to be."""

        @property
        def descriptors(self) -> set[int]:
            """What this process holds open to know of it."""

        def ended(self, timeout: float | None) -> int | None:
            """Its exit code, a signal's number negative; ``None`` if it still lives after *timeout* seconds."""

        @property
        def peak(self) -> int:
            """The most memory that it ever had, in bytes, once it has ended; 0 if that is not known."""

        def signal(self, number: int) -> None:
            """Send it a signal, if it is born and lives."""

        def disown(self) -> None:
            """Know no more of it: this is a forked copy of its parent, or it has ended."""


# How long a server gets to start and to fork, before a worker that has not been reported is given up.
BIRTH: Final = 60.0  # seconds

# How long its memory is waited for, which the server tells next after its end.
LAST_REPORT: Final = 0.05  # seconds

UNKNOWN: Final = -(1 << 31)  # instead of an exit code: the server that would know it is gone


class Own:
    """A child of this process.

    Args:
        pid: Its process id.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.peak = 0
        self._code: int | None = None

    @property
    def born(self) -> bool:
        """It is."""
        return True

    @property
    def descriptors(self) -> set[int]:
        """None."""
        return set()

    def ended(self, timeout: float | None) -> int | None:
        """Its exit code, if it has ended within *timeout* seconds."""
        if self._code is None and (not timeout or _wait_for_exit(self.pid, timeout)):
            try:
                pid, status, usage = os.wait4(self.pid, os.WNOHANG if timeout is not None else 0)
            except ChildProcessError:  # somebody else has waited for it, or nobody may (SIGCHLD is ignored)
                self._code = UNKNOWN
            else:
                self._code = os.waitstatus_to_exitcode(status) if pid else None
                self.peak = usage.ru_maxrss * 1024
        return self._code

    def signal(self, number: int) -> None:
        """Send it a signal."""
        if self._code is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)  # it is not reaped, so the number is its own

    def disown(self) -> None:
        """Know no more of it."""
        self._code = UNKNOWN


class Served:
    """A child of the server, which reports on it.

    Args:
        report: Where; this owns it from now on.
    """

    def __init__(self, report: int) -> None:
        self._report = report
        self._pid: int | None = None
        self._code: int | None = None

    @property
    def pid(self) -> int:
        """Its process id, waited for; 0 if it never came to be."""
        return self._await_birth(BIRTH) or 0

    @property
    def born(self) -> bool:
        """Whether it has been reported."""
        return self._await_birth(0) is not None

    @property
    def descriptors(self) -> set[int]:
        """Where it is reported on."""
        return {self._report}

    def ended(self, timeout: float | None) -> int | None:
        """Its exit code, if it has ended within *timeout* seconds."""
        if self._code is None:
            began = monotonic()
            if self._await_birth(timeout) is None:
                return None
            left = None if timeout is None else max(0.0, timeout - (monotonic() - began))
            self._code = self._hear(left)
            if self._code == UNKNOWN and self._pid and not _wait_for_exit(self._pid, left):
                self._code = None  # the server is gone, and it lives on
        return self._code

    @property
    def peak(self) -> int:
        """The most memory that it ever had, once it has ended."""
        if self._code in {None, UNKNOWN}:
            return 0
        peak = self._hear(LAST_REPORT)
        return 0 if peak is None or peak == UNKNOWN else peak * 1024

    def signal(self, number: int) -> None:
        """Send it a signal, if it is born and lives."""
        pid = self._await_birth(0)
        if pid and self.ended(0) is None:
            signal_surely(pid, number, lambda: self.ended(0) is None)

    def disown(self) -> None:
        """Know no more of it."""
        self._code = UNKNOWN if self._code is None else self._code
        report, self._report = self._report, -1
        if report >= 0:
            os.close(report)

    def _await_birth(self, timeout: float | None) -> int | None:
        if self._pid is None and (pid := self._hear(timeout)) is not None:
            self._pid = 0 if pid == UNKNOWN else pid
        return self._pid

    def _hear(self, timeout: float | None) -> int | None:
        """The next number of the report, ``UNKNOWN`` if there will be none, ``None`` if it is not there in time."""
        if self._report < 0:
            return UNKNOWN
        if not readable(self._report, timeout):
            return None
        number = hear(self._report)
        return UNKNOWN if number is None else number


def how_it_ended(life: Life, code: int) -> str:
    """In words."""
    if code == UNKNOWN:
        return "how it ended is not known"
    if code > 0 and not life.pid:
        return f"it could not be started: {os.strerror(code)}"
    if code < 0:
        from signal import Signals

        with suppress(ValueError):
            return Signals(-code).name
    return f"exit status {code}"


def readable(fd: int, timeout: float | None) -> bool:
    """Whether there is something to read, or its end, within *timeout* seconds."""
    waiting = select.poll()
    waiting.register(fd, select.POLLIN)
    return bool(waiting.poll(None if timeout is None else ceil(timeout * 1000)))


def _wait_for_exit(pid: int, timeout: float | None) -> bool:
    """Whether the process has ended within *timeout* seconds, reaped or not."""
    if not hasattr(os, "pidfd_open"):
        return _poll_for_exit(pid, timeout)
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return readable(fd, timeout)
    finally:
        os.close(fd)


def _poll_for_exit(pid: int, timeout: float | None) -> bool:
    """The same where the system has no descriptors of processes."""
    ending = None if timeout is None else monotonic() + timeout
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if ending is not None and monotonic() > ending:
            return False
        sleep(0.001)
    return True


def signal_surely(pid: int, number: int, lives: Callable[[], bool]) -> None:
    """Send the process a signal if it still *lives* when its number can't become somebody else's any more."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if lives():
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(fd, number)
    finally:
        os.close(fd)
