"""What it costs to send items to another process, and their results back: measured on some of them, here."""

from __future__ import annotations

from itertools import islice
from math import inf
from time import thread_time

from .._model.measured import Freight
from .._transport.boxes import boxed
from .._transport.codec import dumps_apart, loads
from .._transport.culprit import REFUSED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Final

# As many as one would find in a chunk; fewer where one alone takes its time.
BATCH: Final = 64
DEAR: Final = 0.001  # seconds

# What goes apart is copied once, into memory that is warm. ENGINE.md measured 8 to 13 GB/s for blocks of 8 MiB.
COPY: Final = 1 / 6e9  # seconds a byte


def freight_of(items: Sequence[Any], values: Sequence[Any]) -> Freight:
    """What these *items* and *values* cost on their way, for each.

    Raises whatever pickling raises.
    """
    there, here, nbytes = 0.0, 0.0, 0.0
    for sent, back in ((items, False), (values, True)):
        if not sent:
            continue
        dumping, loading, weight = _price(sent)
        there, here = (there + dumping, here + loading) if back else (there + loading, here + dumping)
        nbytes += weight
    return Freight(there, here, nbytes)


def heft_of(items: Sequence[Any]) -> float:
    """What the heaviest of a few of the *items* weighs on its way, in bytes; endless if one of them can't travel."""
    heaviest = 0.0
    for at in {0, len(items) // 2, len(items) - 1} if items else ():
        try:
            data, buffers = dumps_apart(items[at])
        except REFUSED:  # pickling a user's value may raise anything
            return inf
        heaviest = max(heaviest, len(data) + sum(buffer.nbytes for buffer in buffers))
    return heaviest


def _price(values: Sequence[Any]) -> tuple[float, float, float]:
    """Seconds to write one of the *values*, seconds to read it, and its size."""
    batch = list(islice(values, 1))
    began = thread_time()
    data, buffers = dumps_apart(boxed(batch))
    took = thread_time() - began
    several = min(BATCH, len(values), int(DEAR / max(took, DEAR / BATCH)))
    if several > 1:
        batch = list(islice(values, several))
        began = thread_time()
        data, buffers = dumps_apart(boxed(batch))
        took = thread_time() - began
    began = thread_time()
    loads(data, buffers=buffers)
    reading = thread_time() - began
    weight = sum(buffer.nbytes for buffer in buffers)
    copying = weight * COPY
    count = len(batch)
    return (took + copying) / count, reading / count, (len(data) + weight) / count
