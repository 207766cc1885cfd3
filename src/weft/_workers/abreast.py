"""A chunk's items several at once, in threads of one worker process: for work that waits and computes."""

from __future__ import annotations

import threading
from contextvars import copy_context
from itertools import count
from time import perf_counter

from .._model.chunk import Call, Chunk
from .._model.outcome import NO_FAULTS, Fault, Returned
from .calls import PATIENCE, run_chunk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

# The chunk is made of so many rounds of items; so much longer it may take.
ROUNDS: Final = 4


def run_abreast(call: Call, chunk: Chunk, worker: str) -> Returned:
    """Call the function on every item, ``call.threads`` of them at once; give back what came of it.

    Items are taken up in their order, and what was taken up is finished: ends early as :func:`run_chunk` does, what
    is given back is the beginning of the chunk.
    """
    threads = min(call.threads, len(chunk.items))
    lanes = _Lanes(call, chunk, worker)
    others = [threading.Thread(target=lanes.run, name=f"weft-abreast-{n}", daemon=True) for n in range(1, threads)]
    started = []
    for other in others:
        try:
            other.start()
        except RuntimeError:  # no more threads to be had: those that are there do it
            break
        started.append(other)
    lanes.run()
    for other in started:
        other.join()
    return lanes.returned()


class _Lanes:
    """The threads that go through one chunk, and what each item came to."""

    def __init__(self, call: Call, chunk: Chunk, worker: str) -> None:
        self._call, self._chunk, self._worker = call, chunk, worker
        self._next = count()
        self._parts: dict[int, Returned] = {}
        self._broken: BaseException | None = None
        self._began = perf_counter()
        self._ending = self._began + (ROUNDS * PATIENCE if call.hurry else float("inf"))
        self._context = copy_context()
        self._halted = False

    def run(self) -> None:
        """Take up one item after the other."""
        context = self._context.copy()
        while not self._halted:
            # Whoever takes a number runs it, so that nothing in between is left out.
            offset = next(self._next)
            if offset >= len(self._chunk.items):
                return
            try:
                part = context.run(self._call_one, offset)
            except BaseException as error:  # noqa: BLE001  whatever went wrong beside the function is the worker's end
                self._broken, self._halted = error, True
                return
            self._parts[offset] = part
            if (part.faults and self._call.halt) or perf_counter() > self._ending:
                self._halted = True

    def _call_one(self, offset: int) -> Returned:
        chunk = self._chunk
        alone = Chunk(chunk.number, chunk.first + offset, [chunk.items[offset]], chunk.attempt)
        return run_chunk(self._call, alone, self._worker, kind="process")

    def returned(self) -> Returned:
        """All that was taken up, in order; after an error that ends the chunk, nothing."""
        if self._broken is not None:
            raise self._broken
        values: list[Any] = []
        faults: dict[int, Fault] = {}
        for offset in range(len(self._parts)):
            part = self._parts[offset]
            values += part.values
            faults.update((offset, fault) for fault in part.faults.values())
            if part.faults and self._call.halt:
                break
        tried = [self._parts[offset] for offset in range(len(values))]
        seconds = sum(part.seconds for part in tried)
        cpu = sum(part.cpu or 0.0 for part in tried)
        weight = tried[0].nbytes if tried else 0
        ended = max((part.ended for part in tried), default=self._began)
        return Returned(
            self._chunk.number,
            values,
            self._worker,
            seconds,
            faults or NO_FAULTS,
            cpu,
            weight,
            began=self._began,
            ended=ended,
            delay=sum(part.delay for part in tried),
        )
