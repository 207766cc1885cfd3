"""An actor that lives in an event loop: its methods are coroutines there, one after the other."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from inspect import isawaitable, iscoroutine
from typing import Any, Final

from .._model.interruption import uninterrupted
from .._model.locks import RLock
from .._transport.sockets import Socket
from ..errors.died import WorkerDied
from .actor import Host

# How often who waits for the end looks whether the loop still runs: one that was stopped in between tells nobody.
LOOK: Final = 0.1  # seconds

CLOSED: Final = "it was closed"
KILLED: Final = "it was killed"
LOOP_ENDED: Final = "its event loop has ended"


class LoopHost:
    """An actor's life in an event loop.

    Args:
        loop: Which; it runs, or will.
        listener: Where callers of other processes connect.
        name: The actor's.
        future: Makes a future for a call that came from there.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, listener: Socket, name: str, future: Callable[[], Any]) -> None:
        self.loop = loop
        self._listener, self._name, self._future = listener, name, future
        self._lock = RLock()  # the garbage collector may come here from here
        self._backlog: deque[tuple[Any, str, Any, Any]] = deque()
        self._awake = self._ending = self._last = False
        self._status = ""  # how it has died, if it has
        self._done = threading.Event()
        self._door: Host | None = None
        self._task: asyncio.Task[None] | None = None
        self._current: Any = None  # the future of the call that is being done
        self._dropped: Any = None  # the same, once its call has been cancelled
        self._context = copy_context()
        self._bell: asyncio.Event

    def begin(self, make: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Make the object, in the loop, and be there for it."""
        self._make: Callable[[], Any] | None = lambda: make(*args, **kwargs)
        self._actor: Any = None
        self._fault: BaseException | None = None
        self._awake = True
        if asyncio._get_running_loop() is self.loop:  # noqa: SLF001  the public one raises where there is none
            self._open()  # now: a loop that ends cancels the tasks that it has, and no others
        else:
            self._order(self._open)

    # ── for callers, in whatever thread ───────────────────────────────────────────────────────────────────

    def call(
        self, future: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], *, late: bool = False
    ) -> bool:
        """Have a method called, and the *future* settled; whether there is still somebody to do it."""
        with uninterrupted:  # or it would be taken for awake, and sleep
            with self._lock:
                if self._ending and not late:
                    return False
                self._backlog.append((future, name, args, kwargs))
                asleep, self._awake = not self._awake, True
            if self._status:
                self._fail_all()
            elif asleep:
                self._order(self._ring)
        return True

    def cancel(self, future: Any) -> None:
        """Cancel that call, if it is the one that is being done."""
        self._order(self._cancel, future)

    def end(self) -> None:
        """End when everything is done that has come so far."""
        with uninterrupted:
            with self._lock:
                if self._ending:
                    return
                self._ending = True
            self._order(self._close_door)

    def kill(self) -> None:
        """End at once; what is not done fails."""
        with uninterrupted:
            with self._lock:
                self._ending, self._status = True, self._status or KILLED
            self._order(self._close_door)
            self._order(self._cancel, None)

    def join(self) -> None:
        """Wait for the end; not in the loop itself, which has to go on for that."""
        if asyncio._get_running_loop() is self.loop:  # noqa: SLF001
            return
        while not self._done.wait(LOOK):
            if not self.loop.is_running():
                self._die(LOOP_ENDED)

    # ── in the loop ───────────────────────────────────────────────────────────────────────────────────────

    def _order(self, what: Callable[..., object], *args: Any) -> None:
        try:
            self.loop.call_soon_threadsafe(what, *args, context=self._context)
        except RuntimeError:  # it is closed
            self._die(LOOP_ENDED)

    def _open(self) -> None:
        with suppress(NotImplementedError):  # a loop that does not watch descriptors: this process's calls alone
            self.loop.add_reader(self._listener.fileno(), self._open_door)
        self._bell = asyncio.Event()
        self._task = self.loop.create_task(self._serve(), name=self._name)
        self._task.add_done_callback(self._served)

    def _open_door(self) -> None:
        """Somebody comes from another process: a thread of its own sees to those."""
        self.loop.remove_reader(self._listener.fileno())
        self._door = Host(self._listener, self._name, lone=False)
        threading.Thread(target=self._attend, args=(self._door,), name=f"{self._name}-door", daemon=True).start()

    def _attend(self, door: Host) -> None:
        try:
            door.serve(_Outside, (self,), {})
        finally:
            self._order(self._last_call)

    def _close_door(self) -> None:
        if self._door is not None:  # what has come that way is done first
            self._door.end()
            return
        self._take_down()
        self._last_call()

    def _last_call(self) -> None:
        """Nobody calls any more: when there is nothing left to do it has ended."""
        self._door = None
        self._last = True
        self._ring()

    def _ring(self) -> None:
        self._bell.set()

    async def _serve(self) -> None:
        """Do what there is to do until nobody calls any more."""
        await self._be_made()
        while (call := await self._next()) is not None:
            await self._do(*call)
            del call

    def _served(self, task: asyncio.Task[None]) -> None:
        """That has ended, and may not even have begun."""
        self._task = None
        if task.cancelled() or not self._last or self._status:
            self._die(LOOP_ENDED)
        self._done.set()

    async def _next(self) -> tuple[Any, str, Any, Any] | None:
        while not self._status and not self._cancelled():  # a method may have kept that to itself
            self._bell.clear()
            with self._lock:
                if self._backlog:
                    return self._backlog.popleft()
                self._awake = False
            if self._last:
                return None
            await self._bell.wait()
        return None

    async def _be_made(self) -> None:
        make, self._make = self._make, None
        if make is None:
            return
        try:
            made = make()
            self._actor = await made if iscoroutine(made) else made
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except BaseException as error:  # noqa: BLE001  every call fails with it
            error.add_note("raised while the actor was made")
            self._fault = error

    async def _do(self, future: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        self._current = future
        try:
            if self._fault is not None:
                raise self._fault
            value = getattr(self._actor, name)(*args, **kwargs)
            future.set_result(await value if isawaitable(value) else value)
        except asyncio.CancelledError as error:
            dropped = self._dropped is future
            if dropped:
                future.drop()
            if self._cancelled() > dropped:  # all of it
                if not dropped:
                    future.set_exception(WorkerDied(self._name, self._status or LOOP_ENDED))
                raise
            if not dropped:  # the method's own
                future.set_exception(error)
        except BaseException as error:  # noqa: BLE001  it is the future's, whatever it is
            future.set_exception(error)
        finally:
            if self._dropped is future and self._task is not None:
                self._task.uncancel()
            self._current = self._dropped = None

    def _cancelled(self) -> int:
        """How often that was asked for."""
        return 0 if self._task is None else self._task.cancelling()

    def _cancel(self, future: Any) -> None:
        if self._task is not None and (future is None or self._current is future) and self._dropped is None:
            self._dropped = future
            self._task.cancel()

    def _die(self, status: str) -> None:
        """Nothing will be done any more."""
        with self._lock:
            self._status = self._status or status
        door = self._door
        if door is not None:
            door.end()
        else:
            self._take_down()
        self._fail_all()
        self._done.set()

    def _take_down(self) -> None:
        """Whoever connects from now on is refused."""
        if self._listener.fileno() >= 0:
            with suppress(RuntimeError, NotImplementedError):  # the loop is closed, or has not listened at all
                self.loop.remove_reader(self._listener.fileno())
            self._listener.close()

    def _fail_all(self) -> None:
        while self._backlog:
            with suppress(IndexError):  # another thread fails them too
                future, *_ = self._backlog.popleft()
                if future.set_running_or_notify_cancel():
                    future.set_exception(WorkerDied(self._name, self._status))


class _Outside:
    """The actor, as the thread calls it that sees to other processes."""

    def __init__(self, host: LoopHost) -> None:
        self._host = host

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def method(*args: Any, **kwargs: Any) -> Any:
            future = self._host._future()  # noqa: SLF001
            self._host.call(future, name, args, kwargs, late=True)
            return future.result()

        return method
