"""weft.TaskGroup: several calls on workers of any kind, and a block that none of them outlives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError, Executor, Future
from functools import partial
from inspect import isawaitable
from types import TracebackType
from typing import Any, Final, ParamSpec, Self, TypeVar, overload

from .._engine import name_of
from .._model.asked import Kind
from .._model.locks import Condition
from .._single import Dispatchers, is_async, is_plain, kind_of, start_in

P = ParamSpec("P")
R = TypeVar("R")

# Every task has a worker of its own and begins at once, up to so many of a kind: tasks of a group may wait for each
# other, and those that are queued behind the ones that wait for them would never begin.
MOST: Final = 1000

# How long somebody who waits for tasks sleeps at most before signals are looked at.
LISTEN: Final = 0.5  # seconds

# Kinds whose workers don't share this process's memory, and are ended.
_ELSEWHERE: Final = frozenset({"process", "interpreter", "ray"})

_FATES: Final = {
    "process": "its process was ended",
    "ray": "its Ray worker was ended",
    "async": "its coroutine was cancelled",
    "interpreter": "an interpreter can't be stopped: it was waited for, and its result is dropped",
    "thread": "a thread can't be stopped: it was waited for, and its result is dropped",
    "executor": "the executor's task can't be stopped: it was waited for, and its result is dropped",
}


class _Task:
    """One call of a group.

    Args:
        group: Its own.
        kind: On which kind of worker it runs.
        name: The function's.
    """

    def __init__(self, group: TaskGroup, kind: str, name: str) -> None:
        self._group, self.kind, self.name = group, kind, name
        self.future: Future[Any] | None = None
        self.stop: Callable[[], object] | None = None  # how to stop it, where a group's workers are not ended as one
        self.inside = False  # whether the function is running, where this process can tell

    def watched(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """*fn*, so that it is known when it runs: nothing else tells of a thread whether it has finished."""
        if self.kind in _ELSEWHERE:
            return fn
        if is_async(fn) or (self.kind == "async" and not is_plain(fn)):
            return partial(self._run_later, fn)
        return partial(self._run, fn)

    def _run(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self._enter()
        try:
            return fn(*args, **kwargs)
        except Exception as error:
            self._group._raised.append(error)  # noqa: SLF001
            raise
        finally:
            self._leave()

    async def _run_later(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self._enter()
        try:
            value = fn(*args, **kwargs)
            return await value if isawaitable(value) else value
        except Exception as error:
            self._group._raised.append(error)  # noqa: SLF001
            raise
        finally:
            self._leave()

    def _enter(self) -> None:
        with self._group._changed:  # noqa: SLF001  they are one thing in two classes
            if self._group.cancelled:
                raise CancelledError
            self.inside = True

    def _leave(self) -> None:
        self.inside = False
        self._group._look()  # noqa: SLF001

    @property
    def over(self) -> bool:
        """Whether nothing of it runs any more, and its future says so."""
        return not self.inside and self.future is not None and self.future.done()


class TaskGroup:
    """Calls that belong together, on workers of any kind: none of them outlives the block.

    >>> with TaskGroup() as group:
    ...     length = group.submit(len, "cloth")
    ...     power = group.submit(pow, 2, 10, on="process")
    >>> length.result(), power.result()
    (5, 1024)

    The end of the block waits for all tasks. The first one that fails cancels the others, and is raised when they
    have ended: a process is killed, a coroutine cancelled. A thread can't be stopped: it is waited for, its result is
    dropped, and a note on the exception says so; a function that looks at :attr:`cancelled` may end earlier. If several
    fail, what is raised is an ``ExceptionGroup``. An error of the block itself cancels all tasks in the same way.

    Every task begins at once, on a worker of its own, so tasks may wait for each other. For many inputs use
    :func:`weft.map`.

    ``async with`` is the same without blocking the event loop; there ``on="async"`` is the loop itself, futures can be
    awaited, and a failure interrupts the block, too.

    Attributes:
        cancelled: Whether a task, or the block, has failed; for threads to look at.
    """

    def __init__(self) -> None:
        self.cancelled = False
        self._changed = Condition()
        self._calls: Dispatchers | None = None  # while the block is entered
        self._tasks: list[_Task] = []  # not over
        self._errors: list[BaseException] = []
        self._raised: list[BaseException] = []  # the same and those of tasks that had just been cancelled
        self._fates: list[str] = []  # of those that were stopped
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news: asyncio.Event | None = None
        self._block: asyncio.Task[Any] | None = None  # the task that is inside the block
        self._interrupted = False

    @overload
    def submit(
        self, fn: Callable[..., Awaitable[R]], /, *args: Any, on: Kind | Executor = "auto", **kwargs: Any
    ) -> Future[R]: ...
    @overload
    def submit(self, fn: Callable[..., R], /, *args: Any, on: Kind | Executor = "auto", **kwargs: Any) -> Future[R]: ...
    def submit(self, fn: Callable[..., Any], /, *args: Any, on: Kind | Executor = "auto", **kwargs: Any) -> Future[Any]:
        """Have a worker call ``fn(*args, **kwargs)``; as :func:`weft.submit`. Tasks may submit others.

        Raises:
            CancelledError: The group has been cancelled; what follows in the block is not wanted any more.
            RuntimeError: The block has not been entered, or has ended.
        """
        if not callable(fn):
            raise TypeError(f"the first argument must be something to call, not {fn!r}")
        kind = kind_of(fn, on)
        with self._changed:
            calls = self._calls
            if calls is None:
                raise RuntimeError("a task group takes tasks inside its block: `with weft.TaskGroup() as group:`")
            if self._was_cancelled():
                raise CancelledError("the task group has been cancelled, because a task of it has failed")
            task = _Task(self, kind if isinstance(kind, str) else "executor", name_of(fn))
            self._tasks.append(task)
        try:
            task.future = self._start(calls, task, kind, (fn, args, kwargs))
        except BaseException:
            with self._changed:
                self._tasks.remove(task)
            raise
        if self._was_cancelled():  # meanwhile
            calls.abort()
            if task.stop is not None:
                task.stop()
        task.future.add_done_callback(self._settled)
        return task.future

    def _start(
        self,
        calls: Dispatchers,
        task: _Task,
        kind: str | Executor,
        call: tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]],
    ) -> Future[Any]:
        fn, args, kwargs = call
        if not isinstance(kind, str):
            future: Future[Any] = kind.submit(fn, *args, **kwargs)
            task.stop = future.cancel
            return future
        if kind == "async" and self._loop is not None:
            future, task.stop = start_in(self._loop, task.watched(fn), args, kwargs)
            return future
        return calls.submit(kind, task.watched(fn), args, kwargs)

    # ── the block ─────────────────────────────────────────────────────────────────────────────────────────

    def __enter__(self) -> Self:
        self._enter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> bool:
        try:
            if error is not None:
                self._cancel()
            self._wait()
        except BaseException as interrupted:
            self._cancel()
            self._wait()
            if error is None:
                raise
            raise interrupted from error
        finally:
            self._leave()
        return self._end(error)

    async def __aenter__(self) -> Self:
        self._enter()
        self._loop, self._news = asyncio.get_running_loop(), asyncio.Event()
        self._block = asyncio.current_task()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> bool:
        block, self._block = self._block, None  # from here on nobody interrupts it
        left = 0 if block is None else block.uncancel() if self._interrupted else block.cancelling()
        if isinstance(error, asyncio.CancelledError) and not left and self._errors:
            error = None  # it was this group's doing
        if error is not None:
            self._cancel()
        cancelled = None
        while not self._is_over():
            try:
                await self._await()
            except asyncio.CancelledError as outside:  # of whoever waits for the block; it waits for its tasks
                cancelled = outside
                self._cancel()
        self._leave()
        if cancelled is not None and not self._errors:
            raise cancelled
        return self._end(error)

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a TaskGroup stays where it was made: a task in another process can't submit to it")

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    def _enter(self) -> None:
        with self._changed:
            if self._calls is not None or self.cancelled:
                raise RuntimeError("a task group is entered once; make another")
            self._calls = Dispatchers(MOST)

    def _leave(self) -> None:
        calls, self._calls = self._calls, None
        if calls is not None:
            calls.finish()

    def _was_cancelled(self) -> bool:
        return self.cancelled

    def _is_over(self) -> bool:
        with self._changed:
            self._tasks = [task for task in self._tasks if not task.over]
            return not self._tasks

    def _wait(self) -> None:
        with self._changed:
            while not self._is_over():
                self._changed.wait(LISTEN)

    async def _await(self) -> None:
        assert self._news is not None
        self._news.clear()
        if not self._is_over():
            await self._news.wait()

    def _look(self) -> None:
        """Something has ended: whoever waits for all looks again."""
        with self._changed:
            self._changed.notify_all()
        loop, news = self._loop, self._news
        if loop is not None and news is not None and not loop.is_closed():
            loop.call_soon_threadsafe(news.set)

    def _settled(self, future: Future[Any]) -> None:
        """A task has come to an end, in whatever thread."""
        error = None if future.cancelled() else future.exception(0)
        if error is not None and not (self.cancelled and isinstance(error, CancelledError | asyncio.CancelledError)):
            with self._changed:
                self._errors.append(error)
            self._cancel()
        self._look()

    def _cancel(self) -> None:
        """End all tasks, as far as their kinds can; waits for nothing."""
        with self._changed:
            if self.cancelled:
                return
            self.cancelled = True
            calls, running = self._calls, [task for task in self._tasks if not task.over]
            self._fates += [f"{task.name} ({_FATES.get(task.kind, task.kind)})" for task in running if _begun(task)]
        if calls is not None:
            calls.abort()
        for task in running:
            if task.stop is not None:
                task.stop()
        loop, block = self._loop, self._block
        if loop is not None and block is not None and self._errors:
            loop.call_soon_threadsafe(self._interrupt)

    def _interrupt(self) -> None:
        if self._block is not None:
            self._interrupted = True
            self._block.cancel()

    def _end(self, error: BaseException | None) -> bool:
        """Raise what there is to raise; whether the block's own *error* is thereby dealt with."""
        failed = list(self._errors)
        for late in self._raised:
            if not isinstance(late, CancelledError) and not any(late is other for other in failed):
                failed.append(late)
        if isinstance(error, CancelledError) and failed:  # the block has asked for a task that was cancelled
            error = None
        if error is not None and (not isinstance(error, Exception) or all(error is other for other in failed)):
            self._tell(error)
            return False
        if error is not None and not any(error is other for other in failed):
            failed.insert(0, error)
        if not failed:
            return False
        raised = failed[0] if len(failed) == 1 else BaseExceptionGroup(f"{len(failed)} tasks of a group failed", failed)
        self._tell(raised)
        try:
            if error is raised:
                return False
            raise raised
        finally:
            del raised, failed, error  # or the traceback keeps this frame and this frame the errors
            self._errors.clear()
            self._raised.clear()

    def _tell(self, error: BaseException) -> None:
        if self._fates:
            error.add_note(f"weft: the others of its task group were ended: {', '.join(self._fates)}")


def _begun(task: _Task) -> bool:
    return task.inside or (task.kind in {*_ELSEWHERE, "executor"} and task.future is not None and task.future.running())
