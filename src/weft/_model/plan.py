"""What was decided: which kind of worker, how many, and why."""

from __future__ import annotations

from .noun import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from concurrent.futures import Executor


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A decision about workers.

    Attributes:
        kind: The name of the kind, as in ``on=``; ``"auto"`` means: look at the first items, then decide.
        workers: How many at most.
        reason: Why, as the end of a sentence that starts with the kind.
        executor: The user's own executor, for the kind ``"futures"``.
        start_method: How processes are to be started; ``None`` for the default.
        cpus: How many processors its workers may keep busy, all together; ``None`` if nobody has counted.
        memory: The most private memory that a worker process may have, in bytes; ``None`` for no limit.
        tasks: How many items a worker process runs before another takes its place; ``None`` for no end.
        threads: How many items each worker process runs at once.
        shares: Whether it makes room for other runs: nobody has said how many workers it is to have.
        own: Whether its workers are nobody's before, and nobody's after.
        prefix: How the names of its workers begin, where they are threads of this process; empty for weft's own.
    """

    kind: str
    workers: int
    reason: str
    executor: Executor | None = None
    start_method: str | None = None
    cpus: int | None = None
    shares: bool = False
    memory: int | None = None
    tasks: int | None = None
    threads: int = 1
    own: bool = False
    prefix: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """A plan and when it was made, in seconds since the run began."""

    at: float
    plan: Plan
