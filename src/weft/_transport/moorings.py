"""Segments that were sent by their address and are kept here until somebody there has them.

Whoever puts one into a queue may drop it before the other side has looked. Each time that one is pickled it gets a
place on a page of this process, and is kept until whoever unpickles it marks the place.
"""

from __future__ import annotations

import os
from contextlib import suppress

from .._model.copies import at_fork
from .._model.locks import RLock
from .passage import KEPT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final, TypeAlias

    Mooring: TypeAlias = tuple[int, str, int]  # the page's descriptor and name, and the place

_NONE: Final = (-1, "", 0)


class Moorings:
    """What this process keeps for others."""

    def __init__(self) -> None:
        self._begin()
        at_fork(after_in_child=self._leave)

    def _begin(self) -> None:
        self._lock = RLock()  # the garbage collector may come here from here
        self._page, self._name = -1, ""
        self._moored: dict[int, str] = {}  # names of segments by their place
        self._held: dict[str, int] = {}  # descriptors of those that nobody here uses any more
        self._places = 0  # none is used twice: somebody may unpickle the same twice

    def _leave(self) -> None:
        """In a forked copy: they are the other's to keep."""
        for fd in (self._page, *self._held.values()):
            if fd >= 0:
                os.close(fd)
        self._begin()

    def moor(self, segment: Any) -> Mooring:
        """Keep *segment* until somebody has it."""
        if KEPT.depth:
            if KEPT.segments is not None:
                KEPT.segments.append(segment)
            return _NONE
        with self._lock:
            self.sweep()
            if self._page < 0:
                self._name = f"weft-moorings-{os.urandom(8).hex()}"
                self._page = os.memfd_create(self._name, os.MFD_CLOEXEC)
                self._places = 0
            place, self._places = self._places, self._places + 1
            os.pwrite(self._page, b"\0", place)
            self._moored[place] = segment.name
            return self._page, self._name, place

    def sweep(self) -> None:
        """Let go of those that somebody has."""
        if not self._moored:
            return
        with self._lock:
            marks = os.pread(self._page, max(self._moored) + 1, 0)
            self._moored = {place: name for place, name in self._moored.items() if not marks[place]}
            moored = set(self._moored.values())
            for name in [name for name in self._held if name not in moored]:
                os.close(self._held.pop(name))
            if not moored:
                page, self._page = self._page, -1
                os.close(page)

    def hold(self, name: str, fd: int) -> bool:
        """Nobody here uses the segment any more; whether its descriptor is kept, for somebody who has not got it."""
        if not self._moored:
            return False
        with self._lock:
            self.sweep()
            if name not in self._moored.values():
                return False
            self._held[name] = fd
            return True

    @staticmethod
    def cast_off(pid: int, mooring: Mooring) -> None:
        """The segment that process *pid* has kept is here."""
        page, name, place = mooring
        if page < 0:
            return
        path = f"/proc/{pid}/fd/{page}"
        with suppress(OSError):  # it is gone, and keeps nothing
            if is_memory(path, name):
                fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
                try:
                    os.pwrite(fd, b"\1", place)
                finally:
                    os.close(fd)


def is_memory(path: str, name: str) -> bool:
    """Whether the descriptor at *path* in ``/proc`` is memory of that *name*.

    Raises:
        OSError: There is none.
    """
    return os.readlink(path) == f"/memfd:{name} (deleted)"  # noqa: PTH115  no pathlib here: a server is light


MOORINGS: Final = Moorings()
