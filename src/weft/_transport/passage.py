"""How a segment of memory comes to another process: its descriptor goes along, or is taken from who sent it.

There are three ways. Beside a frame of weft's, descriptors go in an envelope. To a process that multiprocessing is
just starting, it passes them itself. And whoever has nothing but the pickle, from a queue, a pipe or an executor of
somebody else's, opens the sender's own descriptor by its path in ``/proc``, as any process of the same user may.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager, suppress

from ..errors import check_limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final, Self, TypeAlias

    from .moorings import Mooring
    from .segment import Segment

    # A place in an envelope; multiprocessing's own; or a process, its descriptor and where it is moored there.
    Way: TypeAlias = int | tuple[int, int, Mooring] | Any


class Passage:
    """While it is entered, segments that this thread pickles go along as descriptors, not by their sender's address.

    Those that go are kept until it is left.
    """

    def __init__(self) -> None:
        self._segments: list[Segment] = []
        self._thread = threading.get_ident()

    def __enter__(self) -> Self:
        _BOARDING.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        _BOARDING.remove(self)

    def takes(self, segment: Segment) -> int:
        """Take one along; its place."""
        if segment not in self._segments:
            self._segments.append(segment)
        return self._segments.index(segment)

    @property
    def thread(self) -> int:
        """Whose it is."""
        return self._thread

    def envelope(self) -> int:
        """A descriptor with all of them in it, to be given away; -1 if there are none."""
        if not self._segments:
            return -1
        from .envelope import sealed

        return sealed([segment.fd for segment in self._segments])


class Landing:
    """While it is entered, this thread can unpickle what came with an *envelope*; it is closed at the end."""

    def __init__(self, envelope: int) -> None:
        self._envelope = envelope

    def __enter__(self) -> None:
        from .envelope import opened

        _HERE.fds = [] if self._envelope < 0 else opened(self._envelope)

    def __exit__(self, *_: object) -> None:
        fds, _HERE.fds = _HERE.fds, []
        for fd in fds:
            os.close(fd)


class _Kept(threading.local):
    """Whether what this thread pickles is kept anyway, by whoever sends it: how often that was said.

    Attributes:
        depth: The same.
        segments: Where to note what was pickled, if somebody wants to know.
    """

    def __init__(self) -> None:
        self.depth = 0
        self.segments: list[Any] | None = None

    def __enter__(self) -> None:
        self.depth += 1

    def __exit__(self, *_: object) -> None:
        self.depth -= 1


@contextmanager
def keeping() -> Iterator[list[Any]]:
    """What this thread pickles meanwhile is kept by whoever keeps this list: the segments in it."""
    before, KEPT.segments = KEPT.segments, []
    try:
        with KEPT:
            yield KEPT.segments
    finally:
        KEPT.segments = before


class _Here(threading.local):
    """What has arrived for this thread."""

    def __init__(self) -> None:
        self.fds: list[int] = []


KEPT: Final = _Kept()
_BOARDING: Final[list[Passage]] = []  # those that are entered, of all threads: hardly ever more than one
_HERE: Final = _Here()


def board(segment: Segment) -> Way:
    """The way that a segment takes which is being pickled."""
    if _BOARDING:
        me = threading.get_ident()
        for passage in _BOARDING:
            if passage.thread == me:
                return passage.takes(segment)
    if "multiprocessing.context" in sys.modules:
        from multiprocessing.context import get_spawning_popen

        birth: Any = get_spawning_popen()
        if birth is not None:
            return birth.DupFd(birth.duplicate_for_child(segment.fd))
    from .moorings import MOORINGS

    return os.getpid(), segment.fd, MOORINGS.moor(segment)


def land(way: Way, name: str, *, writable: bool) -> int:
    """A descriptor of the segment that came this *way*, the caller's from now on.

    Raises:
        FileNotFoundError: It is not to be had any more.
    """
    if isinstance(way, int):
        try:
            return os.dup(_HERE.fds[way])
        except OSError as error:
            check_limits(error, "shared memory that was sent here")
            raise
    if not isinstance(way, tuple):
        return int(way.detach())
    from .moorings import MOORINGS, is_memory

    pid, fd, mooring = way
    path = f"/proc/{pid}/fd/{fd}"
    try:
        if not is_memory(path, name):
            raise FileNotFoundError
        found = os.open(path, (os.O_RDWR if writable else os.O_RDONLY) | os.O_CLOEXEC)
    except OSError as error:
        check_limits(error, "shared memory that was sent here")
        raise _gone(pid, error) from error
    MOORINGS.cast_off(pid, mooring)
    return found


def dismiss(way: Way) -> None:
    """The segment came this *way* and is here already."""
    if isinstance(way, tuple):
        from .moorings import MOORINGS

        MOORINGS.cast_off(way[0], way[2])
    elif not isinstance(way, int):
        with suppress(OSError):
            os.close(way.detach())


def _gone(pid: int, error: OSError) -> FileNotFoundError:
    why = f" ({error.strerror})" if error.strerror else ""
    return FileNotFoundError(
        f"shared memory that process {pid} sent is not to be had any more{why}: a process that sends it must live, and "
        "what it was pickled for must not be unpickled twice, until the other has it"
    )
