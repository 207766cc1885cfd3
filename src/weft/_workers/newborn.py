"""A worker process's first moments: it takes up what it was born with, learns to hear signals, and lives."""

from __future__ import annotations

import _signal as signal  # the standard library's makes enums of it, which takes 3 ms
import faulthandler  # which no other interpreter of a process can load
import os
import sys
import warnings

from .._model.current import WORKER
from .._transport.channel import SharedChannel
from .._transport.line import join_line
from .._transport.sockets import Socket
from .ahead import Permits
from .child import RESTS, Child
from .inherited import have_copies_die_of
from .lifeline import watch_lifeline
from .saying import SPEECH
from .status import DUMP_SIGNAL, StatusPen
from .warned import show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def main(name: str, fds: Mapping[str, int], path: list[str] | None = None) -> None:
    """Be the worker *name*, with what it was born with: descriptors by their purpose.

    In a new interpreter, *path* is where the user's functions find what they import.
    """
    # Ctrl-C is for the parent, who ends us. Caught rather than ignored: what the user's function starts
    # would inherit that. The parent had it blocked until here.
    signal.signal(signal.SIGINT, lambda number, frame: None)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for fd in fds.values():
        os.set_inheritable(fd, False)  # noqa: FBT003  the standard library has it so
    watch_lifeline(fds["lifeline"])
    WORKER[:] = [name]
    if path is not None:
        sys.path[:] = path
    channel = SharedChannel(Socket(fileno=fds["channel"]))
    line = join_line(channel, fds)
    child = Child(channel, line, StatusPen(fds["page"]), name, Permits(fds.get("permits", -1)))
    SPEECH[:] = [child.speech]
    warnings.showwarning = show
    channel.give_up(RESTS, lambda: child.resting)
    faulthandler.enable(fds["page"])  # a crash leaves its stack there
    faulthandler.register(DUMP_SIGNAL, fds["page"])
    signal.signal(signal.SIGTERM, child.leave)
    have_copies_die_of(signal.SIGTERM, child.leave)
    child.live()
    line.trim()  # its parent has the memory mapped as well, and may not see for long that this is over
    line.close()
