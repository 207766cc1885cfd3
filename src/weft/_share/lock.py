"""weft.Lock and weft.RLock: locks for threads and processes, which the death of their holder opens."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self

from .aside import aside
from .cells import Sheet
from .claims import LOCK, Claims
from .semaphores import PLAIN, RECURSIVE
from .tasks import NOT_TAKEN, HeldByTask
from .uses import Used


class _Lock(Used):
    """What the two have in common."""

    USES = ("__enter__", "__exit__", "acquire", "release")
    __slots__ = ("_claims", "_told", *USES)
    kind: ClassVar[int] = LOCK
    _claim_kind: ClassVar[int]
    _claims: Claims | None
    _told: list[bool]

    if TYPE_CHECKING:

        def __enter__(self) -> bool: ...

        def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
        ) -> None: ...

        def acquire(self, block: bool = True, timeout: float | None = None, blocking: bool = True) -> bool:
            """Take it; as the standard library's locks do.

            Args:
                block: Whether to wait for it.
                blocking: The same by threading's name.
                timeout: For how long at most, in seconds; ``None``, or -1, for as long as it takes.

            Returns:
                Whether it was taken.
            """

        def release(self) -> None:
            """Let it go; in the process that has taken it.

            Raises:
                RuntimeError: This process, or for an :class:`RLock` this thread or task, does not have it.
            """

        async def aacquire(self, timeout: float | None = None) -> bool: ...

    def __new__(cls) -> Self:
        """A new one, free."""
        return cls.new()

    @classmethod
    def make(cls, sheet: Sheet, at: int) -> None:
        """As of any cell."""
        Claims.make(sheet, at)

    def forked(self) -> None:
        """In a copy of the process nothing of it is held."""
        self._claims, self._told = None, []
        super().forked()

    def begin(self) -> tuple[Callable[..., Any], ...]:
        """As of anything that is used so."""
        self._claims = Claims(self.sheet, self.at, self._claim_kind)
        return _uses(self._claims, self._told, self._by_task())

    def _by_task(self) -> HeldByTask | None:
        """What tasks have of it; ``None`` if who has it does not matter."""
        return None

    @property
    def claims(self) -> Claims:
        """Who wants it, and has it."""
        self.ensure()
        assert self._claims is not None
        return self._claims

    @property
    def abandoned(self) -> bool:
        """Whether whoever had it before died with it in its hands: what it protects may be half done.

        For the one that has it now, until it lets it go.
        """
        return bool(self._told)

    def locked(self) -> bool:
        """Whether somebody has it."""
        return self.claims.token.empty

    async def __aenter__(self) -> bool:
        return await self.aacquire()

    async def __aexit__(self, *_: object) -> None:
        self.release()

    def __repr__(self) -> str:
        return f"<weft.{type(self).__name__} {'locked' if self.locked() else 'unlocked'}>"


class Lock(_Lock):
    """A lock for threads, processes and coroutines: ``threading.Lock`` and ``multiprocessing.Lock`` in one.

    >>> lock = Lock()
    >>> with lock:
    ...     pass

    It is an ordinary argument for workers of every kind. If a process dies while it has the lock, the lock is free
    again within half a second, and :attr:`abandoned` tells the next one that has it. ``async with`` waits without
    blocking the event loop.

    One thread may release what another of the same process has taken; a process only what it has taken itself.
    Uncontended, ``with`` costs no more than that of ``multiprocessing.Lock``; ``acquire()`` and ``release()``, called
    by hand, cost the same as ``with``, which is more than theirs (bench/shared_data.py).
    """

    __slots__ = ()
    _claim_kind = PLAIN

    async def aacquire(self, timeout: float | None = None) -> bool:
        """As :meth:`acquire`, for coroutines; others of the same event loop go on meanwhile."""
        return self.acquire(block=False) or await aside(self.acquire, self.release, timeout)


class RLock(_Lock):
    """A lock that the thread that has it may take again: ``threading.RLock`` and ``multiprocessing.RLock`` in one.

    It is free when that thread has released it as often. With ``async with`` and :meth:`aacquire` it is the task that
    has it and may take it again, by a plain ``with`` too, and no other task of its thread. Otherwise as :class:`Lock`.
    """

    __slots__ = ("_tasks",)
    _claim_kind = RECURSIVE
    _tasks: HeldByTask

    async def aacquire(self, timeout: float | None = None) -> bool:
        """As :meth:`acquire`, for coroutines: the task has it then; others of its loop go on meanwhile."""
        self.ensure()
        return await self._tasks.acquire(timeout)

    @property
    def depth(self) -> int:
        """How often this thread, or this task, has it."""
        claim = self.claims.claim
        return int(claim._count()) if claim._is_mine() else self._tasks.depth_here()  # noqa: SLF001

    def _by_task(self) -> HeldByTask:
        plain = _uses(Claims(self.sheet, self.at, PLAIN), self._told, None)
        self._tasks = HeldByTask(plain[2], plain[3])
        return self._tasks


def _uses(claims: Claims, told: list[bool], tasks: HeldByTask | None) -> tuple[Callable[..., Any], ...]:
    """The functions that take and release it; with *tasks*, those of a lock that its holder may take again."""
    claim = claims.claim
    mine, unmine, take, give = claim.acquire, claim.release, claims.token.acquire, claims.token.release
    memory, troubled = claims.memory, claims.troubled

    def wait(timeout: float | None) -> bool:
        try:
            had = claims.wait(timeout)
        except BaseException:
            unmine()
            raise
        if had is None:
            told.append(True)
        elif not had:
            unmine()
        return had is not False

    def enter() -> bool:
        mine()
        return (not memory[troubled] and take(False)) or wait(None)

    def acquire(block: bool = True, timeout: float | None = None, blocking: bool = True) -> bool:
        if block and blocking and timeout is None:
            mine()
            return (not memory[troubled] and take(False)) or wait(None)
        return attempt(block and blocking, None if timeout == -1 else timeout)

    def attempt(block: bool, timeout: float | None) -> bool:
        if not (mine(True, timeout) if block else mine(False)):
            return False
        if not memory[troubled] and take(False):
            return True
        return wait(timeout if block else 0.0)

    def leave(kind: object = None, error: object = None, frames: object = None) -> None:
        if told:
            told.clear()
        try:
            give()
        except ValueError:
            raise RuntimeError(NOT_TAKEN) from None
        try:
            unmine()
        except ValueError:  # it is another's
            take(False)
            raise RuntimeError(NOT_TAKEN) from None

    if tasks is None:
        return enter, leave, acquire, leave

    def enter_again() -> bool:
        if tasks.task is not None and tasks.again():
            return True
        mine()
        return (not memory[troubled] and take(False)) or wait(None)

    # Both semaphores count for themselves how often this thread has them, so nobody has to look.
    def leave_again(kind: object = None, error: object = None, frames: object = None) -> None:
        if told and claim._is_mine() and claim._count() == 1:  # noqa: SLF001
            told.clear()
        try:
            give()
        except AssertionError:  # it is no thread's: perhaps a task has it
            tasks.release()
        else:
            unmine()

    def acquire_again(block: bool = True, timeout: float | None = None, blocking: bool = True) -> bool:
        return (tasks.task is not None and tasks.again()) or acquire(block, timeout, blocking)

    return enter_again, leave_again, acquire_again, leave_again
