"""Values with parts that multiprocessing lets pass only to processes it starts itself: its locks, queues and pipes.

They are pickled as if a process were being started; their descriptors go beside the pickle, in an envelope.
"""

from __future__ import annotations

import os
import sys

from .callables import sent_whole
from .codec import loads, not_sendable
from .envelope import opened
from .rooted import dumps_rooted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

_RECEIVED: Final[list[int]] = []


class _Birth:
    """Stands for the process that is being started, as far as those parts ask for one."""

    def __init__(self) -> None:
        self.fds: list[int] = []

    def duplicate_for_child(self, fd: int) -> int:
        """Note that *fd* goes along; its place."""
        self.fds.append(fd)
        return len(self.fds) - 1

    def DupFd(self, place: int) -> _Fd:  # noqa: N802  it is called so
        """What is pickled in the place of a descriptor."""
        return _Fd(place)


class _Fd:
    """A descriptor on its way.

    Args:
        place: Which of those in the envelope it is.
    """

    def __init__(self, place: int) -> None:
        self._place = place

    def detach(self) -> int:
        """Over there: the descriptor, which is the caller's from now on."""
        return os.dup(_RECEIVED[self._place])


def dumps_estate(value: object, fn: Callable[..., Any]) -> tuple[bytes, list[int]]:
    """Pickle *value*, which has the function *fn*; and what descriptors go along.

    Raises:
        NotSendable: It can't travel.
    """
    birth = _Birth()
    try:
        with sent_whole(fn):
            if "multiprocessing.context" in sys.modules:  # else there are no such parts
                return _dumps_as_at_birth(value, birth), birth.fds
            return dumps_rooted(value), birth.fds
    except Exception as error:
        raise not_sendable(value, "the initializer or its arguments", error) from error


def loads_estate(data: bytes | bytearray | memoryview, envelope: int) -> Any:
    """The value again; closes the envelope."""
    _RECEIVED[:] = [] if envelope < 0 else opened(envelope)
    try:
        return loads(data)
    finally:
        for fd in _RECEIVED:
            os.close(fd)
        _RECEIVED.clear()


def _dumps_as_at_birth(value: object, birth: _Birth) -> bytes:
    from multiprocessing.context import get_spawning_popen, set_spawning_popen
    from multiprocessing.reduction import ForkingPickler

    before = get_spawning_popen()
    set_spawning_popen(birth)  # type: ignore[arg-type]  # it does what is asked of one
    try:
        return dumps_rooted(value, ForkingPickler._extra_reducers)  # type: ignore[attr-defined]  # noqa: SLF001
    finally:
        set_spawning_popen(before)
