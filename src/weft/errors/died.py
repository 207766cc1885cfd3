"""The error that is one of the standard library's pools too: they take 4 ms to import, and workers seldom die."""

from __future__ import annotations

from concurrent.futures import BrokenExecutor

from . import WeftError, WorkerTraceback


class WorkerDied(WeftError, BrokenExecutor):
    """A worker died with an item in its hands, as often as was allowed.

    Args:
        worker: The name of the last worker that died.
        status: How it ended, such as ``"exit status 3"`` or ``"SIGKILL"``.
        index: The position of the item in the input, if it is known.
        attempts: How many workers the item was given to.
        item: The item.
        memory: The most memory that the worker ever had, in bytes; 0 if not known.
        stack: Where it was when it died, as text, if that is known; shown as the error's cause.
    """

    def __init__(
        self,
        worker: str,
        status: str,
        index: int | None = None,
        attempts: int = 1,
        *,
        item: object = None,
        memory: int = 0,
        stack: str = "",
    ) -> None:
        doing = "" if index is None else f" while running item {index}"
        tries = "" if attempts == 1 else f", the last of {attempts} that this item was given to"
        peak = f"; its memory was {memory / 2**20:,.0f} MiB at most" if memory else ""
        super().__init__(f"{worker} died ({status}){doing}{tries}{peak}")
        self.worker, self.status, self.index, self.attempts = worker, status, index, attempts
        self.item, self.memory, self.stack = item, memory, stack
        if stack:
            self.__cause__ = WorkerTraceback(worker, stack)

    def __reduce__(self) -> tuple[object, ...]:
        named = {"item": self.item, "memory": self.memory, "stack": self.stack}
        return _died, (type(self), (self.worker, self.status, self.index, self.attempts), named)


def _died(kind: type[WorkerDied], args: tuple[object, ...], named: dict[str, object]) -> WorkerDied:
    return kind(*args, **named)  # type: ignore[arg-type]  # they are its own
