"""What a worker has in hand, for code that runs inside it to ask about."""

from __future__ import annotations

import os
from collections.abc import Sized
from contextvars import ContextVar

from .chunk import Chunk
from .noun import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final


class InHand:
    """The item that this thread or coroutine is working on.

    Args:
        index: Its position in the input.
        seed: The run's seed.

    Attributes:
        streams: The random stream made for it, once somebody asked; at most one.
    """

    __slots__ = ("index", "seed", "streams")

    def __init__(self, index: int, seed: int) -> None:
        self.index, self.seed = index, seed
        self.streams: list[Any] = []


IN_HAND: ContextVar[InHand | None] = ContextVar("weft_in_hand")

# The kinds whose workers have their modules for themselves, weft's among them.
APART: Final = frozenset({"process", "interpreter", "ray"})


@dataclass(frozen=True, slots=True, eq=False)
class WorkerInfo:
    """Who runs this, and what it has in hand.

    Attributes:
        kind: ``"serial"``, ``"thread"``, ``"process"``, ``"interpreter"``, ``"async"``, ``"ray"``, or ``"futures"`` for
            somebody's executor.
        name: The worker's name.
        index: The item's position in the input, from 0.
        pid: The process it is in.
        item: The item itself (a tuple of arguments where the function takes several).
        attempt: 1 for the first try of the item, more for each time it is tried again.
    """

    kind: str
    name: str
    index: int
    pid: int
    item: Any
    attempt: int


class AtWork:
    """A worker that goes through a chunk. Which item it is at is worked out only when somebody asks.

    Args:
        kind: The worker's kind.
        worker: Its name, as failures tell it.
        chunk: What it goes through.
        done: What is as long as the number of items that are behind it: the list that their results go into.
    """

    __slots__ = ("_before", "_chunk", "_done", "_kind", "_left", "_worker")

    def __init__(self, kind: str, worker: str, chunk: Chunk, done: Sized) -> None:
        self._kind, self._worker = kind, worker
        self._chunk: Chunk | None = chunk
        self._left, self._done = 0, done

    def go_on(self, left: int, done: Sized) -> None:
        """So many items have *left*; the results of the others go into another list."""
        self._left, self._done = left, done

    def begin(self) -> None:
        """This is what is in hand in this context, and in all of a worker that shares nothing."""
        if self._kind in APART:
            AT_WORK_HERE[:] = [self]
        self._before = AT_WORK.set(self)

    def end(self) -> None:
        """What was in hand in this context before is in hand again."""
        AT_WORK.reset(self._before)
        if self._kind in APART:
            AT_WORK_HERE.clear()
        self.forget()

    def forget(self) -> None:
        """All is behind it; whoever still holds this holds no items by it."""
        self._chunk, self._done = None, ()

    def alone(self, item: object) -> AtWork:
        """The same worker at one call that is no item of a longer input."""
        attempt = self._chunk.attempt if self._chunk is not None else 1
        return AtWork(self._kind, self._worker, Chunk(0, 0, [item], attempt), ())

    @property
    def index(self) -> int | None:
        """The position in the input of the item in hand; ``None`` when all are behind it."""
        chunk, at = self._chunk, self._left + len(self._done)
        return chunk.first + at if chunk is not None and at < len(chunk.items) else None

    @property
    def info(self) -> WorkerInfo | None:
        """The item in hand; ``None`` when all are behind it."""
        chunk, at = self._chunk, self._left + len(self._done)
        if chunk is None or at >= len(chunk.items):
            return None
        pid = os.getpid()
        name = self._worker.removesuffix(f" (pid {pid})")
        return WorkerInfo(self._kind, name, chunk.first + at, pid, chunk.items[at], chunk.attempt)


class AtCall:
    """A worker that makes one call after the other; what it has in hand is put here.

    Args:
        kind: The worker's kind.
        worker: Its name.
        item: What it has in hand.
        index: Its position in the input.
    """

    __slots__ = ("_kind", "_worker", "index", "item")

    def __init__(self, kind: str, worker: str, item: Any = None, index: int | None = None) -> None:
        self._kind, self._worker = kind, worker
        self.item, self.index = item, index

    def forget(self) -> None:
        """All is behind it; whoever still holds this holds no items by it."""
        self.item = self.index = None

    def alone(self, item: object) -> AtCall:
        """The same worker at one call that is no item of a longer input."""
        return AtCall(self._kind, self._worker, item, 0)

    @property
    def info(self) -> WorkerInfo | None:
        """The item in hand; ``None`` when all are behind it."""
        if self.index is None:
            return None
        return WorkerInfo(self._kind, self._worker, self.index, os.getpid(), self.item, 1)


AT_WORK: ContextVar[AtWork | AtCall | None] = ContextVar("weft_at_work")

# The same for all threads of a worker that has its modules for itself, whatever their context: what it has in hand,
# at most one thing.
AT_WORK_HERE: Final[list[AtWork | AtCall]] = []

# What this process is unpickling for a run, as far as it is a worker: importing the user's modules for it must not
# start runs of their own, whose workers would import the modules again, without end.
LOADING: Final[list[str]] = []

# The name of the worker that this process is; empty in a process that is none. Set once, when it starts.
WORKER: Final[list[str]] = []

# How many processors are this process's own, as far as it is a worker of a run that has counted; set by each run.
CPUS: Final[list[int]] = []

# The environment variables by which a run keeps this worker's native libraries within that, and what it set them to.
LIMITS: Final[dict[str, str]] = {}
