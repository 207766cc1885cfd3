"""weft.multiprocessing's Pool and ThreadPool: the standard library's methods, on weft's workers."""

from __future__ import annotations

import threading
import warnings
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn, TypeVar

from .._held import Held, Staff, in_groups, in_memory, usual
from .._model.asked import HasStartMethod
from .._model.options import START_METHODS, plain
from .._model.plan import Family
from .pool_results import AsyncResult, IMapIterator, MapResult

if TYPE_CHECKING:
    from typing import Self

    from .._schedule.feed import Feed

R = TypeVar("R")

RUN: Final = "RUN"
CLOSE: Final = "CLOSE"
TERMINATE: Final = "TERMINATE"

# What is in memory, so that reading it waits for nobody.
_IN_MEMORY: Final = (list, tuple, range, str, bytes, dict, set, frozenset)

_NUMBERS: Final = count(1)


class Pool:
    """A pool of worker processes: what ``multiprocessing.Pool`` is, on weft's workers.

    Args:
        processes: How many; by default the processors that this process may use.
        initializer: What each process calls first.
        initargs: With what arguments; locks, queues and pipes of :mod:`multiprocessing` may be among them.
        maxtasksperchild: How many calls, or chunks, a process runs before a new one takes its place.
        context: A context of :mod:`multiprocessing`: its start method is used. If its ``Process`` is a class of its
            own, workers are processes of that class, started by it, with what it asks for, such as a main guard.

    What is different: no main guard is needed, and functions that a process can't import go by value. A process that
    dies costs its own item two more tries, then that item fails with :class:`weft.WorkerDied`; nothing hangs. Items of
    :meth:`map` travel in chunks that adapt, where *chunksize* is left out.
    """

    _kind: ClassVar[str] = "process"
    _state = TERMINATE  # as long as there is no pool

    def __init__(
        self,
        processes: int | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: Iterable[Any] = (),
        maxtasksperchild: int | None = None,
        context: HasStartMethod | None = None,
    ) -> None:
        processes, maxtasksperchild = plain(processes), plain(maxtasksperchild)
        if processes is not None and processes < 1:
            raise ValueError("Number of processes must be at least 1")
        if maxtasksperchild is not None and not _is_positive(maxtasksperchild):
            raise ValueError("maxtasksperchild must be a positive int or None")
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        self._processes = processes or usual("process")
        name = f"{type(self).__name__}-{next(_NUMBERS)}"
        staff = Staff(
            self._kind,
            self._processes,
            name,
            f"{name}-Worker",
            initializer,
            tuple(initargs),
            start_method=_method_of(context),
            tasks=maxtasksperchild,
            prompt=self._kind == "process",
            leaves=True,
            family=Family.of(context, daemon=True),
        )
        self._held = Held(staff)
        self._state = RUN
        weakref.finalize(self, self._held.shut).atexit = False

    # ── one call ──────────────────────────────────────────────────────────────────────────────────────────

    def apply(self, func: Callable[..., R], args: Iterable[Any] = (), kwds: Mapping[str, Any] | None = None) -> R:
        """Call ``func(*args, **kwds)`` in a worker; what it gives."""
        return self.apply_async(func, args, kwds).get()

    def apply_async(
        self,
        func: Callable[..., R],
        args: Iterable[Any] = (),
        kwds: Mapping[str, Any] | None = None,
        callback: Callable[[R], object] | None = None,
        error_callback: Callable[[BaseException], object] | None = None,
    ) -> AsyncResult[R]:
        """The same without waiting for it."""
        self._check_running()
        future = self._held.submit(func, tuple(args), dict(kwds or {}))
        return AsyncResult(self, future, callback, error_callback)

    # ── many calls, all results ───────────────────────────────────────────────────────────────────────────

    def map(self, func: Callable[[Any], R], iterable: Iterable[Any], chunksize: int | None = None) -> list[R]:
        """Call *func* on every item; the list of results. If some fail, the first error is raised when all are done."""
        return self.map_async(func, iterable, chunksize).get()

    def starmap(
        self, func: Callable[..., R], iterable: Iterable[Iterable[Any]], chunksize: int | None = None
    ) -> list[R]:
        """The same with ``func(*item)``."""
        return self.starmap_async(func, iterable, chunksize).get()

    def map_async(
        self,
        func: Callable[[Any], R],
        iterable: Iterable[Any],
        chunksize: int | None = None,
        callback: Callable[[list[R]], object] | None = None,
        error_callback: Callable[[BaseException], object] | None = None,
    ) -> MapResult[R]:
        """:meth:`map` without waiting for it."""
        return self._map_async(func, in_memory(iterable), chunksize, callback, error_callback)

    def starmap_async(
        self,
        func: Callable[..., R],
        iterable: Iterable[Iterable[Any]],
        chunksize: int | None = None,
        callback: Callable[[list[R]], object] | None = None,
        error_callback: Callable[[BaseException], object] | None = None,
    ) -> MapResult[R]:
        """:meth:`starmap` without waiting for it."""
        return self._map_async(func, in_memory(iterable), chunksize, callback, error_callback, star=True)

    # ── many calls, one result after the other ────────────────────────────────────────────────────────────

    def imap(self, func: Callable[[Any], R], iterable: Iterable[Any], chunksize: int | None = None) -> IMapIterator[R]:
        """Call *func* on every item; an iterator over the results, in order.

        It begins at once and goes on by itself. The input is read not much faster than it is worked on, in a thread of
        its own, unless it is a list or the like. *chunksize* adapts if it is left out.
        """
        return self._imap(func, iterable, chunksize, ordered=True)

    def imap_unordered(
        self, func: Callable[[Any], R], iterable: Iterable[Any], chunksize: int | None = None
    ) -> IMapIterator[R]:
        """The same, results as they come."""
        return self._imap(func, iterable, chunksize, ordered=False)

    # ── its end ───────────────────────────────────────────────────────────────────────────────────────────

    def close(self) -> None:
        """Take nothing more; the workers leave when all is done."""
        if self._state == RUN:
            self._state = CLOSE
            self._held.shut()

    def terminate(self) -> None:
        """End the workers now, with whatever they are in the midst of."""
        self._state = TERMINATE
        self._held.stop()

    def join(self) -> None:
        """Wait until the workers have left; only after :meth:`close` or :meth:`terminate`."""
        if self._state == RUN:
            raise ValueError("Pool is still running")
        self._held.join()

    def __enter__(self) -> Self:
        self._check_running()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.terminate()

    def __del__(self) -> None:
        if self._state == RUN:
            warnings.warn(f"unclosed running multiprocessing pool {self!r}", ResourceWarning, source=self, stacklevel=2)

    def __reduce__(self) -> NoReturn:
        raise NotImplementedError("pool objects cannot be passed between processes or pickled")

    def __repr__(self) -> str:
        return f"<{type(self).__module__}.{type(self).__qualname__} state={self._state} pool_size={self._processes}>"

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    def _check_running(self) -> None:
        if self._state != RUN:
            raise ValueError("Pool not running")

    def _checked(self, chunksize: int | None) -> int | None:
        size = plain(chunksize)
        if size is not None and not isinstance(size, int):
            raise TypeError(f"chunksize must be a whole number, not {size!r}")
        if size is not None and size < 1:
            raise ValueError(f"Chunksize must be 1+, not {size:n}")
        return size

    def _feed(
        self, func: Callable[..., Any], items: Any, chunksize: int | None, *, star: bool = False, **how: Any
    ) -> Feed:
        self._check_running()
        chunksize = self._checked(chunksize)
        return self._held.feed(func, items, star=star, chunksize=chunksize, **how)

    def _map_async(
        self,
        func: Callable[..., R],
        items: Sequence[Any],
        chunksize: int | None,
        callback: Callable[[list[R]], object] | None,
        error_callback: Callable[[BaseException], object] | None,
        *,
        star: bool = False,
    ) -> MapResult[R]:
        feed = self._feed(func, items, chunksize, star=star, keeps=True)
        if not items:  # as the original has it: of nothing nobody is told
            callback = error_callback = None
        return MapResult(self, feed, callback, error_callback)

    def _imap(
        self, func: Callable[..., R], iterable: Iterable[Any], chunksize: int | None, *, ordered: bool
    ) -> IMapIterator[R]:
        if type(iterable) in _IN_MEMORY:
            return IMapIterator(self, self._feed(func, in_memory(iterable), chunksize, ordered=ordered))
        chunksize = self._checked(chunksize)
        feed = self._feed(func, (), chunksize, ordered=ordered, ended=False)
        groups = in_groups(iterable, chunksize or 1)
        threading.Thread(target=feed.read, args=(groups,), name=f"{self._held.staff.name}-imap", daemon=True).start()
        return IMapIterator(self, feed)


class ThreadPool(Pool):
    """A pool of threads: what ``multiprocessing.pool.ThreadPool`` is, on weft's workers.

    Args:
        processes: How many threads; by default as many as a :class:`Pool` has processes.
        initializer: What each thread calls first.
        initargs: With what arguments.
    """

    _kind: ClassVar[str] = "thread"

    def __init__(
        self,
        processes: int | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: Iterable[Any] = (),
    ) -> None:
        super().__init__(processes, initializer, initargs)


def _method_of(context: HasStartMethod | None) -> str | None:
    """How *context* starts processes; as if anew, where it has a way of its own."""
    method = None if context is None else context.get_start_method()
    return method if method is None or method in START_METHODS else "spawn"


def _is_positive(number: object) -> bool:
    return isinstance(number, int) and number > 0
