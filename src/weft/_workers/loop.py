"""Coroutines: in the caller's event loop if it has one, else in a loop of weft's own in a thread."""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections import deque
from collections.abc import Awaitable, Coroutine, Sequence
from contextvars import copy_context
from functools import partial
from inspect import isawaitable
from itertools import count
from typing import Any, Final

from .._model.chunk import Call, Chunk
from .._model.current import AT_WORK, AtCall
from .._model.interruption import uninterrupted
from .._model.locks import Lock
from .._model.outcome import NO_FAULTS, Arrival, Began, Fault, Lost, Returned
from .awaited import run_chunk_async, run_chunk_beside
from .beside import make_beside
from .functions import is_coroutine_function, is_plain_function
from .inbox import Inbox
from .sealed import seal

# How long a caller that leaves waits for coroutines to clean up after they were cancelled.
GRACE: Final = 1.0  # seconds


class BackgroundLoops:
    """Event loops in daemon threads, started when needed and shared by all runs of the process: as a rule one.

    A coroutine that waits in its thread for a run holds up its loop meanwhile; the run has the next one.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._loops: list[tuple[asyncio.AbstractEventLoop, threading.Thread]] = []

    def get(self) -> asyncio.AbstractEventLoop:
        """A loop, running: the first, or for a coroutine of one of them the next."""
        with uninterrupted, self._lock:
            threads = [thread for _, thread in self._loops]
            here = threading.current_thread()
            place = threads.index(here) + 1 if here in threads else 0
            if place < len(threads) and not threads[place].is_alive():
                del self._loops[place:]
            if place == len(self._loops):
                loop = asyncio.new_event_loop()
                thread = threading.Thread(target=self._live, args=(loop,), name="weft-loop", daemon=True)
                thread.start()
                self._loops.append((loop, thread))
                atexit.register(self.stop)
            return self._loops[place][0]

    def stop(self) -> None:
        """End the loops and their threads; the next :meth:`get` starts others."""
        with self._lock:
            loops, self._loops = self._loops, []
        atexit.unregister(self.stop)
        for loop, thread in reversed(loops):
            if thread.is_alive():
                loop.call_soon_threadsafe(loop.stop)
                thread.join(GRACE)

    @staticmethod
    def _live(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
            cancel_all(loop)
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
            cancel_all(loop)  # others may have ordered more meanwhile
        finally:
            asyncio.set_event_loop(None)
            loop.close()


def cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel all tasks of a *loop* that does not run, also those that come to be while it is run for that."""
    while tasks := asyncio.all_tasks(loop):
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))


BACKGROUND: Final = BackgroundLoops()


class LoopCrew:
    """A task for each chunk.

    A function that turns out not to give awaitables is called in threads, so that it does not block the loop.

    Args:
        call: What to run.
        workers: How many chunks at once.
        loop: The caller's own running loop; ``None`` for weft's.
    """

    prefetches = False
    tells = keeps = False
    follows = True
    lends = 0.0
    together = 1
    held = 0

    def __init__(self, call: Call, workers: int, loop: asyncio.AbstractEventLoop | None) -> None:
        self.width = workers
        self._call = call
        self._inbox = Inbox()
        self._own = loop is None
        self._loop = loop or BACKGROUND.get()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._names = count(1)
        self._free: list[str] = []
        self._plain: bool | None = None  # whether the function must not be called in the loop; the first call tells
        if is_coroutine_function(call.fn):
            self._plain = False
        elif is_plain_function(call.fn):
            self._plain = True
        self._orders: deque[Chunk] = deque()  # from the caller's thread, for the loop's
        self._ordered = False
        self._news: list[Arrival] = []
        self._closing = False

    def send(self, chunk: Chunk) -> None:
        """Start a task for the chunk, or a thread for a call that would block the loop anyway."""
        if self._call.alone and is_plain_function(chunk.items[0][1]) and self._call_beside(chunk):
            return
        if not self._own:
            self._start(chunk)
            return
        self._order(chunk)

    def _order(self, chunk: Chunk) -> None:
        self._orders.append(chunk)
        if not self._ordered:  # else the loop has been called and will find this one too
            self._ordered = True
            self._loop.call_soon_threadsafe(self._start_all)

    def poll(self, timeout: float | None) -> Sequence[Arrival]:
        """What the tasks have left."""
        return self._inbox.poll(timeout)

    async def apoll(self, timeout: float | None) -> Sequence[Arrival]:
        """The same for an event loop."""
        return await self._inbox.apoll(timeout)

    def kill(self, chunk: int) -> tuple[str, bool]:
        """Cancel the chunk's task."""
        task = self._tasks.get(chunk)
        if task is None:
            return "a coroutine", False
        if self._own:
            self._loop.call_soon_threadsafe(task.cancel)
        else:
            task.cancel()
        return task.get_name(), True

    def resize(self, workers: int) -> None:
        """Have so many at once from now on."""
        self.width = workers

    def here(self) -> bool:
        """Whether this is the thread that runs the coroutines: one that waits in it holds up all others."""
        return asyncio._get_running_loop() is self._loop  # noqa: SLF001  the public one raises where there is none

    def wake(self) -> None:
        """End the wait of a poll."""
        self._inbox.put(None)

    def close(self) -> None:
        """Cancel what runs; in weft's own loop, wait a moment for it to clean up."""
        self._closing = True
        if not self._own:
            self._cancel()
        elif self._loop.is_running():
            done = asyncio.run_coroutine_threadsafe(self._settle(), self._loop)
            try:
                done.result(GRACE)
            except TimeoutError:
                done.cancel()
        self._inbox.close()

    async def aclose(self) -> None:
        """Cancel what runs and let it clean up."""
        self._closing = True
        await self._settle()
        self._inbox.close()

    def _call_beside(self, chunk: Chunk) -> bool:
        """Make a single call in a thread, without a detour by the loop; whether there is one."""
        try:
            make_beside(partial(self._call_here, chunk))
        except RuntimeError:
            return False
        return True

    def _call_here(self, chunk: Chunk) -> None:
        name = self._name()
        context, fn, args, kwargs = chunk.items[0]
        at_work = AtCall("async", name, args, 0)
        try:
            context.run(AT_WORK.set, at_work)
            value, faults = context.run(fn, *args, **kwargs), NO_FAULTS
            if isawaitable(value):  # the function only seemed to be a plain one: that is for the loop
                self._order(Chunk(chunk.number, 0, ((context, _given, (value,), {}),)))
                return
        except BaseException as error:  # noqa: BLE001  whatever it is, it is the call's
            value, faults = None, {0: Fault(error, name)}
        finally:
            at_work.forget()
            self._free.append(name)
        self._inbox.put(seal(Returned(chunk.number, [value], name, 0.0, faults)))

    def _start_all(self) -> None:
        self._ordered = False  # first, so that what is ordered from here on calls again
        while self._orders:
            self._start(self._orders.popleft())

    def _start(self, chunk: Chunk) -> None:
        if self._closing:
            return
        name = self._name()
        context = copy_context() if self._call.context is None else self._call.context.copy()
        task = self._loop.create_task(self._live(chunk, name), name=name, context=context)
        self._tasks[chunk.number] = task

    def _name(self) -> str:
        try:
            return self._free.pop()
        except IndexError:
            return f"weft-coroutine-{next(self._names)}"

    async def _live(self, chunk: Chunk, name: str) -> None:
        try:
            if self._call.announce:
                self._tell(Began(chunk.number))
            self._tell(seal(await self._run(chunk, name)))
        except Exception as error:  # noqa: BLE001  whatever went wrong beside the function: nobody waits in vain
            self._tell(Lost(chunk.number, name, f"{type(error).__name__}: {error}", error=error))
        finally:
            self._free.append(name)
            del self._tasks[chunk.number]

    def _run(self, chunk: Chunk, name: str) -> Coroutine[Any, Any, Any]:
        if self._plain:
            return run_chunk_beside(self._call, chunk, name, lambda: self._closing)
        return run_chunk_async(self._call, chunk, name, self._saw)

    def _saw(self, *, awaitable: bool) -> None:
        """Whether the function's first result was awaitable: if not, it is one that may block."""
        if self._plain is None:
            self._plain = not awaitable

    def _tell(self, arrival: Arrival) -> None:
        """Leave an arrival for the reader, together with all others of this turn of the loop: one waking, not many."""
        self._news.append(arrival)
        if len(self._news) == 1:
            self._loop.call_soon(self._post)

    def _post(self) -> None:
        news, self._news = self._news, []
        self._inbox.put(*news)

    def _cancel(self) -> list[asyncio.Task[None]]:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        return tasks

    async def _settle(self) -> None:
        tasks = self._cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=GRACE)


async def _given(value: Awaitable[Any]) -> Any:
    """What *value* gives."""
    return await value
