"""A worker's whole life where it is an interpreter within its parent's process: as a process's, but for what all share.

Signals, limits of memory, the current folder and the environment are the process's, and so not touched.
"""

from __future__ import annotations

import atexit
import os
import sys
import warnings

from .._model.current import WORKER
from .._transport.channel import SharedChannel
from .._transport.line import join_line
from .._transport.sockets import Socket
from .ahead import Permits
from .child import RESTS, Child
from .refused import explain, explained
from .saying import SPEECH
from .status import StatusPen
from .warned import show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._model.chunk import Call
    from .._model.outcome import Returned


class Resident(Child):
    """A worker that shares its process."""

    _kind, _own = "interpreter", False

    def _explain(self, call: Call, returned: Returned, first: int) -> None:
        explain(returned)

    def _unloadable(self, error: BaseException) -> BaseException:
        return explained(error)


def main(name: str, fds: Mapping[str, int], path: list[str]) -> None:
    """Be the worker *name*, with descriptors of its own by their purpose.

    *path* is where the user's functions find what they import.
    """
    WORKER[:] = [name]
    atexit.register(_leave_nothing)
    sys.path[:] = path
    channel = SharedChannel(Socket(fileno=fds["channel"]))
    line = join_line(channel, fds, lone=False)
    permits = Permits(fds.get("permits", -1))
    child = Resident(channel, line, StatusPen(fds["page"]), name, permits)
    os.close(fds["page"])
    SPEECH[:] = [child.speech]
    warnings.showwarning = show
    channel.give_up(RESTS, lambda: child.resting)
    child.live()
    permits.close()
    line.close()


# Before anything else is registered, so that it is called after all: a process that ends leaves its children to the
# system, an interpreter leaves them to its process.
def _leave_nothing() -> None:
    """End what runs inside this worker have kept warm, and wait for it."""
    supervisor = sys.modules.get("weft._workers.supervisor")
    if supervisor is not None:
        supervisor.SUPERVISOR.ending = False
        supervisor.SUPERVISOR.stop()
