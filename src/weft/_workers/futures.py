"""Anybody's ``concurrent.futures.Executor`` as a kind of worker: dask's, loky's, mpi4py's, the standard library's."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Executor, Future
from contextvars import Context
from functools import partial
from time import monotonic
from typing import Any, Final

from .._model.chunk import Call, Chunk
from .._model.outcome import Arrival, Began, Lost, Returned
from .._transport.codec import dumps
from .calls import run_chunk
from .inbox import Inbox
from .parcel import pack_call, pack_returned, unpack_call, unpack_returned
from .sealed import seal

# An executor from which nothing has come back for so many times what an item may take has no worker left that does not
# hang: what waits for one has waited long enough.
STUCK: Final = 10


class _Errand:
    """The call, on its way to wherever the executor runs: itself where memory is shared, packed where it is not.

    Args:
        call: What to do with the items.
        rooted: Whether the executor's workers have an initializer, and its marks are the function's.
        begins: Told the number of each chunk that begins; only where memory is shared.
    """

    def __init__(self, call: Call, *, rooted: bool = False, begins: Callable[[int], object] | None = None) -> None:
        self._call, self._rooted, self._begins = call, rooted, begins
        self._packed: bytes | None = None
        self.closed = False  # said to those who share this object; who has a copy finishes the chunk in hand
        self.abandoned: set[int] = set()  # the numbers of chunks that nobody waits for any more

    def __reduce__(self) -> tuple[Any, ...]:
        if self._packed is None:
            self._packed = pack_call(self._call, rooted=self._rooted)
        return _unpack_errand, (self._packed,)

    def run(self, chunk: Chunk, executor: str) -> _Answer:
        """Run the chunk, wherever this is."""
        worker = f"{executor} (pid {os.getpid()}, {threading.current_thread().name})"
        context = Context() if self._call.context is None else self._call.context.copy()
        stop = partial(self._stop_asked, chunk.number)
        if self._begins is not None:
            self._begins(chunk.number)
        return _Answer(context.run(run_chunk, self._call, chunk, worker, stop, kind="futures"), chunk.first)

    def _stop_asked(self, chunk: int) -> bool:
        return self.closed or chunk in self.abandoned


class _Answer:
    """What came of it, on its way back; its errors know where they were raised once it has been unpacked."""

    def __init__(self, returned: Returned, first: int, *, unpacked: bool = False) -> None:
        self.returned, self.unpacked = returned, unpacked
        self._first = first

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpack_answer, (pack_returned(self.returned, self._first, dumps), self._first)


def _unpack_errand(data: bytes) -> _Errand:
    return _Errand(unpack_call(data, settle=False))


def _unpack_answer(data: bytes, first: int) -> _Answer:
    return _Answer(unpack_returned(data), first, unpacked=True)


def _run(errand: _Errand, chunk: Chunk, executor: str) -> _Answer:
    return errand.run(chunk, executor)


class FuturesCrew:
    """Chunks as tasks of an executor that somebody else owns; it is never shut down from here."""

    prefetches = True
    tells = keeps = False
    follows = True
    lends = 0.0
    together = 1
    held = 0

    def __init__(self, call: Call, workers: int, executor: Executor) -> None:
        self.width = workers
        self._announce = call.announce
        self._executor = executor
        # Those of weft's own executors that have an initializer: what it sets is there for the function.
        begins = self._begins if call.announce else None
        self._errand = _Errand(call, rooted=getattr(executor, "_rooted", False), begins=begins)
        self._name = type(executor).__name__
        self._inbox = Inbox()
        self._futures: dict[int, Future[_Answer]] = {}
        self._sent: dict[int, float] = {}  # when, where that matters
        self._heard: float | None = None  # when a task came back last, or the first was sent
        self._deferred: set[int] = set()  # chunks that had not begun when their time was over, and are sent again

    def send(self, chunk: Chunk) -> None:
        """Submit the chunk."""
        try:
            future = self._executor.submit(_run, self._errand, chunk, self._name)
        except Exception as error:  # noqa: BLE001  broken or shut down: the items' trouble, not the caller's
            self._inbox.put(Lost(chunk.number, self._name, str(error), error=error))
            return
        self._futures[chunk.number] = future
        if self._announce:  # as near as can be known from here: a worker is free for it, unless one was left behind
            now = self._sent[chunk.number] = monotonic()
            if self._heard is None:
                self._heard = now
            self._begins(chunk.number)
        future.add_done_callback(partial(self._done, chunk.number))

    def poll(self, timeout: float | None) -> Sequence[Arrival]:
        """What the executor has finished."""
        return self._inbox.poll(timeout)

    async def apoll(self, timeout: float | None) -> Sequence[Arrival]:
        """The same for an event loop."""
        return await self._inbox.apoll(timeout)

    def kill(self, chunk: int) -> tuple[str, bool] | None:
        """Cancel the chunk's future, which helps only if it has not begun; else a thread ends after its item.

        One that waits for a worker waits again, unless nothing has come back for so long that nothing will.
        """
        now, future = monotonic(), self._futures.get(chunk)
        sent = self._sent.pop(chunk, now)
        if future is not None and self._heard is not None and now - self._heard < STUCK * (now - sent):
            self._deferred.add(chunk)
            if future.cancel():
                return None
            self._deferred.discard(chunk)
        self._errand.abandoned.add(chunk)
        self._futures.pop(chunk, None)
        return self._name, future is not None and future.cancel()

    def resize(self, workers: int) -> None:
        """Have so many chunks out at once; the executor's workers are its own."""
        self.width = workers

    def wake(self) -> None:
        """End the wait of a poll."""
        self._inbox.put(None)

    def close(self) -> None:
        """Cancel what has not begun; threads of this process end after the item they are in."""
        self._errand.closed = True
        for future in list(self._futures.values()):
            future.cancel()
        self._futures.clear()
        self._inbox.close()

    async def aclose(self) -> None:
        """The same."""
        self.close()

    def _begins(self, number: int) -> None:
        self._inbox.put(Began(number))

    def _done(self, number: int, future: Future[_Answer]) -> None:
        self._inbox.put(self._arrival(number, future))

    def _arrival(self, number: int, future: Future[_Answer]) -> Arrival:
        self._errand.abandoned.discard(number)
        self._futures.pop(number, None)
        self._sent.pop(number, None)
        if number in self._deferred:
            self._deferred.discard(number)
            return Lost(number, self._name, "its workers were busy", begun=False)
        if not future.cancelled():
            self._heard = monotonic()
        try:
            answer = future.result()
            return answer.returned if answer.unpacked else seal(answer.returned)
        except (Exception, CancelledError) as error:  # noqa: BLE001  the executor's trouble, whatever it is
            return Lost(number, self._name, f"{type(error).__name__}: {error}", error=error)
