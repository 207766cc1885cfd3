"""What ends a worker with its parent, whatever it is in the midst of."""

from __future__ import annotations

import _signal as signal  # the standard library's makes enums of it, which takes 3 ms
import os
import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

WATCHED: Final[list[int]] = []  # this process's end of it, if it is a worker


# The parent's end of this pipe is closed by the kernel when the parent ends, however it ends; the worker then
# gets a signal even in the middle of a call, and the signal's default is to end it.
def watch_lifeline(fd: int) -> None:
    """Have the kernel end this process when the other end of *fd* is closed."""
    import fcntl

    WATCHED[:] = [fd]
    asynchronous = getattr(os, "O_ASYNC", getattr(fcntl, "FASYNC", 0))
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(fd, fcntl.F_SETOWN, os.getpid())
    if hasattr(fcntl, "F_SETSIG"):
        fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | asynchronous)
    if select.select([fd], [], [], 0)[0]:  # it was closed before we watched
        raise SystemExit(1)
