"""Coroutines that wait for their turn, in whatever event loops."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress

from .._model.interruption import uninterrupted
from .._model.locks import RLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


class Waiters:
    """A queue of coroutines, to be woken from any thread.

    Args:
        call: Called whenever one begins to wait; ``None`` if nobody need know.

    Attributes:
        queue: Them, in their order.
    """

    def __init__(self, call: Callable[[], None] | None = None) -> None:
        self._call = call
        self.queue: deque[asyncio.Future[None]] = deque()

    def __len__(self) -> int:
        return len(self.queue)

    def wake(self, count: int | None = None) -> None:
        """Wake the first *count*, or all."""
        woken = 0
        while self.queue and (count is None or woken < count):
            with suppress(IndexError, RuntimeError):  # another thread took it; its loop was closed
                waiter = self.queue.popleft()
                waiter.get_loop().call_soon_threadsafe(_settle, waiter, self)
                woken += 1

    def enter(self) -> asyncio.Future[None]:
        """A place in the queue; to be awaited by :meth:`wait`, once it is sure that there is something to wait for."""
        import asyncio

        waiter = asyncio.get_running_loop().create_future()
        self.queue.append(waiter)
        return waiter

    async def wait(self, waiter: asyncio.Future[None], timeout: float | None) -> None:
        """Wait to be woken, up to *timeout* seconds."""
        import asyncio

        if self._call is not None:
            self._call()
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await waiter

    def leave(self, waiter: asyncio.Future[None]) -> None:
        """Wait no more; who was woken and does not come wakes the next."""
        with suppress(ValueError):
            self.queue.remove(waiter)
            return
        if waiter.cancelled() or not waiter.done():
            self.wake(1)


def _settle(waiter: asyncio.Future[None], waiters: Waiters) -> None:
    if not waiter.done():
        waiter.set_result(None)


class Ear:
    """A thread that waits in place of coroutines, for what wakes only threads; there while there are some.

    Args:
        listen: Waits, for half a second at most.
        ready: How many of them it is worth waking.
        pass_on: Called when nobody waits here any more: what this thread was woken for is somebody else's.
    """

    LINGER = 0.5  # seconds that it stays for the next

    def __init__(self, listen: Callable[[], object], ready: Callable[[], int], pass_on: Callable[[], object]) -> None:
        self._listen, self._ready, self._pass_on = listen, ready, pass_on
        self.waiters = Waiters(self._wanted)
        self.renew()

    def renew(self) -> None:
        """This is a forked copy: there is no thread, and nobody waits."""
        self._news = threading.Event()
        self._lock = RLock()
        self._there = self._closed = False
        self.waiters = Waiters(self._wanted)

    def close(self) -> None:
        """Nobody will wait any more."""
        with self._lock:
            self._closed = True

    def _wanted(self) -> None:
        with uninterrupted, self._lock:
            self._news.set()
            if not self._there:
                self._there = True
                threading.Thread(target=self._live, name="weft-channel", daemon=True).start()

    def _live(self) -> None:
        pause = threading.Event()
        while True:
            self._news.wait(self.LINGER)
            with self._lock:
                if not self.waiters:
                    if not self._news.is_set():
                        self._there = False
                        return
                    self._news.clear()
                    if not self._closed:
                        self._pass_on()
                    continue
            self._listen()
            ready = self._ready()
            if ready:
                self.waiters.wake(ready)
                if self.waiters:  # the others wait until those have taken what there is
                    pause.wait(0.001)
