"""The stairwell of single calls: what ``submit`` is given goes to a dispatcher, one for each kind of worker."""

from __future__ import annotations

import atexit
import contextvars
import threading
from collections.abc import Callable
from contextlib import suppress

from ._choose.machine import Machine
from ._model.chunk import Call
from ._model.copies import at_fork
from ._model.interruption import interruptible
from ._model.locks import Lock
from ._model.options import KIND_NAMES, Options
from ._model.plan import Plan
from ._model.storm import FRONTS, met_by_call
from ._workers.calls import apply, apply_async, apply_here
from ._workers.functions import is_coroutine_function, is_plain_function
from ._workers.interrupts import ends_interrupted
from ._workers.kinds import TRAITS, make

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Task
    from concurrent.futures import Executor, Future
    from typing import Any, Final

    from ._model.storm import Storm
    from ._schedule.dispatcher import Dispatcher


class Dispatchers:
    """One dispatcher per kind of worker, made when needed.

    Args:
        workers: How many workers of a kind there are at most; ``None``: as many as suit the machine.
    """

    def __init__(self, workers: int | None = None) -> None:
        self._workers = workers
        self._begin()

    def _begin(self) -> None:
        self._lock = Lock()
        self._running: dict[str, Dispatcher] = {}

    def last(self) -> None:
        """Be drained when the interpreter ends, and begin anew in a forked copy, which has none of the threads."""
        # Where the standard library's own executors wait for their work: atexit is too late to start a thread.
        at_exit: Callable[[Callable[[], None]], object] = getattr(threading, "_register_atexit", atexit.register)
        with suppress(RuntimeError):  # the interpreter is ending already
            at_exit(self._end)
        at_fork(after_in_child=self._begin)

    def submit(self, kind: str, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Future[Any]:
        """Have a worker of *kind* call the function."""
        storm = met_by_call() if FRONTS else None
        if storm is not None:
            fn = exposed(fn, storm, kind)
        if kind == "serial":
            return _now(fn, args, kwargs)
        if TRAITS[kind].packs:
            item: tuple[Any, ...] = (self._carried(fn), args, kwargs)
        else:
            item = contextvars.copy_context(), fn, args, kwargs
        while True:
            dispatcher = self._running.get(kind)
            future = None if dispatcher is None else dispatcher.submit(item)
            if future is not None:
                return future
            with self._lock:
                if self._running.get(kind) is dispatcher:
                    with interruptible:  # it may take long
                        self._running[kind] = self._start(kind)

    def _carried(self, fn: Callable[..., Any]) -> Any:
        from ._transport.carried import carried

        self._carried = carried  # type: ignore[method-assign]  # an import statement costs 2 µs each time
        return carried(fn)

    def finish(self) -> None:
        """Wait for all calls, let all workers go."""
        with self._lock:
            running, self._running = list(self._running.values()), {}
        for dispatcher in running:
            dispatcher.finish()

    def abort(self) -> None:
        """End all calls, as far as their kind can; waits for nothing. :meth:`finish` waits for that."""
        with self._lock:
            running = list(self._running.values())
        for dispatcher in running:
            dispatcher.abort()

    def _end(self) -> None:
        """The interpreter is ending: calls are finished first, but not for somebody who has just pressed Ctrl-C."""
        if not self._running or not ends_interrupted():
            self.finish()
            return
        from concurrent.futures import CancelledError

        with self._lock:
            running, self._running = list(self._running.values()), {}
        for dispatcher in running:
            dispatcher.abandon(CancelledError("the program was interrupted"))

    def _start(self, kind: str) -> Dispatcher:
        fn = apply if TRAITS[kind].packs else apply_async if kind == "async" else apply_here
        cpus = Machine.here().cpus
        workers = TRAITS[kind].workers(cpus)
        plan = Plan(kind, self._workers or workers, "asked for", cpus=cpus, shares=self._workers is None)
        crew = make(Call(fn, star=True, label="submit", alone=True), plan, None)
        return dispatcher_of(kind, crew, f"weft-submit-{kind}")


def dispatcher_of(kind: str, crew: Any, name: str, **how: Any) -> Dispatcher:
    """What gives a *crew* of that *kind* calls; *how* is as :class:`weft._schedule.dispatcher.Dispatcher` has it."""
    traits = TRAITS[kind]
    if traits.handy:
        from ._schedule.handing import Handing

        return Handing(crew, name, **how)
    from ._schedule.dispatcher import Dispatcher

    return Dispatcher(crew, name, foresees=traits.foresees, needed=crew.here if kind == "async" else None, **how)


def exposed(fn: Callable[..., Any], storm: Storm, kind: str) -> Callable[..., Any]:
    """The function of one call, in a *storm*."""
    from ._workers.exposed import exposed_call

    return exposed_call(fn, storm, kind)


def _now(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Future[Any]:
    from concurrent.futures import Future

    from ._workers.serial import apply_now

    future: Future[Any] = Future()
    future.set_running_or_notify_cancel()
    try:
        future.set_result(apply_now(fn, args, kwargs))
    except Exception as error:  # noqa: BLE001  it is the future's, whatever it is
        future.set_exception(error)
    return future


DISPATCHERS: Final = Dispatchers()
DISPATCHERS.last()


def kind_of(fn: Callable[..., Any], on: object) -> str | Executor:
    """Where a single call of *fn* goes: it can't be measured beforehand, so "auto" is a coroutine or a thread."""
    kind: Any = on if on in KIND_NAMES else Options.of({"on": on}).on
    if kind == "auto" or isinstance(kind, tuple | list):
        waits = "async" if is_async(fn) else "thread"
        return waits if kind == "auto" or waits in kind else str(kind[0])
    return kind  # type: ignore[no-any-return]  # what was checked


def is_async(fn: Callable[..., Any]) -> bool:
    """Whether calling *fn* gives a coroutine, as far as can be seen."""
    return is_coroutine_function(fn)


def is_plain(fn: Callable[..., Any]) -> bool:
    """Whether *fn* is known not to give something to await."""
    return is_plain_function(fn)


def start_in(
    loop: AbstractEventLoop, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Future[Any], Callable[[], object]]:
    """Call *fn* as a coroutine of a *loop* that runs; a future for it, and how to cancel it from any thread."""
    from ._schedule.awaitable_future import AwaitableFuture

    future = AwaitableFuture()
    future.set_running_or_notify_cancel()
    context, tasks = contextvars.copy_context(), []

    def start() -> None:
        task = loop.create_task(apply_async(context, fn, args, kwargs))
        tasks.append(task)
        task.add_done_callback(tell)

    def tell(task: Task[Any]) -> None:
        if task.cancelled():
            future.drop()
            return
        error = task.exception()
        if error is None:
            future.set_result(task.result())
        else:
            future.set_exception(error)

    def stop() -> None:  # it comes after the start, and so may the task
        tasks[0].cancel()

    loop.call_soon_threadsafe(start)
    return future, lambda: loop.call_soon_threadsafe(stop)
