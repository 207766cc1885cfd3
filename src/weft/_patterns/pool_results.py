"""What a pool's methods give back at once: results that will be there later."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from .._held import unpacked
from .._model.locks import Lock
from .._model.outcome import Failure
from ..errors import NotSendable, WorkerTraceback

if TYPE_CHECKING:
    from .._schedule.call_future import CallFuture, HandedFuture
    from .._schedule.feed import Feed

R = TypeVar("R")


class AsyncResult(Generic[R]):
    """The result of :meth:`Pool.apply_async`, as ``multiprocessing.pool.AsyncResult`` is.

    Args:
        pool: The pool, which is kept as long as there is something to wait for.
        goal: What is waited for.
        callback: Called with the result.
        error_callback: Called with the error.
    """

    def __init__(
        self,
        pool: object,
        goal: CallFuture | HandedFuture,
        callback: Callable[[R], object] | None,
        error_callback: Callable[[BaseException], object] | None,
    ) -> None:
        self._pool: object = pool
        self._goal: CallFuture | HandedFuture = goal
        self._ended = goal
        self._promise: CallFuture | None = None
        self._callback, self._error_callback = callback, error_callback
        if callback is not None or error_callback is not None:
            self._goal = self._promise = goal.dispatcher.promise()  # it is ready when they have been called
            goal.add_done_callback(self._call_back)

    def ready(self) -> bool:
        """Whether it is there."""
        return self._goal.done()

    def successful(self) -> bool:
        """Whether it is there, and no error.

        Raises:
            ValueError: It is not there yet.
        """
        if not self.ready():
            raise ValueError(f"{self!r} not ready")
        return self._error() is None

    def wait(self, timeout: float | None = None) -> None:
        """Wait until it is there, up to *timeout* seconds."""
        self._waited(timeout)

    def get(self, timeout: float | None = None) -> R:
        """The result, or the error, raised.

        Raises:
            multiprocessing.TimeoutError: It is not there within *timeout* seconds.
        """
        if not self._waited(timeout):
            raise multiprocessing.TimeoutError
        error = self._error()
        if error is not None:
            raise_as_pools_do(error)
        return self._value()

    def _waited(self, timeout: float | None) -> bool:
        if not self._goal.wait(timeout):
            return False
        self._pool = None
        return True

    def _error(self) -> BaseException | None:
        try:
            return self._ended.exception()
        except CancelledError as cancelled:
            return cancelled

    def _value(self) -> R:
        value: R = self._ended.result()
        return value

    def _call_back(self, _: object) -> None:
        try:
            error = self._error()
            if error is None and self._callback is not None:
                self._callback(self._value())
            elif error is not None and self._error_callback is not None:
                self._error_callback(as_pools_have_it(error))
        finally:
            if self._promise is not None:
                self._ended.dispatcher.keep(self._promise)


class MapResult(AsyncResult[list[R]]):
    """The result of :meth:`Pool.map_async`: all of them, or the first error, when all have been tried.

    Args:
        pool: The pool.
        feed: What they come from.
        callback: Called with the list.
        error_callback: Called with the first error.
    """

    def __init__(
        self,
        pool: object,
        feed: Feed,
        callback: Callable[[list[R]], object] | None,
        error_callback: Callable[[BaseException], object] | None,
    ) -> None:
        self._feed = feed
        super().__init__(pool, feed.over, callback, error_callback)

    def _error(self) -> BaseException | None:
        if self._feed.error is not None:
            return self._feed.error
        failed = self._feed.first_failure
        return None if failed is None else unpacked(failed.error, failed.item)

    def _value(self) -> list[R]:
        return self._feed.results


class IMapIterator(Iterator[R]):
    """The results of :meth:`Pool.imap`, one by one; an item that failed raises, and the next one goes on.

    Args:
        pool: The pool.
        feed: What they come from.
    """

    def __init__(self, pool: object, feed: Feed) -> None:
        self._pool: object = pool
        self._feed = feed
        self._batch: list[Any] = []  # the next one last
        self._lock = Lock()
        self._over = False

    def __iter__(self) -> IMapIterator[R]:
        return self

    def next(self, timeout: float | None = None) -> R:
        """The next result.

        Raises:
            StopIteration: There are no more.
            multiprocessing.TimeoutError: It is not there within *timeout* seconds.
        """
        with self._lock:
            if not self._batch:
                self._refill(timeout)
            value = self._batch.pop()
        if isinstance(value, Failure):
            raise_as_pools_do(unpacked(value.error, value.item))
        result: R = value
        return result

    __next__ = next  # noqa: A003  its own

    def _refill(self, timeout: float | None) -> None:
        if self._over:
            raise StopIteration
        try:
            batch = self._feed.take(timeout)
        except BaseException as error:
            if self._feed.error is None:
                if isinstance(error, TimeoutError):
                    raise multiprocessing.TimeoutError from None
                raise  # Ctrl-C
            self._over, self._pool = True, None
            raise_as_pools_do(error)
        if batch is None:
            self._over, self._pool = True, None
            raise StopIteration
        batch.reverse()
        self._batch = batch


def as_pools_have_it(error: BaseException) -> BaseException:
    """The *error* as the standard library's pools say it.

    They have errors of their own for a result that can't be pickled, and for where an error was raised.
    """
    if isinstance(error, NotSendable) and "result" in error.what:
        from multiprocessing.pool import MaybeEncodingError  # type: ignore[attr-defined]  # typeshed leaves it out

        told: BaseException = MaybeEncodingError(error, error.culprit)
        told.__cause__ = error
        return told
    place = error.__cause__
    if isinstance(place, WorkerTraceback) and place.text:  # and no frames, as it comes from another process
        from multiprocessing.pool import RemoteTraceback  # type: ignore[attr-defined]  # as above

        BaseException.__setattr__(error, "__cause__", RemoteTraceback(f"\n{place}\n"))  # some let nobody set any
    return error


def raise_as_pools_do(error: BaseException) -> NoReturn:
    """Raise it."""
    try:
        raise as_pools_have_it(error)
    finally:
        del error  # or the traceback keeps this frame and this frame the error
