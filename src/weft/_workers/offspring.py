"""What a worker process has started itself: a worker that is ended by force takes it along.

Those below it at that moment, and no more: who has detached itself (a daemon), or whose parent has died, is nobody's.
"""

from __future__ import annotations

import _signal as signal  # the standard library's makes enums of it, which takes 3 ms
import os
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Offspring:
    """The processes below one, known so that their numbers can't become somebody else's.

    Args:
        pid: Of the one.
    """

    def __init__(self, pid: int) -> None:
        self._known: list[int] = []
        with suppress(OSError, AttributeError):  # no such files or descriptors here, or no more of them to be had
            for child in _below(pid):
                self._known.append(os.pidfd_open(child))

    def end(self) -> None:
        """End them that live still."""
        for fd in self._known:
            with suppress(OSError):
                signal.pidfd_send_signal(fd, signal.SIGKILL)
        self.forget()

    def forget(self) -> None:
        """Leave them alone."""
        while self._known:
            os.close(self._known.pop())


def _below(pid: int) -> Iterator[int]:
    """Its children, theirs and so on."""
    for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208  no pathlib here: its import takes 4 ms
        with suppress(OSError), open(f"/proc/{pid}/task/{task}/children") as file:  # noqa: PTH123
            for child in map(int, file.read().split()):
                yield child
                with suppress(OSError):
                    yield from _below(child)
