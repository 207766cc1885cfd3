"""What the C library does with memory that large objects leave: keeps it for the next, or gives it back.

By default it gives large pieces back at once and gets them again, page by page, for the next item: at 1.4 GB/s that is
most of what an item of a MiB costs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final

# The parameters of mallopt(3). bench/process/data.py: without them 200 bytes objects of 1 MiB take 130 ms, not 50.
_TRIM_THRESHOLD: Final = -1, 128 * 2**20  # free bytes at the end of the heap that are kept
_MMAP_THRESHOLD: Final = -3, 32 * 2**20  # bytes of the largest piece that comes from the heap; more is not allowed


@cache
def keep_freed_memory() -> None:
    """Have this process keep what it frees. For workers: the process is the user's nowhere else."""
    mallopt = _c_function("mallopt")
    for parameter, value in (_TRIM_THRESHOLD, _MMAP_THRESHOLD):
        mallopt(parameter, value)


def give_freed_memory_back() -> None:
    """Give the system what is kept."""
    _c_function("malloc_trim")(0)


def _c_function(name: str) -> Callable[..., Any]:
    """A function of the C library; one that does nothing where it has no such function."""
    import ctypes

    try:
        found: Callable[..., Any] = getattr(ctypes.CDLL(None), name)
    except (OSError, TypeError, AttributeError):
        return lambda *arguments: None
    return found
