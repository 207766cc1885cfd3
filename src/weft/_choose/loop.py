"""What a plain loop would have taken for what a run did: never more than can be true. Pure."""

from __future__ import annotations

from .._model.event import Stats

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

# Threads that compute wait for each other's GIL. Where processors worked for them for more than this share of the run,
# what they spent inside the function says nothing about a loop.
TELLING: Final = 0.3

# Nor does it where they have waited for each other at what they wait for: items took so much longer than alone.
QUEUED: Final = 1.5

# Nor where they had to wait for a processor for most of their time: the rest is too little to go by.
STARVED: Final = 0.5

# What computes for more of its time than this is done no faster than there are processors.
COMPUTES: Final = 0.5


def plain_loop(stats: Stats, *, threads: bool, alone: float = 0.0, cpus: int | None = None) -> float | None:
    """Seconds that a plain loop would have taken for what was done; ``None`` if that can't be told.

    It is taken to have a processor whenever it wants one, which is the least that can be said.

    Args:
        stats: The figures of the run.
        threads: Whether threads shared a process for a part of it.
        alone: Seconds that an item takes alone, as far as is known.
        cpus: Processors that there are, if anybody knows.
    """
    inside = stats.busy - stats.delay  # a loop's turn at a processor would have been another
    if inside <= 0 or stats.delay > STARVED * stats.busy:
        return None
    if threads and stats.cpu > TELLING * min(stats.seconds, inside):
        return None  # they may have waited for the GIL, of which nothing tells
    if alone and inside > QUEUED * alone * stats.done:
        return None
    if cpus is not None and stats.cpu > COMPUTES * inside:
        inside = min(inside, stats.seconds * cpus)
    return inside
