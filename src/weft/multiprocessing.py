"""A drop-in door: ``from weft.multiprocessing import Pool``, and the rest of the program stays as it is.

``Pool`` and ``ThreadPool`` are weft's, with every method and argument of the originals; whatever else is asked of this
module is the standard library's.
"""

from __future__ import annotations

import multiprocessing as _standard
from multiprocessing import TimeoutError

from weft._patterns.pool import Pool, ThreadPool
from weft._patterns.pool_results import AsyncResult

__all__ = ["AsyncResult", "Pool", "ThreadPool", "TimeoutError", "cpu_count"]


def cpu_count() -> int:
    """How many processors this process may use: by affinity and quota, and not how many the machine has."""
    from weft._held import usual

    return usual("process")


def __getattr__(name: str) -> object:
    try:
        return getattr(_standard, name)
    except AttributeError:
        raise AttributeError(f"module 'weft.multiprocessing' has no attribute {name!r}") from None
