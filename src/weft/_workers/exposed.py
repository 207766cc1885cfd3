"""The user's function out in a storm (:class:`weft.testing.chaos`): some calls are late, some end their worker."""

from __future__ import annotations

import inspect
import os
import signal
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, Literal

from .._model.chunk import Chunk
from .._model.storm import Storm, note, noted
from .functions import is_coroutine_function, is_plain_function

if TYPE_CHECKING:
    from .awaited import Saw


def exposed(fn: Callable[..., Any], storm: Storm, chunk: Chunk, *, mortal: bool) -> Callable[..., Any]:
    """*fn*, to be called with the items of *chunk* in their order; *mortal* workers may die of it."""
    indices = count(chunk.first)

    def called(*args: Any) -> Any:
        return _call(fn, _Try(storm, next(indices), chunk.attempt, mortal=mortal), args, {})

    return called


def exposed_awaitable(fn: Callable[..., Any], storm: Storm, chunk: Chunk, saw: Saw) -> Callable[..., Any]:
    """The same for a function that gives awaitables, as a rule; *saw* is told here whether it does."""
    indices = count(chunk.first)

    async def called(*args: Any) -> Any:
        await _Try(storm, next(indices), chunk.attempt, mortal=False).wait_async()
        value = fn(*args)
        awaitable = inspect.isawaitable(value)
        saw(awaitable=awaitable)
        return await value if awaitable else value

    return called


def knows(*, awaitable: bool) -> None:
    """Stands where *saw* did, who has been told."""


def exposed_call(fn: Callable[..., Any], storm: Storm, kind: str) -> Callable[..., Any]:
    """The same for a call that is submitted to a worker of *kind*: a coroutine function for a coroutine function."""
    awaited = is_coroutine_function(fn) or (kind == "async" and not is_plain_function(fn))
    return partial(_submitted_async if awaited else _submitted, fn, storm, kind == "process")


def _submitted(fn: Callable[..., Any], storm: Storm, mortal: bool, /, *args: Any, **kwargs: Any) -> Any:  # noqa: FBT001
    return _call(fn, _Try(storm, storm.call, 1, mortal=mortal), args, kwargs)


async def _submitted_async(fn: Callable[..., Any], storm: Storm, mortal: bool, /, *args: Any, **kwargs: Any) -> Any:  # noqa: FBT001
    this = _Try(storm, storm.call, 1, mortal=mortal)
    await this.wait_async()
    this.die("before")
    try:
        value = fn(*args, **kwargs)
        return await value if inspect.isawaitable(value) else value
    finally:
        this.die("after")


def _call(fn: Callable[..., Any], this: _Try, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    this.wait()
    this.die("before")
    try:
        return fn(*args, **kwargs)
    finally:
        this.die("after")


class _Try:
    """One try of an item, and what befalls it."""

    __slots__ = ("_death", "_pause", "_place", "_storm")

    def __init__(self, storm: Storm, index: int, attempt: int, *, mortal: bool) -> None:
        self._storm = storm
        deaths, item = 0, f"{storm.run} {index} {attempt}"
        mishap = storm.mishap(index, attempt, deaths)
        if mishap.death is not None and mortal:
            # It may have died of that before: then this try has a chance of its own.
            deaths = sum(line.startswith(f"kill {item} ") for line in noted(storm))
            mishap = storm.mishap(index, attempt, deaths)
        self._place = f"{item} {deaths}"
        self._pause, self._death = mishap.pause, mishap.death if mortal else None

    def wait(self) -> None:
        """Be late."""
        if self._is_late():
            time.sleep(self._pause)

    async def wait_async(self) -> None:
        """The same in an event loop."""
        if self._is_late():
            import asyncio

            await asyncio.sleep(self._pause)

    def die(self, moment: Literal["before", "after"]) -> None:
        """End this process, if this is the *moment*."""
        if self._death == moment and note(self._storm, f"kill {self._place}"):
            os.kill(os.getpid(), signal.SIGKILL)

    def _is_late(self) -> bool:
        return self._pause > 0 and note(self._storm, f"slow {self._place}")
