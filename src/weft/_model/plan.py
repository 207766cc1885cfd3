"""What was decided: which kind of worker, how many, and why."""

from __future__ import annotations

from .noun import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Executor
    from typing import Any, Final


@dataclass(frozen=True, slots=True, eq=False)
class Needs:
    """What every chunk asks of a Ray cluster while it runs.

    Attributes:
        address: Where the cluster is; ``None`` for the one there is, or else a new one on this machine.
        num_cpus: Processors; ``None`` for one.
        num_gpus: GPUs.
        resources: Resources of the cluster's own, by name.
        runtime_env: The environment its function runs in, as Ray has it.
    """

    address: str | None = None
    num_cpus: float | None = None
    num_gpus: float | None = None
    resources: Mapping[str, float] | None = None
    runtime_env: Mapping[str, Any] | None = None

    def amounts(self) -> dict[str, float]:
        """How much of each resource one takes, by the cluster's names; what it takes nothing of is left out."""
        wanted = {"CPU": 1.0 if self.num_cpus is None else self.num_cpus, "GPU": self.num_gpus or 0.0}
        return {name: amount for name, amount in (wanted | dict(self.resources or {})).items() if amount}


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """A class of processes that somebody wants for workers.

    Attributes:
        context: What makes them: a context of :mod:`multiprocessing` whose ``Process`` is not the standard one.
        daemon: Whether they are to be daemonic, as a pool's are.
    """

    context: Any
    daemon: bool = False

    @classmethod
    def of(cls, context: object, *, daemon: bool) -> Family | None:
        """What *context* makes, if that is of a class of its own."""
        process = getattr(context, "Process", None)
        if process is None or str(getattr(process, "__module__", "")).startswith("multiprocessing."):
            return None
        return cls(context, daemon)


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A decision about workers.

    Attributes:
        kind: The name of the kind, as in ``on=``; ``"auto"`` means: look at the first items, then decide.
        workers: How many at most; 0 where that is not known yet: what ``"auto"`` finds, what a cluster has room for.
        reason: Why, as the end of a sentence that starts with the kind.
        executor: The user's own executor, for the kind ``"futures"``.
        start_method: How processes are to be started; ``None`` for the default.
        cpus: How many processors its workers may keep busy, all together; ``None`` if nobody has counted.
        memory: The most private memory that a worker process may have, in bytes; ``None`` for no limit.
        tasks: How many items a worker process runs before another takes its place; ``None`` for no end.
        threads: How many items each worker process runs at once.
        shares: Whether it makes room for other runs: nobody has said how many workers it is to have.
        own: Whether its workers are nobody's before, and nobody's after.
        needs: What each worker takes of a cluster, and where that is; ``None`` where there is none.
        prefix: How the names of its workers begin, where they are threads of this process; empty for weft's own.
        family: What its worker processes are to be; ``None`` for weft's own.
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
    needs: Needs | None = None
    family: Family | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """A plan and when it was made, in seconds since the run began."""

    at: float
    plan: Plan


# Chunks get no heavier than this, one way: what travels should be on its way while the worker works, and still in a
# cache when it is read. bench/process/data.py, bytes in: 27 ms with 1 MiB, 26 with 2, 20 with 4, 30 with 8 and with 16;
# on another machine 46, 46, 35, 32, 33. Arrays of 64 KiB in and out, there: 245 ms with 2, 255 with 3, 210 with 4, 198
# with 8.
CHUNK_BYTES: Final = 4 * 2**20  # as far as the weight of items is known

# The caller's work for one chunk may take so much of its time, all workers together: it is idle for the rest.
BUSY: Final = 0.25

# And so much of a worker's time: what a chunk costs its caller it costs the other side, too.
LOSS: Final = 0.01


def worth_sending(price: float, workers: int) -> float:
    """Seconds that a chunk should take at least, where each costs its caller *price* seconds; 0 where that is nothing.

    So that the caller is idle most of the time, however many workers there are.
    """
    return price * max(1 / LOSS, workers / BUSY)
