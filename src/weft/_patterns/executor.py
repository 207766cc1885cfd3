"""What weft's executors have in common: the standard library's methods, on workers that are theirs until the end."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from itertools import count, islice, repeat
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Final, ParamSpec, TypeVar

from .._held import Held, Staff, drawn_one_by_one, in_memory, sent_in_chunks, usual
from .._model.options import check, plain
from .._model.outcome import Failure
from ..errors import BadOption

if TYPE_CHECKING:
    from .._schedule.drawn import Drawn
    from .._schedule.feed import Feed

P = ParamSpec("P")
R = TypeVar("R")

_NUMBERS: Final = count()


class HeldExecutor(Executor):
    """The base of weft's executors, each of one kind of worker."""

    _kind: ClassVar[str]

    def __init__(self, max_workers: int | None, initializer: object, initargs: object, **staff: Any) -> None:
        self._require()
        max_workers = int(max_workers) if isinstance(max_workers, bool) else plain(max_workers)
        if max_workers is not None and max_workers <= 0:
            raise BadOption("max_workers", max_workers, "greater than 0")
        check("max_workers", max_workers)
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        name = f"{type(self).__name__}-{next(_NUMBERS)}"
        room = staff.pop("usual", 0)
        self._max_workers = max_workers or room or usual(self._kind)
        self._rooted = initializer is not None  # functions sent by value share their globals with it
        self._held = Held(
            Staff(
                self._kind,
                staff.pop("workers", self._max_workers),
                name,
                staff.pop("prefix", None) or name,
                initializer,
                tuple(initargs),  # type: ignore[arg-type]  # what is not iterable says so
                **staff,
            )
        )
        self._let_go = weakref.finalize(self, self._held.shut)  # whoever drops it has nothing more to give it
        self._let_go.atexit = False

    def _require(self) -> None:
        """Say if there can be no such workers here."""

    @property
    def _broken(self) -> bool | str:
        """As the standard library's have it, which other libraries look at."""
        broken = self._held.broken
        return str(broken) if broken is not None else False

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Have a worker call ``fn(*args, **kwargs)``; see :meth:`concurrent.futures.Executor.submit`."""
        return self._held.submit(fn, args, kwargs)

    def map(
        self,
        fn: Callable[..., R],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int | None = None,
        buffersize: int | None = None,
    ) -> Iterator[R]:
        """Call *fn* on every item; an iterator over the results, in order. It begins at once.

        Args:
            fn: What to call, with one argument from each iterable.
            *iterables: The inputs, read to the end before this returns, if there is no *buffersize*.
            timeout: Seconds from now until which a result is waited for.
            chunksize: How many items travel together to a process, or to Ray. Default: adapts, so that a chunk takes
                about 8 ms, in time 40, or 50 on Ray; one by one where there is a *timeout*. Threads and coroutines
                take items one by one.
            buffersize: The most items that are read whose results have not been taken.

        Of a subclass that has a ``submit`` of its own, each item goes through that, as with the standard library's.

        Raises:
            TimeoutError: While iterating: a result was not there in time.
        """
        if buffersize is None and getattr(self.submit, "__func__", None) is not HeldExecutor.submit:
            return super().map(fn, *iterables, timeout=timeout)  # item by item, by the submit of whoever has his own
        if chunksize is not None and sent_in_chunks(self._kind):
            chunksize = plain(chunksize)
            if not isinstance(chunksize, int) or chunksize < 1:
                raise ValueError(f"chunksize must be a whole number >= 1, not {chunksize!r}")
        if buffersize is not None and not isinstance(buffersize, int):
            raise TypeError("buffersize must be an integer or None")
        if buffersize is not None and buffersize < 1:
            raise ValueError("buffersize must be None or > 0")
        ending = None if timeout is None else monotonic() + timeout
        if not sent_in_chunks(self._kind) or (timeout is not None and chunksize is None):
            chunksize = 1
        star = len(iterables) != 1
        given: Iterable[Any] = zip(*iterables, strict=False) if star else iterables[0]
        items = iter(given)
        first = in_memory(given) if buffersize is None else list(islice(items, buffersize))
        ended = buffersize is None or len(first) < buffersize
        feed: Feed | Drawn
        if drawn_one_by_one(self._kind):
            feed = self._held.draw(fn, first, star=star, ended=ended)
        else:
            how = {"chunksize": chunksize, "ahead": timeout is None, "awaited": ended}
            feed = self._held.feed(fn, first, star=star, ended=ended, **how)
        results = _results(feed, None if ended else items, ending)
        if not ended:
            weakref.finalize(results, feed.drop).atexit = False
        return results

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002  its signature
        """Take no more calls; see :meth:`concurrent.futures.Executor.shutdown`."""
        self._held.shut()
        if cancel_futures:
            self._held.cancel()
        if wait:
            self._held.join()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        """Wait for all calls; after Ctrl-C end them, as far as their workers can be."""
        if isinstance(error, KeyboardInterrupt):  # which workers do not hear
            self._held.stop()
        self.shutdown()


# That is what asyncio's set_default_executor() and others ask of an executor; nothing of it is used but its name.
class NamedExecutor(HeldExecutor, ThreadPoolExecutor):  # type: ignore[misc]  # _broken is asked, and not set
    """The base of those whose workers live in threads of this process, which have names."""

    def __init__(
        self,
        max_workers: int | None = None,
        thread_name_prefix: str = "",
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        super().__init__(max_workers, initializer, initargs, prefix=thread_name_prefix)


def _results(feed: Feed | Drawn, items: Iterator[Any] | None, ending: float | None) -> Iterator[Any]:
    """The results, one by one; leaving them cancels what has not begun."""
    try:
        while (batch := feed.take(None if ending is None else ending - monotonic())) is not None:
            batch.reverse()
            if items is None and not feed.failed:  # nothing to look at: no statement of ours for an item
                yield from map(list.pop, repeat(batch, len(batch)))
            while batch:
                if items is not None:
                    more = list(islice(items, 1))
                    if more:
                        feed.grow(more)
                    else:
                        feed.end()
                        items = None
                if isinstance(batch[-1], Failure):
                    _raise(batch[-1].error)
                yield batch.pop()
    finally:
        feed.abandon()


def _raise(error: BaseException) -> None:
    try:
        raise error
    finally:
        del error  # or the traceback keeps this frame and this frame the error
