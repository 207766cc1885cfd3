"""A chunk's way through the user's function: the same loop in every kind of worker."""

from __future__ import annotations

import sys
from functools import partial
from itertools import count, starmap
from time import perf_counter, thread_time

from .._model.chunk import Call, Chunk
from .._model.current import AT_WORK, AT_WORK_HERE, IN_HAND, AtCall, AtWork, InHand
from .._model.gil import gil_enabled
from .._model.outcome import NO_FAULTS, Fault, Returned
from .._model.plan import CHUNK_BYTES
from .functions import is_coroutine_function, is_plain_function
from .memory import is_refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from contextvars import Context
    from typing import Any, Final, TypeAlias

    from .shears import Cord

    Stop: TypeAlias = Callable[[], bool]
    Passing: TypeAlias = type[BaseException] | tuple[type[BaseException], ...]
    Note: TypeAlias = Callable[[int, int, list[Any], dict[int, Fault]], None]  # index, span, what is finished


# A chunk that was made to take 8 ms goes back unfinished after this long: its items were not what was expected,
# and what is done should leave (docs/design/chunks.md). What was made to take longer gets more.
PATIENCE: Final = 0.025  # seconds
OVER: Final = 3  # times what the worker's last one took
PATIENCE_MOST: Final = 0.120  # seconds: three times LONGEST in `_schedule/chunking.py`

# How many times at most the clock is looked at during a chunk. bench/tiny.py: 64 cost 4 ns an item, 16 one.
LOOKS: Final = 16

# A worker process notes where it is, and looks at the clock, about so often: for tiny items not at every one.
SECTION: Final = 0.0005  # seconds

# So many numbers of a range are made a list at most, so that it can be cut: where a section has more of them, its
# function is so short that it would notice.
LISTED: Final = 256

# Without a GIL, extend() has its list locked while the items run, and two threads take 2 to 3 % longer for them than in
# a plain loop (bench/free_threading.py, two trees in turns); sections of more items are of ones so short that the
# loop itself would be seen.
SHORT: Final = 64

# What it has finished is put where a death does not reach it when it has worked for so long, though the chunk is not
# at its end: a death costs no more than that.
FLUSH: Final = 0.010  # seconds

# A worker that did not compute for less than this need not ask whether it waited for a processor.
TELLING: Final = 0.002  # seconds


def run_chunk(
    call: Call,
    chunk: Chunk,
    worker: str,
    stop: Stop | None = None,
    passing: Passing = (),
    *,
    kind: str,
    patience: float = PATIENCE,
    shears: Cord | None = None,
) -> Returned:
    """Call the function on every item; give back what came of it, errors included.

    Ends early, with fewer values than items, at the first error if the call says so, when *stop* answers true,
    and when the chunk takes much longer than it was made for: more than *patience* seconds. Errors that are *passing*
    are not an item's. With *shears* no more than one item passes until any of that is seen; with wary ones results
    don't get heavier than what should travel together.
    """
    [returned] = run_in_parts(call, chunk, worker, stop, passing, kind=kind, patience=patience, shears=shears)
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
    flush: float | None = None,
    patience: float = PATIENCE,
    shears: Cord | None = None,
) -> Generator[Returned]:
    """The same in parts, if what is done is to leave every *flush* seconds; somebody may take *note* of every step."""
    fn, items = plain(call, chunk.first), chunk.items
    if call.storm is not None:
        from .exposed import exposed

        fn = exposed(fn, call.storm, chunk, mortal=kind == "process")
    over = starmap if call.star else map
    at, total = 0, len(items)
    adapts = flush is not None and not call.announce and call.storm is None  # else each item is noted by itself
    began = looked = perf_counter()
    limit = began + (patience if call.hurry else float("inf"))
    shears = shears if call.hurry and total > 1 else None
    wary = shears is not None and shears.wary
    section = max(1, total // LOOKS) if flush is None and not wary else 1
    longest = LISTED if isinstance(items, range) else total  # of a section that can be cut
    free = not gil_enabled()
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
                part = items[at:end]
                if shears is not None and (wary or 1 < end - at <= longest):
                    part = shears.lay(part, limit)
                try:
                    if free and end - at <= SHORT:
                        _fill(values, fn, part, star=call.star)
                    else:
                        values.extend(over(fn, part))  # keeps what came before an error
                    if start + len(values) < end and part:  # map() takes a StopIteration from the function for its end
                        raise RuntimeError(f"{call.label} raised StopIteration")
                except passing:
                    raise
                except BaseException as error:  # noqa: BLE001  whatever it is, it is the item's
                    faults[len(values)] = Fault(error, worker)
                    values.append(None)
                    # What an item was refused the worker may still have, and the next must not pay for that.
                    more = not call.halt and (call.memory is None or not is_refusal(error))
                at, now = start + len(values), perf_counter()
                if wary and section == 1:
                    total = min(total, at + max(1, int(CHUNK_BYTES / max(1.0, weigh((), values)))))
                    section = max(2, total // LOOKS)
                more = more and at < total and now <= limit and not (stop is not None and stop())
                if flush is not None and now - began > flush:
                    looked = now
                    break
                if adapts:
                    section = _adapted(section, now - looked)
                looked = now
            took, worked = looked - began, thread_time() - worked
            weight = weigh(items[start : start + 1], values)
            met = faults or NO_FAULTS
            delay = queued_of(took - worked)
            first = chunk.first + start
            yield Returned(chunk.number, values, worker, took, met, worked, weight, more, began, looked, delay, first)
            looked = perf_counter()
    finally:
        if shears is not None:
            shears.take_away()
        at_work.end()
        IN_HAND.reset(before)  # whoever comes next in this thread, another run or the caller, is not in this item


def _fill(values: list[Any], fn: Callable[..., Any], part: Sequence[Any], *, star: bool) -> None:
    """What comes of the items, one after the other; stops where the function raises StopIteration."""
    put = values.append
    try:  # and not suppress(), which takes groups of exceptions apart and raises others
        for item in part:
            put(fn(*item) if star else fn(item))
    except StopIteration:
        pass


def patience_after(took: float) -> float:
    """How long a chunk may take whose worker *took* so long for the last: they get longer little by little."""
    return max(PATIENCE, min(PATIENCE_MOST, OVER * took))


def queued_of(idle: float) -> float:
    """How long of the seconds that it did not compute this thread was ready and had no processor."""
    if idle < TELLING:
        return 0.0
    from .delay import queued_here

    return queued_here(idle)


def _adapted(section: int, took: float) -> int:
    """How many items the next section should have, after one of *section* items took so many seconds."""
    if took < SECTION / 2:
        return 4 * section
    return max(1, section // 4) if took > 2 * SECTION else section


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


def apply(fn: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Call *fn* once; a coroutine function gets an event loop of its own."""
    if is_coroutine_function(fn):
        import asyncio

        return asyncio.run(fn(*args, **kwargs))
    return fn(*args, **kwargs)


def apply_alone(at_work: AtCall, fn: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """The same in a worker process, in a context of its own, where *at_work* is what is in hand."""
    AT_WORK_HERE[:] = [at_work]
    AT_WORK.set(at_work)
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

    from .beside import beside

    async def call() -> tuple[Any, BaseException | None]:
        try:
            value = fn(*args, **kwargs)
            return (await value if isawaitable(value) else value), None
        except (SystemExit, KeyboardInterrupt) as error:  # with these a task ends its loop, and all others in it
            return None, error

    _take_alone(args, context)
    if is_plain_function(fn):
        value = await beside(context.run, partial(fn, *args, **kwargs))
        return await value if isawaitable(value) else value
    value, error = await asyncio.get_running_loop().create_task(call(), context=context)
    if error is not None:
        raise error
    return value


def _take_alone(args: tuple[Any, ...], context: Context) -> None:
    """What is in hand is the submitted call with *args*, and not a place in a queue of such calls."""
    at_work = AT_WORK.get(None)
    if at_work is not None:
        context.run(AT_WORK.set, at_work.alone(args))
