"""weft.ProcessExecutor: processes to hold on to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from .._model.asked import HasStartMethod, StartMethod
from .._model.options import Options
from .._model.plan import Family
from .executor import HeldExecutor


class ProcessExecutor(HeldExecutor):
    """A ``concurrent.futures.Executor`` of processes: what ``ProcessPoolExecutor`` is, on weft's workers.

    Args:
        max_workers: How many processes at most; by default the processors that this process may use.
        mp_context: A context of :mod:`multiprocessing`: its start method is used. If its ``Process`` is a class of its
            own, workers are processes of that class, started by it, with what it asks for, such as a main guard.
        initializer: What each process calls first.
        initargs: With what arguments; locks, queues and pipes of :mod:`multiprocessing` may be among them.
        max_tasks_per_child: How many calls, or chunks of :meth:`map`, a process runs before a new one takes its
            place. Not with ``"fork"``, as in the standard library.
        start_method: The start method by its name, as in :func:`weft.map`.
        memory_limit: The most private memory that a process may have, as in :func:`weft.map`.

    A process that dies breaks nothing: its call is given to another one, twice at most, then its future raises
    :class:`weft.WorkerDied`, and the others go on. Only an initializer that raises breaks the executor: whatever was
    submitted fails with :class:`weft.errors.InitializerFailed`. No main guard is needed, and functions that a process
    can't import go by value.
    """

    _kind: ClassVar[str] = "process"

    def __init__(
        self,
        max_workers: int | None = None,
        mp_context: HasStartMethod | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        *,
        max_tasks_per_child: int | None = None,
        start_method: StartMethod | None = None,
        memory_limit: int | str | None = None,
    ) -> None:
        if max_tasks_per_child is not None:
            if not isinstance(max_tasks_per_child, int):
                raise TypeError("max_tasks_per_child must be an integer")
            if max_tasks_per_child <= 0:
                raise ValueError("max_tasks_per_child must be >= 1")
        asked = Options.of(
            {"on": "process", "mp_context": mp_context, "start_method": start_method, "memory_limit": memory_limit}
        )
        if max_tasks_per_child is not None and asked.started_by == "fork":
            raise ValueError(
                "max_tasks_per_child is incompatible with the 'fork' start method: "
                "leave mp_context and start_method out, or supply another one"
            )
        self._mp_context = mp_context
        super().__init__(
            max_workers,
            initializer,
            initargs,
            start_method=asked.started_by,
            tasks=max_tasks_per_child,
            family=Family.of(mp_context, daemon=False),
            memory=memory_limit,
        )

    def terminate_workers(self) -> None:
        """End the processes, and what they are in the midst of with them; nothing more can be submitted."""
        self._held.stop()

    kill_workers = terminate_workers
