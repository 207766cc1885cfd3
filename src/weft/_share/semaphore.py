"""weft.Semaphore: so many at the same time, of threads and processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from .aside import aside
from .semaphores import MOST, make_semaphore, semaphore_at
from .uses import Used


class Semaphore(Used):
    """A semaphore for threads, processes and coroutines, as ``threading.Semaphore`` and ``multiprocessing.Semaphore``.

    >>> two_at_a_time = Semaphore(2)
    >>> with two_at_a_time:
    ...     pass

    Args:
        value: How many may acquire it before somebody must release it.

    It is an ordinary argument for workers of every kind. Nobody owns what was acquired: a process that dies with it
    has used it up, as one that never releases. Where that must not be, use a :class:`weft.Lock`, or an actor.
    """

    USES = ("__enter__", "__exit__", "acquire", "_release", "_value")
    __slots__ = USES

    if TYPE_CHECKING:
        _release: Callable[[], None]
        _value: Callable[[], int]

        def __enter__(self) -> bool: ...

        def __exit__(self, *raised: object) -> None: ...

        def acquire(self, block: bool = True, timeout: float | None = None, *, blocking: bool = True) -> bool:
            """Take one, and wait for it if there is none; as :meth:`weft.Lock.acquire`."""

    def __new__(cls, value: int = 1) -> Self:
        """A new one."""
        if value < 0:
            raise ValueError("semaphore initial value must be >= 0")
        made = cls.new()
        make_semaphore(made.address, value)
        return made

    def release(self, n: int = 1) -> None:
        """Give back *n*."""
        if n < 1:
            raise ValueError("n must be one or more")
        for _ in range(n):
            self._release()

    async def aacquire(self, timeout: float | None = None) -> bool:
        """As :meth:`acquire`, for coroutines; others of the same event loop go on meanwhile."""
        return self.acquire(block=False) or await aside(self.acquire, self.release, timeout)

    async def __aenter__(self) -> bool:
        return await self.aacquire()

    async def __aexit__(self, *_: object) -> None:
        self.release()

    def begin(self) -> tuple[Callable[..., Any], ...]:
        """As of anything that is used so."""
        semaphore = semaphore_at(self.sheet.segment, self.at, MOST)
        take, give = semaphore.acquire, semaphore.release

        def leave(kind: object = None, error: object = None, frames: object = None) -> None:
            give()

        def acquire(block: bool = True, timeout: float | None = None, *, blocking: bool = True) -> bool:
            return bool(take(block and blocking, None if timeout == -1 else timeout))

        return take, leave, acquire, give, semaphore._get_value  # noqa: SLF001

    def get_value(self) -> int:
        """How many are left."""
        self.ensure()
        return self._value()

    def __repr__(self) -> str:
        return f"<weft.Semaphore value={self.get_value()}>"
