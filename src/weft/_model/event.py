"""What happened: frozen records that observers get, in the order they happened."""

from __future__ import annotations

from collections.abc import Sequence

from .noun import dataclass
from .outcome import Failure
from .plan import Plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias


@dataclass(frozen=True, slots=True, eq=False)
class Stats:
    """The figures of a run so far.

    Attributes:
        done: Items that came to a value.
        failed: Items that failed for good.
        retried: Attempts that failed and were tried again.
        lost: Times a worker died with items in its hands.
        total: How many items there will be; ``None`` if the input does not say.
        chunks: Chunks that came back.
        seconds: Wall-clock time since the run began.
        busy: Seconds spent inside the function, all workers added up.
        cpu: Seconds of these in which a processor worked for it, where the kind can tell.
        delay: Seconds of these in which a worker was ready and had no processor, where the system tells.
    """

    done: int = 0
    failed: int = 0
    retried: int = 0
    lost: int = 0
    total: int | None = None
    chunks: int = 0
    seconds: float = 0.0
    busy: float = 0.0
    cpu: float = 0.0
    delay: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Started:
    """A run began; *line* is what ``explain()`` calls its workers."""

    name: str
    total: int | None
    plan: Plan
    line: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Decided:
    """Where the rest of the run goes was decided, or decided anew; *line* is what ``explain()`` calls these workers."""

    plan: Plan
    line: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """What one worker did without a pause: a chunk that came back, or a part of one.

    Attributes:
        worker: The worker's name.
        first: The index of the first item.
        items: How many items; the others follow the first.
        began: When the worker took up the first, in seconds since the run began.
        seconds: How long until it had done the last. 0 where a worker that was being ended had no time to say so.
        stage: The name of the pipeline's stage; its indexes are those of the stage's input.
    """

    worker: str
    first: int
    items: int
    began: float
    seconds: float
    stage: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Advanced:
    """Chunks came back, one or several.

    Attributes:
        stats: The figures so far.
        spans: Which worker had which items, and when. None where a worker was only lost.
    """

    stats: Stats
    spans: Sequence[Span] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Retrying:
    """An attempt failed; the item will be tried again after *delay* seconds."""

    index: int
    attempt: int
    delay: float
    error: BaseException


@dataclass(frozen=True, slots=True, eq=False)
class Failed:
    """An item failed for good."""

    failure: Failure


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """A worker process printed, logged or warned; this process has shown it where it shows its own.

    Attributes:
        worker: The worker's name.
        index: The item that it had in hand; ``None`` if none.
        stream: ``"stdout"``, ``"stderr"``, ``"logging"`` or ``"warnings"``.
        text: What was printed, with the ends of lines, or the message.
    """

    worker: str
    index: int | None
    stream: str
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Ended:
    """A run is over: finished, left early, or failed."""

    stats: Stats
    error: BaseException | None = None


Event: TypeAlias = Started | Decided | Advanced | Retrying | Failed | Said | Ended
