"""Workers started by somebody's own ``multiprocessing.Process``: by that class's ``start()``, inside its ``run()``.

Whoever gives a pool a context that makes processes of a class of its own wants that class to have a part in its
workers' lives. The standard library's machinery starts these then, with all that it asks for. Once there they are as
all others, but that they stay in the place, and with the environment, that the class has given them.
"""

from __future__ import annotations

import _signal as signal  # the standard library's makes enums of it, which takes 3 ms
import os
import sys
from contextlib import suppress

from .._transport.rooted import be_a_copy
from .inherited import limit_native_threads, put_away, say_nothing_for_the_parent
from .interrupts import interrupts_held
from .lives import UNKNOWN, readable, signal_surely
from .memory import inherit_memory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from .._model.plan import Family


def bear(family: Family, name: str, fds: Mapping[str, int], away: Sequence[int], cpus: int | None) -> Relative:
    """Start a process of the *family* that is the worker *name*; a forked one closes the descriptors in *away*.

    Whatever its class raises is raised here.
    """
    process = family.context.Process(target=_live, args=(name, _Handed(fds, away), cpus))
    process.name = name
    if family.daemon:
        process.daemon = True
    with interrupts_held():
        process.start()
    return Relative(process)


class Relative:
    """A process of such a class.

    Args:
        process: It, started.

    Attributes:
        peak: 0: nobody tells.
    """

    peak = 0

    def __init__(self, process: Any) -> None:
        self._process = process
        self._sentinel: int | None = getattr(process, "sentinel", None)  # a class may start none
        self._code: int | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        return getattr(self._process, "pid", None) or 0

    @property
    def born(self) -> bool:
        """Whether there is a process."""
        return self.pid > 0

    @property
    def descriptors(self) -> set[int]:
        """What the standard library holds open to know of it."""
        return {self._sentinel} if self._sentinel is not None and self._code is None else set()

    def ended(self, timeout: float | None) -> int | None:
        """Its exit code, if it has ended within *timeout* seconds."""
        if self._code is None:
            if self._sentinel is not None and not readable(self._sentinel, timeout):
                return None
            if self._sentinel is None and self._process.is_alive():
                return None
            self._process.join()
            code = self._process.exitcode
            self._code = UNKNOWN if code is None else code
        return self._code

    def signal(self, number: int) -> None:
        """Send it a signal; one that ends it, by its own method for that."""
        if self._code is not None:
            return
        if number == signal.SIGKILL and self._sentinel is None:
            self._process.terminate()
            self._process.join()
        elif self.pid:
            signal_surely(self.pid, number, lambda: self.ended(0) is None)

    def disown(self) -> None:
        """Know no more of it."""
        self._code = UNKNOWN if self._code is None else self._code


class _Handed:
    """Descriptors on their way: as they are into a fork, by the standard library's doors into anything else.

    Args:
        fds: By their purpose.
        away: Those that a fork is to close.
    """

    def __init__(self, fds: Mapping[str, int], away: Sequence[int]) -> None:
        self.fds, self._away, self.forked = dict(fds), away, True

    def __reduce__(self) -> tuple[Any, ...]:
        from multiprocessing.reduction import DupFd

        return _received, ({purpose: DupFd(fd) for purpose, fd in self.fds.items()},)

    def settle(self) -> None:
        """In a fork: close what is the parent's."""
        for fd in self._away:
            os.close(fd)


def _received(parcels: Mapping[str, Any]) -> _Handed:
    handed = _Handed({purpose: parcel.detach() for purpose, parcel in parcels.items()}, ())
    handed.forked = False
    return handed


def _live(name: str, handed: _Handed, cpus: int | None) -> None:
    """Be the worker *name*, until its parent hangs up."""
    from .newborn import main

    streams = sys.stdout, sys.stderr
    be_a_copy()  # the script is here too: the standard library has run it, or it was forked
    if handed.forked:
        put_away()
        handed.settle()
        say_nothing_for_the_parent()
        streams = sys.stdout, sys.stderr
        inherit_memory()
    limit_native_threads(cpus)
    try:
        main(name, handed.fds)
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
        sys.stdout, sys.stderr = streams  # what the class says now is nobody's but its own
