"""The kind that is no worker at all: the caller runs the items itself, when it asks for results."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from time import perf_counter

from .._model.chunk import Call, Chunk
from .._model.current import AtWork
from .._model.measured import Glance
from .._model.outcome import Arrival, Began, Returned
from .beside import beside
from .calls import apply, run_chunk
from .delay import SelfWatch
from .inbox import spells
from .shears import Cord

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

NAME: Final = "the caller"

INFINITE: Final = float("inf")


class SerialCrew:
    """One chunk at a time, in the thread that polls; under ``async for`` in a thread beside the loop.

    Args:
        call: What to run.
        watched: Whether somebody decides by what the chunks cost, so that accounts are kept.
    """

    width = 1
    prefetches = False
    tells = keeps = False
    follows = False
    lends = 0.0
    together = 1
    held = 0

    def __init__(self, call: Call, *, watched: bool = False) -> None:
        self._call = call
        self._watch = SelfWatch() if watched else None
        self._waiting: deque[Chunk] = deque()
        self._bell = threading.Event()
        self._closing = False
        self._cord = Cord() if watched else None
        self._short = INFINITE  # when the chunk in hand ends with the item that is

    def send(self, chunk: Chunk) -> None:
        """Keep the chunk until somebody waits for it."""
        self._waiting.append(chunk)

    def poll(self, timeout: float | None) -> Sequence[Arrival]:
        """Run the next chunk; with nothing to run, sleep. With no time to wait, run nothing."""
        if timeout == 0:
            return ()
        try:
            chunk = self._waiting.popleft()
        except IndexError:
            if not self._closing:  # else this is the thread beside a loop that has gone already
                any(self._bell.wait(spell) for spell in spells(timeout))
                self._bell.clear()
            return ()
        return self._run(chunk)

    async def apoll(self, timeout: float | None) -> Sequence[Arrival]:
        """The same, in a thread, so that the event loop runs on."""
        import asyncio

        if timeout == 0:
            await asyncio.sleep(0)
            return ()
        return await beside(self.poll, timeout)

    def glance(self) -> Glance | None:
        """How the caller has fared so far."""
        return None if self._watch is None else self._watch.glance()

    def computed(self) -> float | None:
        """CPU seconds of the caller's thread."""
        return None if self._watch is None else self._watch.computed()

    def cut_short(self, after: float = 0.0) -> None:
        """The chunk in hand, or else the next, ends with the item that is in *after* seconds. From any thread."""
        if self._call.hurry:
            self._short = perf_counter() + after
            if not after and self._cord is not None:
                self._cord.cut()

    def resize(self, workers: int) -> None:
        """There is one caller."""

    def kill(self, chunk: int) -> tuple[str, bool]:
        """Nobody is there to stop the caller; what comes late is found to be late when it is back."""
        return NAME, False

    def wake(self) -> None:
        """End the sleep of a poll."""
        self._bell.set()

    def close(self) -> None:
        """Forget what has not been run."""
        self._closing = True
        self._waiting.clear()
        self._bell.set()
        if self._watch is not None:
            self._watch.close()

    async def aclose(self) -> None:
        """The same."""
        self.close()

    def _run(self, chunk: Chunk) -> Sequence[Arrival]:
        if self._watch is not None:
            self._watch.begin()
        try:
            returned: Returned = run_chunk(
                self._call, chunk, NAME, self._stops, passing=KeyboardInterrupt, kind="serial", shears=self._cord
            )
        finally:
            self._short = INFINITE
            if self._watch is not None:
                self._watch.end()
        return (Began(chunk.number), returned) if self._call.announce else (returned,)

    def _stops(self) -> bool:
        return self._closing or perf_counter() >= self._short


def apply_now(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call *fn* once, here and now."""
    at_work = AtWork("serial", NAME, Chunk(0, 0, [args]), ())
    at_work.begin()
    try:
        return apply(fn, args, kwargs)
    finally:
        at_work.end()
