"""The stairwell of actors: where each lives, who may call it, and what happens when it dies."""

from __future__ import annotations

import multiprocessing.reduction  # noqa: F401  with it a listening socket can be handed to a process
import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future
from contextlib import suppress
from typing import Any, Final
from weakref import WeakSet, WeakValueDictionary, finalize

from ._held import Held, Staff
from ._model.copies import at_fork
from ._model.locks import Lock
from ._schedule.awaitable_future import AwaitableFuture
from ._schedule.dispatcher import Dispatcher
from ._transport.sockets import Socket
from ._workers.actor import Host, adopt, live
from ._workers.interrupts import ends_interrupted
from ._workers.post import Post
from .errors import check_limits

AN_ACTOR: Final = "an actor"

BACKLOG: Final = 1024  # callers that may wait to be let in

# How long whoever has lost the connection waits to hear how the actor ended.
OBITUARY: Final = 2.0  # seconds


class Maker:
    """How the object of an actor is made: once, and again when it has died."""

    def __init__(self, make: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], name: str) -> None:
        self.make, self.args, self.kwargs, self.name = make, args, kwargs, name


class Remote:
    """An actor as another process sees it.

    Args:
        address: Where it listens.
        name: Its name.
    """

    def __init__(self, address: str, name: str, fate: Callable[[], str] | None = None) -> None:
        self.address, self.name = address, name
        self._post = Post(address, name, *([fate] if fate is not None else []))
        crew: Any = self._post  # as much of one as is asked for
        self._dispatcher = Dispatcher(crew, f"{name}-answers", idle=None, forgives=0)
        self._let_go = finalize(self, self._dispatcher.shut)
        self._let_go.atexit = False

    def call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Future[Any]:
        """Have a method called."""
        future = self._dispatcher.submit((name, args, kwargs))
        if future is None:
            raise _over(self.name)
        return future

    def finish(self) -> None:
        """Have the actor end after what it has been sent."""
        with self._dispatcher.lock:
            self._post.finish()

    def close(self) -> None:
        """Wait for the answers, and let go."""
        self._dispatcher.finish()


class InProcess:
    """An actor in a process of its own.

    Args:
        maker: How it is made.
        restarts: How often it is made again when its process dies.
        start_method: How the process is started.
    """

    def __init__(self, maker: Maker, restarts: int, start_method: str | None) -> None:
        self._maker, self._restarts = maker, restarts
        self.address = f"\0weft-actor-{os.urandom(8).hex()}"
        self._listener = _listening(self.address)
        self._held = Held(
            Staff("process", 1, maker.name, maker.name, adopt, (self._listener,), start_method, forgives=0)
        )
        self._changing = Lock()
        self._over = False
        self._died, self._status = threading.Event(), "its process is gone"
        try:
            self._begin()
            self._remote = Remote(self.address, maker.name, self._how_it_ended)
        except BaseException as error:
            self._over = True
            self._held.stop()
            self._held.join()
            self._listener.close()
            check_limits(error, AN_ACTOR)
            raise
        self.call = self._remote.call
        _TO_CLOSE.add(self)

    def forked(self) -> None:
        """In a copy of the process: who calls it does not come here, unless the copy is to be its next process."""
        if not self._held.hires_here:
            self._listener.close()

    def close(self) -> None:
        """Wait until it has done what it was sent, and end it."""
        if self not in _TO_CLOSE:  # it has been, or this is a copy of its process
            return
        _TO_CLOSE.discard(self)
        self._over = True
        self._remote.finish()
        self._held.shut()
        self._remote.close()
        self._held.join()
        self._listener.close()

    def kill(self) -> None:
        """End it at once: what it was sent and has not done fails."""
        _TO_CLOSE.discard(self)
        self._over = True
        self._held.stop()
        self._held.join()
        self._listener.close()
        self._remote.close()

    abandon = kill

    def _begin(self) -> None:
        maker = self._maker
        self._life = self._held.submit(live, (maker.make, maker.args, maker.kwargs, maker.name), {})
        self._life.add_done_callback(self._ended)

    def _ended(self, life: Future[Any]) -> None:
        """Its process has ended, in whatever thread that is heard."""
        error = None if life.cancelled() else life.exception(0)
        if not isinstance(error, BrokenExecutor) or self._over:
            return
        self._status = getattr(error, "status", self._status)
        self._died.set()
        with self._changing:
            again = self._restarts > 0
            self._restarts -= 1
        if again:
            with suppress(RuntimeError, BrokenExecutor, OSError):  # it has been closed meanwhile, or can't live at all
                self._begin()
                return
        self._listener.close()  # who calls now hears that it is dead

    def _how_it_ended(self) -> str:
        if not self._died.is_set() and self._over:
            return "it was closed"
        self._died.wait(OBITUARY)
        return self._status


class InThread:
    """An actor in a thread of this process; other processes may call it as well.

    Args:
        maker: How it is made.
    """

    def __init__(self, maker: Maker) -> None:
        self._name = maker.name
        self.address = f"\0weft-actor-{os.urandom(8).hex()}"
        self._listener = Socket(fileno=_listening(self.address).detach())
        self._host = Host(self._listener, maker.name, lone=False)
        make = (maker.make, maker.args, maker.kwargs)
        self._thread = threading.Thread(target=self._host.serve, args=make, name=maker.name, daemon=True)
        self._thread.start()
        HERE[self.address] = self
        _TO_CLOSE.add(self)

    def forked(self) -> None:
        """In a copy of the process: its thread is not here; who calls it does not come here."""
        self._listener.close()

    def call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Future[Any]:
        """Have a method called."""
        future = AwaitableFuture()
        if not self._host.call(future, name, args, kwargs):
            raise _over(self._name)
        return future

    def close(self) -> None:
        """Wait until it has done what it was sent, and end it."""
        if self not in _TO_CLOSE:  # it has been, or this is a copy of its process
            return
        _TO_CLOSE.discard(self)
        self._host.end()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    kill = close

    def abandon(self) -> None:
        """Have it end, and wait for nothing."""
        _TO_CLOSE.discard(self)
        self._host.end()


class InLoop:
    """An actor in an event loop: that which runs where it is made, else weft's own, in a thread.

    Args:
        maker: How it is made.
    """

    def __init__(self, maker: Maker) -> None:
        from asyncio import _get_running_loop

        from ._workers.actor_loop import LoopHost
        from ._workers.loop import BACKGROUND

        self._name = maker.name
        self.address = f"\0weft-actor-{os.urandom(8).hex()}"
        self._listener = Socket(fileno=_listening(self.address).detach())
        loop = _get_running_loop() or BACKGROUND.get()
        self._host = LoopHost(loop, self._listener, maker.name, AwaitableFuture)
        self._host.begin(maker.make, maker.args, maker.kwargs)
        HERE[self.address] = self
        _TO_CLOSE.add(self)

    def forked(self) -> None:
        """In a copy of the process: its loop is not here; who calls it does not come here."""
        self._listener.close()

    def call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Future[Any]:
        """Have a method called."""
        future = LoopFuture(self._host)
        if not self._host.call(future, name, args, kwargs):
            raise _over(self._name)
        return future

    def close(self) -> None:
        """Have it end when it has done what it was sent, and wait for that, if this is not its own loop."""
        if self not in _TO_CLOSE:  # it has been, or this is a copy of its process
            return
        _TO_CLOSE.discard(self)
        self._host.end()
        self._host.join()

    def kill(self) -> None:
        """Cancel what it is doing: that and the rest of what it was sent fails."""
        self.abandon()
        self._host.join()

    def abandon(self) -> None:
        """The same, without waiting until it has been cancelled."""
        _TO_CLOSE.discard(self)
        self._host.kill()


class LoopFuture(AwaitableFuture):
    """What a call in an event loop comes to. Cancelling it cancels the coroutine, when that has begun.

    Args:
        host: Where it is done.
    """

    def __init__(self, host: Any) -> None:
        super().__init__()
        self._host = host

    def cancel(self) -> bool:
        """Cancel the call; one that has begun ends as soon as its coroutine lets it."""
        if super().cancel():
            return True
        if self.done():
            return False
        self._host.cancel(self)
        return True

    def result(self, timeout: float | None = None) -> Any:
        """As of any future; in the loop that it would wait for it is awaited instead."""
        self._must_not_wait()
        return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """As of any future."""
        self._must_not_wait()
        return super().exception(timeout)

    def _must_not_wait(self) -> None:
        from asyncio import _get_running_loop

        if not self.done() and _get_running_loop() is self._host.loop:
            raise RuntimeError("this call is done in the event loop that would wait for it: await it")


class InCaller:
    """An actor that is nowhere else: a call is done when it has been made.

    Args:
        maker: How it is made.
    """

    address = None

    def __init__(self, maker: Maker) -> None:
        self._actor = maker.make(*maker.args, **maker.kwargs)
        self._name, self._lock, self._over = maker.name, threading.RLock(), False

    def call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Future[Any]:
        """Call a method."""
        if self._over:
            raise _over(self._name)
        future = AwaitableFuture()
        future.set_running_or_notify_cancel()
        try:
            with self._lock:
                future.set_result(getattr(self._actor, name)(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  it is the future's, whatever it is
            future.set_exception(error)
        return future

    def close(self) -> None:
        """Take no more calls."""
        self._over = True

    kill = abandon = close


def remote(address: str, name: str) -> Any:
    """The actor that listens there, as this process calls it."""
    with _MEETING:
        here = HERE.get(address)
        if here is None:
            here = HERE[address] = Remote(address, name)
        return here


def _listening(address: str) -> socket.socket:
    try:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    except OSError as error:
        check_limits(error, AN_ACTOR)
        raise
    listener.bind(address)
    listener.listen(BACKLOG)
    return listener


def _over(name: str) -> RuntimeError:
    return RuntimeError(f"{name} has been closed: it takes no more calls")


def _close_all() -> None:
    hurried = ends_interrupted()
    for actor in list(_TO_CLOSE):
        with suppress(Exception):  # the others are to be closed as well
            actor.abandon() if hurried else actor.close()


def _forked() -> None:
    """In a copy of this process: the threads are gone that have looked after all this."""
    for actor in _TO_CLOSE:
        actor.forked()
    HERE.clear()
    _TO_CLOSE.clear()


_MEETING = Lock()
HERE: Final[WeakValueDictionary[str, Any]] = WeakValueDictionary()
_TO_CLOSE: Final[WeakSet[Any]] = WeakSet()
threading._register_atexit(_close_all)  # type: ignore[attr-defined]  # noqa: SLF001  after _held's, so before it
at_fork(after_in_child=_forked)
