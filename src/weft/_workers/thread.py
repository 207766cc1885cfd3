"""Threads of this process: for functions that wait, or that let go of the GIL."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from contextvars import Context
from functools import partial
from itertools import count
from queue import SimpleQueue
from time import perf_counter
from typing import TYPE_CHECKING, TypeAlias

from .._model.chunk import Call, Chunk
from .._model.copies import free_in_copies
from .._model.gil import gil_enabled
from .._model.interruption import uninterrupted
from .._model.locks import Lock
from .._model.outcome import Arrival, Began, Lost, Returned
from .calls import FLUSH, PATIENCE, patience_after, run_in_parts
from .errands import draw_on, make_call
from .inbox import Inbox
from .initializer import prepare
from .sealed import seal

if TYPE_CHECKING:
    from typing import Any

    from .._model.protocols import Draw, Promise
    from ..errors import InitializerFailed

# What a thread is handed that tells by itself what became of it: it is called with the thread's name, and with why the
# thread is unfit, if it is.
Errand: TypeAlias = "Callable[[str, InitializerFailed | None], object]"

_NUMBERS = count(1)


class _Thread(threading.Thread):
    """A worker; what it works on is there for others to read."""

    def __init__(self, crew: ThreadCrew, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.crew = crew
        self.chunk = 0  # the number of the chunk in hand
        self.abandoned = False
        self._patience = PATIENCE

    def run(self) -> None:
        self.crew.multiply()
        self.work()

    def work(self) -> None:
        """Run what waits, until there is nothing more to come."""
        crew, own = self.crew, self.crew.call
        unfit = None if own.initializer is None else prepare(own.initializer, own.initargs, self.name)
        while (chunk := crew.waiting.get()) is not None and not crew.closing:
            if not isinstance(chunk, Chunk):
                chunk(self.name, unfit)
                del chunk
                continue
            self.chunk = chunk.number
            call = own if chunk.call is None else chunk.call
            if call.announce:
                crew.inbox.put(Began(chunk.number))
            context, copy = call.context, None
            arrival: Arrival
            try:
                copy = Context() if context is None else context.copy()
                if unfit is None:
                    arrival = self._go_through(call, chunk, copy)
                else:
                    arrival = Returned.failed(chunk.number, self.name, unfit)
            except BaseException as error:  # noqa: BLE001  whatever went wrong beside the function: nobody waits in vain
                arrival = Lost(chunk.number, self.name, f"{type(error).__name__}: {error}", error=error)
            if not crew.gives_back(self):
                return
            crew.inbox.put(arrival)
            del chunk, call, context, copy, arrival  # or they live on while it waits for the next
        crew.let_go(self)

    def _go_through(self, call: Call, chunk: Chunk, context: Context) -> Returned:
        """Run the *chunk*; what is finished of a long one is left in passing."""
        crew, began = self.crew, perf_counter()
        parts = run_in_parts(
            call,
            chunk,
            self.name,
            self._stop_asked,
            kind="thread",
            flush=FLUSH if crew.keeps else None,
            patience=self._patience,
        )
        try:
            while (part := context.run(next, parts, None)) is not None:
                last = seal(part)
                if part.more:
                    crew.inbox.leave(part)
        finally:
            context.run(parts.close)
            if crew.keeps:
                self._patience = patience_after(perf_counter() - began)
        return last

    def _stop_asked(self) -> bool:
        return self.abandoned or self.crew.closing


class ThreadCrew:
    """Threads that take chunks from one queue; started as they are needed, gone with the run.

    A thread can't be stopped from outside: one that takes too long is left behind with its item, its result is
    dropped and another takes its place.
    """

    prefetches = True
    tells = False
    follows = True
    lends = 0.0
    together = 1
    held = 0

    def __init__(self, call: Call, workers: int, prefix: str = "") -> None:
        self.width = workers
        self.keeps = not gil_enabled()
        self._names = map(f"{prefix}_{{}}".format, count()) if prefix else map("weft-thread-{}".format, _NUMBERS)
        self.call = call
        self.closing = False
        self.waiting: SimpleQueue[Chunk | Errand | None] = SimpleQueue()
        self.handed: Collection[object] = ()
        self.inbox = Inbox()
        self._threads: list[_Thread] = []
        self._leaving = 0  # that are to end, and have not heard it yet
        self._coming = 0  # that are being started, and will see whether more are wanted
        self._counting = free_in_copies(Lock())
        self._in_flight = 0
        self._dealt = 0  # workers that draw, or are to

    def send(self, chunk: Chunk) -> None:
        """Queue the chunk; start a thread for it if all are busy."""
        self._in_flight += 1
        self.waiting.put(chunk)
        self._man()

    def hand(self, item: Any, promise: Promise) -> None:
        """Have a thread make one call."""
        self.waiting.put(partial(make_call, item, promise))
        if len(self._threads) - self._leaving < self.width:
            self._man()

    def here(self) -> str | None:
        """The name of the worker that this thread is; ``None`` if it is none of these."""
        thread = threading.current_thread()
        return thread.name if isinstance(thread, _Thread) and thread.crew is self else None

    def deal(self, call: Call, draw: Draw, workers: int) -> None:
        """Have so many *workers* draw items."""
        with self._counting:
            self._dealt += workers
        for _ in range(workers):
            self.waiting.put(partial(self._draw_on, call, draw))
            self._man()

    def make(self, item: Any, promise: Promise, worker: str) -> None:
        """Make one call in this thread, which is the *worker* and waits for it."""
        make_call(item, promise, worker, None)

    def join_in(self, call: Call, draw: Draw, worker: str) -> None:
        """Draw items in this thread, which is the *worker* and waits for them."""
        draw_on(call, draw, worker, None, lambda: self.closing)

    def _draw_on(self, call: Call, draw: Draw, worker: str, unfit: InitializerFailed | None) -> None:
        try:
            draw_on(call, draw, worker, unfit, lambda: self.closing)
        finally:
            with self._counting:
                self._dealt -= 1

    def _man(self) -> None:
        """Start a thread if all are busy."""
        with uninterrupted:  # or one would be counted that does not live
            thread = self._another(first=True)
            started = thread is None or self._start(thread)
        if not started and thread is not None and not self._threads:
            self.waiting.put(None)
            thread.work()  # no threads to be had: whoever asked does the work itself

    def poll(self, timeout: float | None) -> Sequence[Arrival]:
        """What the threads have left."""
        return self._count(self.inbox.poll(timeout))

    async def apoll(self, timeout: float | None) -> Sequence[Arrival]:
        """The same for an event loop."""
        return self._count(await self.inbox.apoll(timeout))

    def kill(self, chunk: int) -> tuple[str, bool]:
        """Leave the thread that has the chunk to itself; a chunk that is back is counted when it arrives."""
        with self._counting:
            for thread in self._threads:
                if thread.chunk == chunk:
                    thread.abandoned = True
                    self._threads.remove(thread)
                    self._in_flight -= 1
                    return thread.name, False
        return "a thread", False

    def gives_back(self, thread: _Thread) -> bool:
        """The *thread* is through with its chunk: whether that is still its own."""
        with self._counting:
            thread.chunk = 0
            return not thread.abandoned

    def resize(self, workers: int) -> None:
        """Have at most so many; those that are too many end when they have taken what waits already."""
        self._have(workers - self.width)

    def widen(self, by: int) -> None:
        """Have so many more from now on, or fewer; those that are needed begin at once."""
        self._have(by)
        if by > 0:
            self._man()

    def _have(self, more: int) -> None:
        with self._counting:
            self.width += more
            surplus = len(self._threads) - self._leaving - self.width
            self._leaving += max(0, surplus)
        for _ in range(surplus):
            self.waiting.put(None)

    def let_go(self, thread: _Thread) -> None:
        """The *thread* ends."""
        with self._counting:
            if thread in self._threads:
                self._threads.remove(thread)
                self._leaving -= 1

    def wake(self) -> None:
        """End the wait of a poll."""
        self.inbox.put(None)

    def close(self) -> None:
        """Threads end after the item they are in; nobody waits for that."""
        self.closing = True
        with self._counting:
            threads, self._threads = self._threads, []
        for _ in threads:
            self.waiting.put(None)
        self.inbox.close()

    async def aclose(self) -> None:
        """The same."""
        self.close()

    @property
    def staff(self) -> list[threading.Thread]:
        """The threads it has at the moment."""
        return list(self._threads)

    # To start a thread is to wait until it runs. Where hundreds are wanted they start each other, two each, so that
    # whoever asked waits for one only.
    def multiply(self) -> None:
        """A thread has started: it starts others, if more are wanted."""
        for _ in range(2):
            thread = self._another()
            if thread is None or not self._start(thread):
                break
        with self._counting:
            self._coming -= 1

    def _another(self, *, first: bool = False) -> _Thread | None:
        """A thread to start, if one more is wanted. The *first* starts the others."""
        with self._counting:
            there = len(self._threads) - self._leaving
            wanted = self._in_flight + len(self.handed) + self._dealt
            if self.closing or there >= min(self.width, wanted) or (first and self._coming):
                return None
            thread = _Thread(self, next(self._names))
            self._threads.append(thread)
            self._coming += 1
            return thread

    def _start(self, thread: _Thread) -> bool:
        """Whether it could be started: there may be no memory for more, or the interpreter is ending."""
        try:
            thread.start()
        except RuntimeError:
            with self._counting:
                if thread in self._threads:
                    self._threads.remove(thread)
                self._coming -= 1
            return False
        return True

    def _count(self, arrivals: list[Arrival]) -> list[Arrival]:
        for arrival in arrivals:
            if isinstance(arrival, Lost) or (isinstance(arrival, Returned) and not arrival.more):
                self._in_flight -= 1
        return arrivals
