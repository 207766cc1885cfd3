"""The errors that are the standard library's pools' too: those take 4 ms to import, and workers seldom die."""

from __future__ import annotations

import sys
from concurrent.futures import BrokenExecutor

from . import WeftError, WorkerTraceback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ClassVar, Self


class _Broken(WeftError, BrokenExecutor):
    """An error that is also what the standard library's own executors raise, for whoever had one of these.

    That is a base of the class from when an error is made and those have been imported: they take 12 ms, and before
    nobody can ask for their errors.
    """

    _theirs: ClassVar[tuple[tuple[str, str], ...]] = ()

    def __new__(cls, *args: object, **_: object) -> Self:
        for module, name in cls._theirs:
            other = getattr(sys.modules.get(module), name, None)
            if other is not None and not issubclass(cls, other):
                own: Any = next(kind for kind in cls.__mro__ if "_theirs" in vars(kind))
                own.__bases__ = (*(base for base in own.__bases__ if base is not other), other)  # two threads may
        return super().__new__(cls, *args)


class WorkerDied(_Broken):
    """A worker died with an item in its hands, as often as was allowed.

    Args:
        worker: The name of the last worker that died.
        status: How it ended, such as ``"exit status 3"`` or ``"SIGKILL"``.
        index: The position of the item in the input, if it is known.
        attempts: How many workers the item was given to.
        item: The item.
        memory: The most memory that the worker ever had, in bytes; 0 if not known.
        stack: Where it was when it died, as text, if that is known; shown as the error's cause.

    It is a ``BrokenExecutor``, and a ``concurrent.futures.process.BrokenProcessPool`` where that has been imported.
    """

    _theirs = (("concurrent.futures.process", "BrokenProcessPool"),)

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


class InitializerFailed(_Broken):
    """The initializer of an executor, or of a pool, raised in a worker: nothing can be run there any more.

    Args:
        worker: The name of the worker.
        why: What it raised, as text.

    It is a ``BrokenExecutor``, and a ``BrokenProcessPool`` and ``BrokenThreadPool`` where these have been imported.
    """

    _theirs = (
        ("concurrent.futures.process", "BrokenProcessPool"),
        ("concurrent.futures.thread", "BrokenThreadPool"),
    )

    def __init__(self, worker: str, why: str) -> None:
        super().__init__(f"the initializer raised {why} in {worker}; no more calls are taken")
        self.worker, self.why = worker, why

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.worker, self.why)


def _died(kind: Callable[..., WorkerDied], args: tuple[object, ...], named: dict[str, object]) -> WorkerDied:
    return kind(*args, **named)


class MemoryExceeded(WorkerDied):
    """An item needed more memory than ``memory_limit``; its worker was ended, or was refused more by the system.

    Args:
        worker: The name of the worker.
        limit: The limit, in bytes.
        index: The position of the item in the input.
        item: The item.
        memory: The most private memory that was seen, in bytes; 0 if the system refused it.
        stack: Where it was, as text, if that is known; shown as the error's cause.
    """

    def __init__(
        self, worker: str, limit: int, index: int, *, item: object = None, memory: int = 0, stack: str = ""
    ) -> None:
        super().__init__(worker, "memory_limit", index, item=item, memory=memory, stack=stack)
        seen = f"had {memory / 2**20:,.0f} MiB" if memory else "was refused more"
        self.args = (f"item {index} needed more than memory_limit={limit / 2**20:,.0f} MiB: {worker} {seen}",)
        self.limit = limit

    def __reduce__(self) -> tuple[object, ...]:
        named = {"item": self.item, "memory": self.memory, "stack": self.stack}
        return _died, (type(self), (self.worker, self.limit, self.index), named)
