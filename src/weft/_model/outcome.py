"""What comes back: what a chunk came to, and what stands in a failed item's place."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from .noun import dataclass, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

NO_FAULTS: Mapping[int, Fault] = MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False)
class Fault:
    """One item's error, as the worker that met it reports it."""

    error: BaseException
    worker: str


@dataclass(frozen=True, slots=True, eq=False)
class Began:
    """A worker took a chunk up, or the next item of one where it tells of each.

    Attributes:
        chunk: The chunk's number.
        ago: How long ago, in seconds.
    """

    chunk: int
    ago: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Returned:
    """A worker gives a chunk back, or the part of one that it has finished.

    Attributes:
        chunk: The chunk's number.
        values: One for each item it tried, in order; ``None`` where there is a fault. Shorter than the chunk
            when the worker stopped early: the rest was not begun.
        worker: The worker's name.
        seconds: How long the calls took.
        faults: By place in the chunk.
        cpu: How much of that the processor worked for them; ``None`` where it can't be told apart.
        nbytes: What an item and its result weigh together, roughly; 0 if not known.
        more: Whether the worker goes on with the rest of the chunk.
        began: When the first call began, by :func:`time.perf_counter` over there: one clock for all processes of a
            machine. 0 if not known.
        ended: When the last one was over; later than that and *seconds* say where calls ran side by side.
        delay: How much of the seconds the worker was ready and had no processor, where the system tells.
        first: The index of the first item it tried; ``None`` where all that a chunk comes to comes at once.
        one_way: What the heavier of the two weighs on its way, in bytes; 0 if not known.
    """

    chunk: int
    values: list[Any]
    worker: str
    seconds: float
    faults: Mapping[int, Fault] = NO_FAULTS
    cpu: float | None = None
    nbytes: float = 0
    more: bool = False
    began: float = 0.0
    ended: float = 0.0
    delay: float = 0.0
    first: int | None = None
    one_way: float = 0.0

    @classmethod
    def failed(cls, chunk: int, worker: str, error: BaseException) -> Returned:
        """A chunk of one item comes to that *error*."""
        return cls(chunk, [None], worker, 0.0, {0: Fault(error, worker)})

    def joined(self, later: Returned) -> Returned | None:
        """This part and a *later* one of the same chunk as one; ``None`` where that can't be.

        It can't where something is missing in between, where an item failed, or where one of them is a single item's:
        what that took may be too long for it.
        """
        values, more = self.values, later.values
        if self.first is None or (later.chunk, later.first) != (self.chunk, self.first + len(values)):
            return None
        if self.faults or later.faults or len(values) < 2 or len(more) < 2:
            return None
        return replace(
            later,
            values=values + more,
            seconds=self.seconds + later.seconds,
            cpu=None if self.cpu is None or later.cpu is None else self.cpu + later.cpu,
            nbytes=max(self.nbytes, later.nbytes),
            one_way=max(self.one_way, later.one_way),
            began=self.began,
            delay=self.delay + later.delay,
            first=self.first,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Lost:
    """A worker died or broke with a chunk in its hands.

    Attributes:
        chunk: The chunk's number.
        worker: The worker's name.
        status: How the worker ended.
        begun: Whether the worker may have begun the chunk; one that was only waiting is not to blame.
        error: The error by which a foreign executor said so, if there was one.
        index: The first item that it was in, where that is known.
        span: How many items it may have been in; 1 where exactly one is to blame.
        late: Whether it was ended because that item took too long.
        excess: The limit of memory for which it was ended, in bytes; 0 if that is not why.
        stack: Where it was, as text; empty if not known.
        memory: The most memory it ever had, in bytes; 0 if not known.
    """

    chunk: int
    worker: str
    status: str
    begun: bool = True
    error: BaseException | None = None
    index: int | None = None
    span: int = 1
    late: bool = False
    excess: int = 0
    stack: str = ""
    memory: int = 0


Arrival: TypeAlias = Began | Returned | Lost


def append_joined(arrivals: list[Arrival], arrival: Arrival) -> None:
    """Append it; or have it, if it goes on with the last of them, and that one, as one: each is work for its caller."""
    if not arrivals:
        return arrivals.append(arrival)
    last = arrivals[-1]
    whole = last.joined(arrival) if isinstance(last, Returned) and isinstance(arrival, Returned) else None
    if whole is None:
        arrivals.append(arrival)
    else:
        arrivals[-1] = whole
    return None


@dataclass(frozen=True, slots=True, eq=False)
class Failure:
    """Stands in a failed item's place when ``on_error="keep"``; listed in ``run.failures`` whenever not raised.

    Attributes:
        index: The item's position in the input, from 0.
        item: The item itself (a tuple of arguments where the function takes several).
        error: The exception of its last attempt.
        attempts: How often it was tried.
        worker: The name of the worker that tried it last.
        stage: The name of the pipeline's stage that failed; the index is that of the item in this stage's input.
    """

    index: int
    item: Any
    error: BaseException
    attempts: int
    worker: str
    stage: str = ""

    def __repr__(self) -> str:
        tries = f" after {self.attempts} attempts" if self.attempts > 1 else ""
        stage = f" in {self.stage}" if self.stage else ""
        return f"<Failure of item {self.index}{stage}{tries}: {type(self.error).__name__}: {self.error}>"
