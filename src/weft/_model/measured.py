"""What was measured of the work: how the caller's items fare, and what it costs to send one away."""

from __future__ import annotations

from .noun import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Glance:
    """What a worker that shares this process has done so far, seen from outside, the chunk in its hands included.

    Attributes:
        seconds: How long it has worked, without the time that it was ready to and had no processor.
        cpu: How long of that it has computed.
        others: CPU seconds that other threads of this process spent meanwhile.
        in_hand: How long it has been in the chunk that it is in, without that time; 0 if in none.
        delay: How long it was ready to work and had no processor.
        ready: Whether it is ready to at this moment, with a processor or without, or has mostly computed in this chunk.
    """

    seconds: float
    cpu: float
    others: float
    in_hand: float
    delay: float = 0.0
    ready: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Freight:
    """What it costs to send an item to another process and its result back.

    Attributes:
        there: CPU seconds an item at the worker's end.
        here: CPU seconds an item at the caller's end, which all workers have to share.
        nbytes: What an item and its result weigh together on their way.
    """

    there: float
    here: float
    nbytes: float
