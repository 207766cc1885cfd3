"""A chunk's way through a function that gives awaitables, inside a running event loop."""

from __future__ import annotations

from _thread import get_ident
from asyncio import CancelledError, _get_running_loop, current_task
from time import perf_counter

from .._model.current import AtWork
from .._model.interruption import uninterrupted
from .._model.noun import replace
from .._model.outcome import NO_FAULTS, Fault, Returned
from .calls import PATIENCE, run_chunk, seeded, weigh

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import Task
    from typing import Any, Protocol

    from .._model.chunk import Call, Chunk
    from .calls import Stop

    class Saw(Protocol):
        """Takes note of whether a call's result was awaitable."""

        def __call__(self, *, awaitable: bool) -> None: ...


async def run_chunk_async(call: Call, chunk: Chunk, worker: str, saw: Saw) -> Returned:
    """The same for a function that gives awaitables, inside a running event loop.

    *saw* is told of each result whether it was awaitable.
    """
    from inspect import isawaitable

    fn = seeded(call, chunk.first)
    if call.storm is not None:
        from .exposed import exposed_awaitable, knows

        fn, saw = exposed_awaitable(fn, call.storm, chunk, saw), knows
    values: list[Any] = []
    faults: dict[int, Fault] = {}
    task = current_task()
    began = perf_counter()
    limit = began + (PATIENCE if call.hurry else float("inf"))
    at_work = AtWork("async", worker, chunk, values)
    at_work.begin()  # in the context of this task alone, which ends with it
    try:
        for item in chunk.items:
            try:
                value = fn(*item) if call.star else fn(item)
                awaitable = isawaitable(value)
                saw(awaitable=awaitable)
                if awaitable:
                    value = await value
                values.append(value)
            except BaseException as error:
                if ends_the_task(error, task):
                    raise
                faults[len(values)] = Fault(error, worker)
                values.append(None)
                if call.halt:
                    break
            if perf_counter() > limit:
                break
    finally:
        at_work.forget()
    ended, weight = perf_counter(), weigh(chunk.items, values)
    took = ended - began
    return Returned(chunk.number, values, worker, took, faults or NO_FAULTS, None, weight, began=began, ended=ended)


async def run_chunk_beside(call: Call, chunk: Chunk, worker: str, stop: Stop) -> Returned:
    """The same for a plain function: in a thread, so that it can't block the loop.

    What it gives is awaited here all the same if it can be: a wrapper may be plain around a coroutine function.
    """
    from inspect import isawaitable

    from .beside import beside

    returned = await beside(run_chunk, call, chunk, worker, stop, kind="async")
    if any(map(isawaitable, returned.values[:1])):
        faults, task = dict(returned.faults), current_task()
        values: list[Any] = []
        AtWork("async", worker, chunk, values).begin()
        for offset, value in enumerate(returned.values):
            try:
                values.append(await value)
            except BaseException as error:
                if ends_the_task(error, task):
                    raise
                values.append(None)
                faults.setdefault(offset, Fault(error, worker))
        return replace(returned, values=values, faults=faults, ended=perf_counter())
    return returned


def ends_the_task(error: BaseException, task: Task[Any] | None) -> bool:
    """Whether *error* is the end of the *task* that meets it, or Ctrl-C, and not the function's own doing."""
    if isinstance(error, KeyboardInterrupt):
        return get_ident() == uninterrupted.main
    if isinstance(error, GeneratorExit):  # it is being closed, by whoever drops it
        return _get_running_loop() is None or current_task() is not task
    return isinstance(error, CancelledError) and task is not None and task.cancelling() > 0
