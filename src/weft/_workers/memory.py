"""How much memory a worker has, how much there is, and what happens to one that wants too much."""

from __future__ import annotations

import os
from contextlib import suppress

from .._model.chunk import Call
from .._model.outcome import Fault, Returned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

# How often workers are weighed that have a limit. A process that fills new pages at 1.5 GB/s gets 30 MB in that time.
WEIGH: Final = 0.02  # seconds

# What the interpreter says where an error was to be raised and there was no memory for it.
UNSAID: Final = "without setting an exception"

# The hard limit, above which the system refuses: for what grows faster than it is weighed.
HARD: Final = 1.25  # times memory_limit

# A worker that keeps more than this part of its limit between two items is replaced before the next one.
KEEPS: Final = 0.5

# A worker without a limit that has more than this after a run is not kept for the next one.
FAT: Final = 2**30  # bytes


# What this process had for itself when it was born as a fork: pages of its parent's, not to be blamed on it.
_INHERITED: Final[list[int]] = []


def inherit_memory() -> None:
    """This process has just been forked: what it has now is not its own."""
    _INHERITED[:] = [private_memory(os.getpid())]


def private_memory(pid: int) -> int:
    """What the process has for itself, in bytes, memory that it shares left out; 0 if that can't be told."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:  # noqa: PTH123  asked for often
            _, resident, shared, *_ = file.read().split()
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")


def set_hard_limit(memory: int | None) -> None:
    """Have the system refuse this process private memory beyond *memory* bytes and some; ``None``: no longer."""
    try:
        import resource
    except ImportError:  # no such thing here
        return
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    limit = most
    if memory is not None:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123
            mapped = int(file.read().split()[5]) * resource.getpagesize()  # what the limit counts: private mappings
        own = max(0, private_memory(os.getpid()) - sum(_INHERITED))
        wanted = mapped - own + int(HARD * memory)
        limit = wanted if most == resource.RLIM_INFINITY else min(most, wanted)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (limit, most))


def is_refusal(error: BaseException) -> bool:
    """Whether memory was refused, to whoever wanted it or to the interpreter, which then had none to say so.

    A call that fails without an exception is a ``SystemError`` (CPython, ``_Py_CheckFunctionResult``).
    """
    return isinstance(error, MemoryError) or (isinstance(error, SystemError) and UNSAID in str(error))


def name_refusals(call: Call, returned: Returned, first: int) -> None:
    """Where a limit was set, memory that was refused was so by that limit."""
    if call.memory is None or not returned.faults:
        return
    from ..errors import MemoryExceeded

    for offset, fault in list(returned.faults.items()):
        if is_refusal(fault.error):
            fat = MemoryExceeded(fault.worker, call.memory, first + offset)
            fat.__cause__ = fault.error
            returned.faults[offset] = Fault(fat, fault.worker)  # type: ignore[index]  # a dict, as it is not empty
