"""A chunk's way through the user's function: the same loop in every kind of worker."""

from __future__ import annotations

import sys
from functools import partial
from itertools import count, starmap
from time import perf_counter, thread_time
from types import BuiltinFunctionType, FunctionType, MethodType

from .._model.chunk import Call, Chunk
from .._model.current import AT_WORK, AT_WORK_HERE, IN_HAND, AtWork, InHand
from .._model.noun import replace
from .._model.outcome import NO_FAULTS, Fault, Returned
from ..errors import WorkerTraceback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextvars import Context
    from typing import Any, Final, Protocol, TypeAlias

    Stop: TypeAlias = Callable[[], bool]
    Passing: TypeAlias = type[BaseException] | tuple[type[BaseException], ...]
    Note: TypeAlias = Callable[[int, int, list[Any], dict[int, Fault]], None]  # index, span, what is finished

    class Saw(Protocol):
        """Takes note of whether a call's result was awaitable."""

        def __call__(self, *, awaitable: bool) -> None: ...


# A chunk that was made to take 8 ms goes back unfinished after this long: its items were not what was expected,
# and what is done should leave (docs/design/chunks.md).
PATIENCE: Final = 0.025  # seconds

# How many times at most the clock is looked at during a chunk. bench/tiny.py: 64 cost 4 ns an item, 16 one.
LOOKS: Final = 16

# A worker process notes where it is, and looks at the clock, about so often: for tiny items not at every one.
SECTION: Final = 0.0001  # seconds

# What it has finished leaves when it has worked for so long, though the chunk is not at its end: a death costs no
# more than that.
FLUSH: Final = 0.010  # seconds

# Among a function's flags, as `inspect` has it, which takes 5 ms to import.
COROUTINE: Final = 0x80


def is_coroutine_function(fn: Callable[..., Any]) -> bool:
    """Whether calling *fn* gives a coroutine, as far as can be seen without calling it."""
    while isinstance(fn, partial):
        fn = fn.func
    if type(fn) is FunctionType and not fn.__dict__:  # asked for every call that is submitted
        return bool(fn.__code__.co_flags & COROUTINE)
    if type(fn) is BuiltinFunctionType:
        return False
    import inspect

    return inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(getattr(type(fn), "__call__", None))  # noqa: B004


def is_plain_function(fn: Callable[..., Any]) -> bool:
    """Whether *fn* is known not to need an event loop around it: not a lambda, for that may return a coroutine."""
    while isinstance(fn, partial | MethodType):
        fn = fn.func if isinstance(fn, partial) else fn.__func__
    named = isinstance(fn, FunctionType | BuiltinFunctionType | type) and fn.__name__ != "<lambda>"
    return named and not is_coroutine_function(fn)


def label_of(fn: Callable[..., Any]) -> str:
    """The function's name, for people."""
    while isinstance(fn, partial):
        fn = fn.func
    return str(getattr(fn, "__qualname__", None) or type(fn).__qualname__)


def run_chunk(
    call: Call,
    chunk: Chunk,
    worker: str,
    stop: Stop | None = None,
    passing: Passing = (),
    *,
    kind: str,
) -> Returned:
    """Call the function on every item; give back what came of it, errors included.

    Ends early, with fewer values than items, at the first error if the call says so, when *stop* answers true,
    and when the chunk takes much longer than it was made for. Errors that are *passing* are not an item's.
    """
    [returned] = run_in_parts(call, chunk, worker, stop, passing, kind=kind)
    return returned


def run_in_parts(
    call: Call,
    chunk: Chunk,
    worker: str,
    stop: Stop | None = None,
    passing: Passing = (),
    *,
    kind: str,
    note: Note | None = None,
) -> Iterator[Returned]:
    """The same for a worker whose every step somebody takes *note* of: what is done leaves now and then."""
    fn, items = plain(call, chunk.first), chunk.items
    if call.storm is not None:
        from .exposed import exposed

        fn = exposed(fn, call.storm, chunk, mortal=kind == "process")
    over = starmap if call.star else map
    at, total = 0, len(items)
    section = max(1, total // LOOKS) if note is None else 1
    flush = float("inf") if note is None else FLUSH
    adapts = note is not None and not call.announce and call.storm is None  # else each item is noted by itself
    began = looked = perf_counter()
    limit = began + (PATIENCE if call.hurry else float("inf"))
    more = True
    before = IN_HAND.set(IN_HAND.get(None))
    at_work = AtWork(kind, worker, chunk, ())
    at_work.begin()
    try:
        while more:
            start, began, worked = at, looked, thread_time()
            values: list[Any] = []
            faults: dict[int, Fault] = {}
            at_work.go_on(start, values)
            while more:
                end = min(at + section, total)
                if note is not None:
                    note(chunk.first + at, end - at, values, faults)
                try:
                    values.extend(over(fn, items[at:end]))  # keeps what came before an error
                    if start + len(values) < end:  # map() takes a StopIteration from the function for its own end
                        raise RuntimeError(f"{call.label} raised StopIteration")
                except passing:
                    raise
                except BaseException as error:  # noqa: BLE001  whatever it is, it is the item's
                    faults[len(values)] = Fault(error, worker)
                    values.append(None)
                    more = not call.halt
                at, now = start + len(values), perf_counter()
                more = more and at < total and now <= limit and not (stop is not None and stop())
                if now - began > flush:
                    looked = now
                    break
                if adapts:
                    section = _adapted(section, now - looked)
                looked = now
            took, worked = looked - began, thread_time() - worked
            weight = weigh(items[start : start + 1], values)
            yield Returned(chunk.number, values, worker, took, faults or NO_FAULTS, worked, weight, more)
            looked = perf_counter()
    finally:
        at_work.end()
        IN_HAND.reset(before)  # whoever comes next in this thread, another run or the caller, is not in this item


def _adapted(section: int, took: float) -> int:
    """How many items the next section should have, after one of *section* items took so many seconds."""
    if took < SECTION / 2:
        return 4 * section
    return max(1, section // 4) if took > 2 * SECTION else section


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
            except (GeneratorExit, KeyboardInterrupt):
                raise
            except BaseException as error:
                if stopped_from_outside(error):
                    raise
                faults[len(values)] = Fault(error, worker)
                values.append(None)
                if call.halt:
                    break
            if perf_counter() > limit:
                break
    finally:
        at_work.forget()
    took = perf_counter() - began
    return Returned(chunk.number, values, worker, took, faults or NO_FAULTS, None, weigh(chunk.items, values))


async def run_chunk_beside(call: Call, chunk: Chunk, worker: str, stop: Stop) -> Returned:
    """The same for a plain function: in a thread, so that it can't block the loop.

    What it gives is awaited here all the same if it can be: a wrapper may be plain around a coroutine function.
    """
    from inspect import isawaitable

    from .inbox import beside

    returned = await beside(run_chunk, call, chunk, worker, stop, kind="async")
    if any(map(isawaitable, returned.values[:1])):
        faults = dict(returned.faults)
        values: list[Any] = []
        AtWork("async", worker, chunk, values).begin()
        for offset, value in enumerate(returned.values):
            try:
                values.append(await value)
            except Exception as error:  # noqa: BLE001  it is the item's
                values.append(None)
                faults.setdefault(offset, Fault(error, worker))
        return replace(returned, values=values, faults=faults)
    return returned


def stopped_from_outside(error: BaseException) -> bool:
    """Whether *error* is somebody cancelling this task, and not the function's own doing."""
    import asyncio

    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0


def seeded(call: Call, first: int) -> Callable[..., Any]:
    """The function, with each call told which item it is where a seed was given."""
    if call.seed is None:
        return call.fn
    fn, seed, index = call.fn, call.seed, count(first)

    def told(*args: Any) -> Any:
        IN_HAND.set(InHand(next(index), seed))
        return fn(*args)

    return told


def plain(call: Call, first: int) -> Callable[..., Any]:
    """The function as one that gives values; a coroutine function gets an event loop of its own for each call."""
    fn = seeded(call, first)
    if not is_coroutine_function(call.fn):
        return fn

    def run(*args: Any) -> Any:
        import asyncio

        return asyncio.run(fn(*args))

    return run


def weigh(items: Sequence[Any], values: list[Any]) -> float:
    """Roughly what an item and its result take in memory, from the first of each."""
    try:
        return sum(sys.getsizeof(part[0]) for part in (items, values) if part)
    except Exception:  # noqa: BLE001  a user's __sizeof__ may do anything
        return 0


def seal(returned: Returned) -> Returned:
    """Move where each error was raised into its cause, frames and all, for errors that cross to another thread."""
    for fault in returned.faults.values():
        seal_error(fault.error, fault.worker)
    return returned


def seal_error(error: BaseException, worker: str) -> None:
    """Make a :class:`WorkerTraceback` the cause of *error*, and the user's own cause the cause of that."""
    earlier = error.__cause__
    if isinstance(earlier, WorkerTraceback):  # one exception object raised for many items
        earlier = earlier.__cause__
    place = WorkerTraceback(worker).with_traceback(own_frames(error))
    place.__cause__, place.__context__ = earlier, error.__context__
    place.__suppress_context__ = error.__suppress_context__
    put(error, "__cause__", place)
    put(error, "__traceback__", None)


def put(error: BaseException, name: str, value: object) -> None:
    """Set an attribute of *error*, also where its class forbids that (a frozen dataclass)."""
    BaseException.__setattr__(error, name, value)


def own_frames(error: BaseException) -> Any:
    """The traceback of *error* from the user's function on."""
    frames = error.__traceback__
    while frames is not None and frames.tb_next is not None and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    return frames


def apply(fn: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Call *fn* once; a coroutine function gets an event loop of its own."""
    if is_coroutine_function(fn):
        import asyncio

        return asyncio.run(fn(*args, **kwargs))
    return fn(*args, **kwargs)


def apply_alone(at_work: AtWork, fn: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """The same in a worker process, in a context of its own, where *at_work* is what is in hand."""
    at_work.begin()
    try:
        return apply(fn, args, kwargs)
    finally:
        AT_WORK_HERE.clear()
        at_work.forget()


def apply_here(context: Context, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The same with the context variables of whoever asked for it."""
    _take_alone(args, context)
    return context.run(apply, fn, args, kwargs)


async def apply_async(context: Context, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The same inside a running event loop; a function that is plainly not a coroutine function, in a thread."""
    import asyncio
    from inspect import isawaitable

    from .inbox import beside

    async def call() -> Any:
        value = fn(*args, **kwargs)
        return await value if isawaitable(value) else value

    _take_alone(args, context)
    if is_plain_function(fn):
        value = await beside(context.run, partial(fn, *args, **kwargs))
        return await value if isawaitable(value) else value
    return await asyncio.get_running_loop().create_task(call(), context=context)


def _take_alone(args: tuple[Any, ...], context: Context) -> None:
    """What is in hand is the submitted call with *args*, and not a place in a queue of such calls."""
    at_work = AT_WORK.get(None)
    if at_work is not None:
        context.run(at_work.alone(args).begin)
