"""What the C library does with memory that large objects leave: in workers, it keeps it for the next.

By default it gives large pieces back at once and gets them again, page by page, for the next item: at 1.4 GB/s that is
most of what an item of a MiB costs.
"""

from __future__ import annotations

from functools import cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

# The parameters of mallopt(3). bench/process/data.py: without them 200 bytes objects of 1 MiB take 130 ms, not 50.
_TRIM_THRESHOLD: Final = -1, 128 * 2**20  # free bytes at the end of the heap that are kept
_MMAP_THRESHOLD: Final = -3, 32 * 2**20  # bytes of the largest piece that comes from the heap; more is not allowed


@cache
def keep_freed_memory() -> None:
    """Have this process keep what it frees. For workers: no other process is ours to change."""
    import ctypes

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return
    for parameter, value in (_TRIM_THRESHOLD, _MMAP_THRESHOLD):
        mallopt(parameter, value)
