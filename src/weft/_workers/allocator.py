"""What the C library's allocator is told in processes that are weft's own: keep what was freed, it is wanted again."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

# glibc asks the system for every block of 128 KiB and more, and gives back what is free at the end of its heap, so that
# an item that takes a few arrays of a megabyte has the system clear every page of them anew. It learns from the largest
# block that was freed, as far as 32 MiB and twice that (mallopt(3), M_MMAP_THRESHOLD): so far it goes from the start
# here. bench/process/arrays.py: items with five arrays of 1.2 MB take less than half as long.
SETTINGS: Final = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(64 << 20)}

# Whoever has said something about it is not contradicted.
SAID: Final = {*SETTINGS, "MALLOC_TOP_PAD_", "GLIBC_TUNABLES"}


def allocator_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that a process has to begin with; none where somebody has said otherwise, or they mean nothing."""
    if sys.platform != "linux" or sys.maxsize < 2**32 or not SAID.isdisjoint(environment):
        return {}
    return SETTINGS
