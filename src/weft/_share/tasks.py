"""A lock that a task of an event loop has taken, and may take again; its thread runs others, which may not."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

from .aside import aside

NOT_TAKEN: Final = "cannot release a lock that has not been acquired here"


class HeldByTask:
    """Which task of this process has a lock, and how often.

    Args:
        acquire: Takes the lock for whoever calls, whatever the thread.
        release: Lets it go.

    Attributes:
        task: The task that has it, if one has.
    """

    def __init__(self, acquire: Callable[..., bool], release: Callable[[], object]) -> None:
        self._acquire, self._release = acquire, release
        self.task: Any = None
        self._depth = 0

    async def acquire(self, timeout: float | None) -> bool:
        """Take it for the task that runs; whether that came to be within *timeout* seconds."""
        if self.again():
            return True
        if self._acquire(block=False) or await aside(self._acquire, self._release, timeout):
            self.task, self._depth = _current(), 1
            return True
        return False

    def again(self) -> bool:
        """Take it once more, if the task that runs has it; whether it has."""
        if self.task is None or _current() is not self.task:
            return False
        self._depth += 1
        return True

    def release(self) -> None:
        """Let it go once.

        Raises:
            RuntimeError: The task that runs does not have it.
        """
        if self.task is None or _current() is not self.task:
            raise RuntimeError(NOT_TAKEN)
        self._depth -= 1
        if not self._depth:
            self.task = None
            self._release()

    def depth_here(self) -> int:
        """How often the task that runs has it."""
        return self._depth if self.task is not None and _current() is self.task else 0


def _current() -> Any:
    """The task that this thread runs now, if it runs one."""
    asyncio = sys.modules["asyncio"]  # or there would be no task to compare with
    return asyncio.current_task() if asyncio._get_running_loop() is not None else None  # noqa: SLF001
