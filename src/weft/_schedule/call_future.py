"""The future of one call, by which whoever waits for it reads the workers' answers himself."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, InvalidStateError
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from .._model.chunk import Chunk
from .._model.interruption import interruptible
from .awaitable_future import AwaitableFuture

if TYPE_CHECKING:
    from .dispatcher import Dispatcher
    from .handing import Handing

NOTHING: Final = Chunk(0, 0, ())


class CallFuture(AwaitableFuture):
    """The future of one call. Whoever waits for it reads the workers' answers himself, his own and others'.

    Args:
        dispatcher: Reads them.
        chunk: What is to be done.

    Attributes:
        dispatcher: The same.
        chunk: The same.
        deaths: How many workers it was lost with.
        ahead: Whether a worker was sent it ahead of its turn, so that nobody knows whether it has begun.
        stays: Whether it is not to be sent ahead, as somebody wants to cancel it.
        settled: Whether there is nothing more to wait for.
    """

    def __init__(self, dispatcher: Dispatcher, chunk: Chunk) -> None:
        self._noticed: list[Any] = []
        super().__init__()
        self.dispatcher = dispatcher
        self.chunk = chunk
        self.deaths = 0
        self.settled = self.ahead = self.stays = False
        self._value: Any = NOTHING

    @property
    def _waiters(self) -> list[Any]:
        """Where ``wait`` and ``as_completed`` of the standard library enter what they wait by."""
        if not self.settled:
            self.dispatcher.attend()
        return self._noticed

    @_waiters.setter
    def _waiters(self, waiters: list[Any]) -> None:
        self._noticed = waiters

    def add_done_callback(self, fn: Callable[[Future[Any]], object]) -> None:
        """Have *fn* called when it is done; see :meth:`concurrent.futures.Future.add_done_callback`."""
        super().add_done_callback(fn)
        if not self.settled:
            self.dispatcher.attend()

    def result(self, timeout: float | None = None) -> Any:
        """What the call came to; see :meth:`concurrent.futures.Future.result`."""
        if not self.settled:
            timeout = self.dispatcher.serve(self, timeout)
        return super().result(timeout) if self._value is NOTHING else self._value

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """What it raised; see :meth:`concurrent.futures.Future.exception`."""
        if self._value is not NOTHING:
            return None
        return super().exception(timeout if self.settled else self.dispatcher.serve(self, timeout))

    def wait(self, timeout: float | None) -> bool:
        """Wait until it is done, up to *timeout* seconds; whether it is."""
        return self.settled or _waited(self, timeout)

    def cancel(self) -> bool:
        """Cancel it if it has not begun; see :meth:`concurrent.futures.Future.cancel`."""
        if not self.settled:
            self.dispatcher.keep_back(self)
        return super().cancel()

    def _invoke_callbacks(self) -> None:
        if self.settled:  # by whoever reads answers, who may hold what a callback waits for
            if self._done_callbacks:  # type: ignore[attr-defined]  # not in typeshed
                self.dispatcher.call_back(self)
            return
        self.settled = True  # it has been cancelled: callbacks may ask for it, and another thread wait for it
        self.dispatcher.notice()
        with interruptible:
            self.call_back()

    def call_back(self) -> None:
        """Call those who wanted to be called when it is done."""
        super()._invoke_callbacks()  # type: ignore[misc]  # not in typeshed

    def running(self) -> bool:
        """Whether it has begun and is not done; see :meth:`concurrent.futures.Future.running`."""
        return super().running() or (self.ahead and self.dispatcher.has_begun(self))

    def settle(self, value: object, error: BaseException | None) -> None:
        """This is what it came to."""
        self.settled = True
        self.chunk = NOTHING  # who keeps the future does not keep the arguments
        if error is None:
            self._value = value
            self.set_result(value)
        else:
            self.set_exception(error)

    def drop(self) -> None:
        """As of any."""
        self.settled, self.chunk = True, NOTHING
        super().drop()

    def sleep(self, seconds: float) -> None:
        """Wait until it is done, or somebody calls :meth:`rouse`."""
        with self._condition:
            if not self.done():
                self._condition.wait(seconds)

    def rouse(self) -> None:
        """End a :meth:`sleep`."""
        with self._condition:
            self._condition.notify_all()


class Waiters(list[Any]):
    """Where ``wait`` and ``as_completed`` of the standard library enter what they wait by, until they have waited.

    Attributes:
        dispatcher: Who is told.
    """

    __slots__ = ("dispatcher",)

    dispatcher: Handing

    def append(self, waiter: Any) -> None:
        """Somebody waits."""
        super().append(waiter)
        self.dispatcher.waits(waiter)

    def remove(self, waiter: Any) -> None:
        """And no longer."""
        super().remove(waiter)
        self.dispatcher.waited(waiter)


class HandedFuture(AwaitableFuture):
    """The future of a call that was handed to a worker, who settles it himself.

    Args:
        dispatcher: Who has handed it over.
        item: The call; kept until a worker begins with it.

    Attributes:
        dispatcher: The same.
    """

    def __init__(self, dispatcher: Handing, item: Any) -> None:
        super().__init__()
        self._waiters = waiters = Waiters()
        waiters.dispatcher = self.dispatcher = dispatcher
        self._item = item

    def result(self, timeout: float | None = None) -> Any:
        """What the call came to; see :meth:`concurrent.futures.Future.result`."""
        if timeout is None and self._state == "PENDING":
            self._make_here()
        return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """What it raised; see :meth:`concurrent.futures.Future.exception`."""
        if timeout is None and self._state == "PENDING":
            self._make_here()
        return super().exception(timeout)

    def begin(self) -> bool:
        """A worker begins; whether it is to do so. May be asked twice of one."""
        with self._condition:
            self._item = None
            if self._state == "PENDING":
                self._state = "RUNNING"
                return True
            if self._state in {"RUNNING", "FINISHED"}:  # another has
                return False
            if self._state == "CANCELLED":
                self._state = "CANCELLED_AND_NOTIFIED"
                for waiter in self._waiters:
                    waiter.add_cancelled(self)
        self.dispatcher.done(self)
        return False

    def settle(self, value: object, error: BaseException | None) -> None:
        """This is what it came to."""
        try:
            if error is None:
                self.set_result(value)
            else:
                self.set_exception(error)
        except InvalidStateError:  # it has been dropped meanwhile
            pass
        except BaseException as raised:  # noqa: BLE001  a callback's, which would end the worker's thread unseen
            log_raised(self, raised)
        finally:
            self.dispatcher.done(self)

    def refuse(self, error: BaseException) -> None:
        """The worker is unfit for any call."""
        self.dispatcher.broke(error)
        self.settle(None, error)

    def wait(self, timeout: float | None) -> bool:
        """Wait until it is done, up to *timeout* seconds; whether it is."""
        return self._state == "FINISHED" or _waited(self, timeout)

    def _make_here(self) -> None:
        """If it is one of the workers that waits for this call, all of them may be waiting so: it makes it itself."""
        item, worker = self._item, self.dispatcher.here()
        if item is not None and worker is not None:
            self.dispatcher.make(item, self, worker)

    def drop(self) -> None:
        """As of any."""
        self._item = None
        super().drop()

    def call_off(self) -> None:
        """Cancel it, if it has not begun."""
        if self.cancel():
            self.begin()


def log_raised(future: Future[Any], error: BaseException) -> None:
    """Say what a callback has raised, as the standard library does with all that it catches."""
    logging.getLogger("concurrent.futures").error("exception calling callback for %r", future, exc_info=error)


def _waited(future: Future[Any], timeout: float | None) -> bool:
    ending = None if timeout is None else monotonic() + timeout
    try:
        future.exception(timeout)
    except CancelledError:
        pass
    except TimeoutError:
        if ending is None or monotonic() < ending:  # a signal handler's
            raise
    return future.done()
