"""How much memory there is for more processes: of the machine, and of the control groups that this one is in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

GROUPS: Final = "/sys/fs/cgroup"
OWN_GROUPS: Final = "/proc/self/cgroup"
MACHINE: Final = "/proc/meminfo"

# By version of control groups: the files with the limit and with what is used, and, in memory.stat, the line with what
# is used for files that nobody has looked at lately. That is given back to whoever wants memory, so it counts as
# free, as in MemAvailable (the kernel's Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst).
VERSION_2: Final = ("memory.max", "memory.current", "inactive_file")
VERSION_1: Final = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")

# To ask all of them takes 0.2 ms, twice that with cold caches, and each run asks for each of its workers. Where there
# is so much to spare for each so many seconds, what they said then counts: a process fills new pages at 1.5 GB/s.
RECENT: Final = 0.25  # seconds
PLENTY: Final = 2**30  # bytes
LONG_AGO: Final = 10.0  # seconds, after which they are asked again


class Room:
    """Whether there is memory for one process more. For any thread: what it loses is a question too many.

    Args:
        ask: What processes could have, in bytes, or ``None``: nobody knows.
    """

    def __init__(self, ask: Callable[[], int | None]) -> None:
        self._ask = ask
        self._left: int | None = 0  # of what was there, those who have been admitted since left out
        self._asked = 0.0  # seconds of the monotonic clock

    def admits(self, nbytes: int) -> bool:
        """Whether there is room for one more that will have *nbytes*."""
        now, left = monotonic(), self._left
        age = now - self._asked
        if age > LONG_AGO or (left is not None and left < nbytes + PLENTY * max(1.0, age / RECENT)):
            left, self._asked = self._ask(), now
        if left is None:
            self._left = None
            return True
        self._left = left - nbytes
        return nbytes <= left


def available_memory(own: str = OWN_GROUPS, mounted: str = GROUPS, machine: str = MACHINE) -> int | None:
    """What more processes could have, in bytes; ``None`` if the system does not say."""
    return min([*_of_the_machine(machine), *_of_the_groups(own, mounted)], default=None)


def _of_the_machine(machine: str) -> Iterator[int]:
    with suppress(OSError, ValueError):
        yield _line(machine, "MemAvailable:") * 1024


def _of_the_groups(own: str, mounted: str) -> Iterator[int]:
    lines = []
    with suppress(OSError):
        lines = _read(own).splitlines()
    for line in lines:
        number, controllers, path = line.split(":", 2)
        if number == "0" and not controllers:
            yield from _upwards(mounted, path, *VERSION_2)
        elif "memory" in controllers.split(","):
            yield from _upwards(f"{mounted}/memory", path, *VERSION_1)


def _upwards(root: str, path: str, limit: str, used: str, idle: str) -> Iterator[int]:
    """What a group leaves, and those that it is in; one without a limit says "max", or more than there is."""
    parts = [part for part in path.split("/") if part]
    for depth in range(len(parts), -1, -1):
        group = "/".join([root, *parts[:depth]])
        with suppress(OSError, ValueError):
            most, now = int(_read(f"{group}/{limit}")), int(_read(f"{group}/{used}"))
            with suppress(OSError, ValueError):
                now -= _line(f"{group}/memory.stat", idle)
            yield max(0, most - now)


def _line(path: str, name: str) -> int:
    """The number in the line of that name."""
    for line in _read(path).splitlines():
        word, number, *_ = line.split()
        if word == name:
            return int(number)
    raise ValueError(f"{path} has no line {name}")


def _read(path: str) -> str:
    with open(path) as file:  # noqa: PTH123
        return file.read()


ROOM: Final = Room(available_memory)
