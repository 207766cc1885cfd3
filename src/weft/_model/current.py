"""What a worker has in hand, for code that runs inside it to ask about."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(slots=True, eq=False)
class InHand:
    """The item that this thread or coroutine is working on.

    Attributes:
        index: Its position in the input.
        seed: The run's seed.
        streams: The random stream made for it, once somebody asked; at most one.
    """

    index: int
    seed: int
    streams: list[Any] = field(default_factory=list)


IN_HAND: ContextVar[InHand | None] = ContextVar("weft_in_hand")

# What this process is unpickling for a run, as far as it is a worker: importing the user's modules for it must not
# start runs of their own, whose workers would import the modules again, without end.
LOADING: Final[list[str]] = []

# The name of the worker that this process is; empty in a process that is none. Set once, when it starts.
WORKER: Final[list[str]] = []

# How many processors are this process's own, as far as it is a worker of a run that has counted; set by each run.
CPUS: Final[list[int]] = []

# The environment variables by which a run keeps this worker's native libraries within that, and what it set them to.
LIMITS: Final[dict[str, str]] = {}
