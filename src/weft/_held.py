"""Workers that somebody holds on to: what stands behind an executor, or a pool, from its first call to its end."""

from __future__ import annotations

import atexit
import contextvars
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final
from weakref import WeakSet

from ._choose.machine import Machine
from ._model.chunk import Call
from ._model.copies import at_fork
from ._model.interruption import interruptible, uninterrupted
from ._model.locks import Lock
from ._model.noun import dataclass
from ._model.options import nbytes
from ._model.plan import Family, Needs, Plan
from ._model.storm import FRONTS, met_by_call
from ._schedule.call_future import CallFuture, HandedFuture
from ._schedule.dispatcher import Dispatcher
from ._schedule.drawn import Drawn
from ._schedule.feed import Feed, Supply
from ._schedule.feed import in_groups as in_groups  # noqa: PLC0414  for pools
from ._schedule.feed import in_memory as in_memory  # noqa: PLC0414  and executors
from ._schedule.verdicts import DEATHS_FORGIVEN
from ._single import dispatcher_of, exposed
from ._transport.carried import carried
from ._transport.codec import dumps
from ._workers.calls import apply, apply_async, apply_here
from ._workers.functions import label_of
from ._workers.interrupts import ends_interrupted
from ._workers.kinds import TRAITS, make
from .errors import NotSendable, WeftError


@dataclass(frozen=True, slots=True, eq=False)
class Staff:
    """What workers are wanted.

    Attributes:
        kind: Their kind.
        workers: How many at most.
        name: What the thread that looks after them is called.
        prefix: How their names begin.
        initializer: What each calls first.
        initargs: With what arguments.
        start_method: How processes are started; ``None`` for the default.
        tasks: How many calls a process makes before another takes its place; ``None`` for no end.
        memory: The most private memory that a process may have, in bytes or as text.
        prompt: Whether all are to be there at once, and not each when it is needed.
        needs: What each takes of a cluster, and where that is.
        forgives: How many of them may die of a call before it fails.
        family: What processes they are to be; ``None`` for weft's own.
        leaves: Whether, at the interpreter's end, what is not done is left undone.
    """

    kind: str
    workers: int
    name: str
    prefix: str = ""
    initializer: Callable[..., object] | None = None
    initargs: tuple[Any, ...] = ()
    start_method: str | None = None
    tasks: int | None = None
    memory: int | str | None = None
    prompt: bool = False
    needs: Needs | None = None
    leaves: bool = False
    forgives: int = DEATHS_FORGIVEN
    family: Family | None = None


def usual(kind: str) -> int:
    """How many workers of a kind there are when nobody says."""
    return TRAITS[kind].workers(Machine.here().cpus)


def sent_in_chunks(kind: str) -> bool:
    """Whether items of one function travel together to workers of that kind."""
    return TRAITS[kind].packs


def drawn_one_by_one(kind: str) -> bool:
    """Whether workers of that kind draw items, so that it costs nothing that they do not travel together."""
    return TRAITS[kind].handy


def joined(needs: Needs) -> int:
    """Connect to a cluster; how many workers that need so much it has room for.

    Raises:
        MissingPackage: Ray is not installed.
        ConnectionError: There is no such cluster.
    """
    from ._workers.ray_cluster import connect, room

    return room(connect(needs, Machine.here().cpus), needs)


class Held:
    """Workers of somebody's own, and what they were given.

    Args:
        staff: What workers.
    """

    def __init__(self, staff: Staff) -> None:
        self.staff = staff
        self._lock = Lock()
        self._dispatcher: Dispatcher | None = None
        self._crew: Any = None
        self._shut = False
        self._packs = TRAITS[staff.kind].packs
        self._rooted = staff.initializer is not None or staff.family is not None
        self._parents: list[object] = []
        HOUSE.hold(self)
        if staff.prompt:
            self._begun()

    # ── giving them something to do ───────────────────────────────────────────────────────────────────────

    def submit(
        self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> CallFuture | HandedFuture:
        """One call.

        Raises:
            RuntimeError: It is over.
            BrokenExecutor: The initializer failed.
        """
        storm = met_by_call() if FRONTS else None
        if storm is not None:
            fn = exposed(fn, storm, self.staff.kind)
        dispatcher = self._dispatcher or self._begun()
        future = dispatcher.submit(self._item(fn, args, kwargs))
        if future is None:
            raise self._refusal()
        return future

    def feed(
        self, fn: Callable[..., Any], supply: Sequence[Any], *, star: bool, ended: bool = True, **how: Any
    ) -> Feed:
        """One function over many inputs; *how* is as :class:`weft._schedule.feed.Feed` has it.

        Raises:
            RuntimeError: It is over.
            BrokenExecutor: The initializer failed.
            NotSendable: The function can't be sent.
        """
        if not callable(fn):
            raise TypeError(f"the first argument must be something to call, not {fn!r}")
        dispatcher = self._dispatcher or self._begun()
        call = self._repeated(fn, star, how)
        traits = TRAITS[self.staff.kind]
        if traits.packs:
            crew = self._crew
            crew.learn(call)  # it travels once to each worker, and not with every chunk
            how |= {
                "price": traits.price,
                "let_go": lambda stats: crew.forget(call),
                "early": traits.foresees and crew.ahead is not None,
            }
            if traits.price:
                from ._opening import opened

                how |= opened(call, supply if ended else (), crew, traits.price)
            feed = Feed(dispatcher, call, Supply(supply, ended=ended), **how)
        elif self.staff.kind == "thread":  # who take them from one queue
            feed = Feed(dispatcher, call, Supply(supply, ended=ended), **how | {"early": True})
        else:  # each item is a call of its own
            context = contextvars.copy_context()

            def wrap(item: Any) -> Any:
                return context.copy(), fn, tuple(item) if star else (item,), {}

            feed = Feed(dispatcher, None, Supply(supply, wrap, ended=ended), **how | {"ahead": False, "chunksize": 1})
        with uninterrupted:  # or it would wait to be begun, and who closes this for its end
            if not dispatcher.enter(feed):
                raise self._refusal()
            try:
                dispatcher.refill(feed)
            except BaseException as error:  # nobody has it: its end would be waited for for ever
                feed.fail(error)
                raise
        return feed

    def draw(self, fn: Callable[..., Any], items: Sequence[Any], *, star: bool, ended: bool) -> Drawn:
        """One function over many inputs, which workers of this process draw one by one.

        Raises:
            RuntimeError: It is over.
            BrokenExecutor: The initializer failed.
        """
        if not callable(fn):
            raise TypeError(f"the first argument must be something to call, not {fn!r}")
        dispatcher = self._dispatcher or self._begun()
        drawn = Drawn(dispatcher, self._crew, self._repeated(fn, star, {}), items, ended=ended)
        with uninterrupted:
            if not dispatcher.enter(drawn):
                raise self._refusal()
            drawn.begin()
        return drawn

    # ── their end ─────────────────────────────────────────────────────────────────────────────────────────

    @property
    def broken(self) -> BaseException | None:
        """Why nothing can be done any more, if that is so."""
        return self._dispatcher.broken if self._dispatcher is not None else None

    def check(self) -> None:
        """See to it that something can still be done.

        Raises:
            RuntimeError: It is over.
            BrokenExecutor: The initializer failed.
        """
        if self._shut or HOUSE.closed or self.broken is not None:
            raise self._refusal()

    @property
    def crew(self) -> Any:
        """The workers, once there were any."""
        return self._crew

    @property
    def hires_here(self) -> bool:
        """Whether this thread looks after the workers: a fork of it, in the middle of that, is to be one of them."""
        return self._dispatcher is not None and self._dispatcher.led_here

    def shut(self) -> None:
        """Take nothing more; the workers go when all is done. Waits for nothing and nobody."""
        self._shut = True
        if self._dispatcher is not None:
            self._dispatcher.shut()

    def cancel(self) -> None:
        """Cancel what has not begun."""
        if self._dispatcher is not None:
            self._dispatcher.cancel()

    def stop(self) -> None:
        """End it all, by force where workers can be forced."""
        self._shut = True
        if self._dispatcher is not None:
            self._crew.hurried = True
            self._dispatcher.stop(forced())

    def join(self) -> None:
        """Wait until all is done and the workers are gone."""
        if self._dispatcher is not None:
            self._dispatcher.join()

    def forked(self) -> None:
        """In a copy of the process: workers, and the thread that looks after them, are the parent's; begin anew."""
        self._lock = Lock()
        if self._dispatcher is not None and not self.hires_here:
            self._parents += [self._dispatcher, self._crew]  # not let go of: that would end what is the parent's
            self._dispatcher = self._crew = None

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    def _begun(self) -> Dispatcher:
        with uninterrupted, self._lock:
            if self._dispatcher is None:
                if self._shut or HOUSE.closed:
                    raise self._refusal()
                staff = self.staff
                with interruptible:  # it may take long
                    crew = self._hired()
                self._crew = crew
                if staff.kind == "process" and (staff.prompt or staff.start_method == "fork" or staff.family):
                    self._populate()  # before there is a thread that a fork could meet
                self._dispatcher = dispatcher_of(staff.kind, crew, staff.name, idle=None, forgives=staff.forgives)
                HOUSE.add(self._dispatcher, leaves=staff.leaves)
            return self._dispatcher

    def _populate(self) -> None:
        try:
            with interruptible:
                self._crew.populate()
        except BaseException:  # no worker was to be had, or not so many
            crew, self._crew = self._crew, None
            crew.dismiss()
            raise

    def _hired(self) -> Any:
        staff = self.staff
        own = staff.kind == "interpreter" or staff.start_method == "fork" or staff.tasks is not None or self._rooted
        plan = Plan(
            staff.kind,
            staff.workers,
            "asked for",
            start_method=staff.start_method,
            cpus=Machine.here().cpus,
            memory=nbytes(staff.memory),
            tasks=staff.tasks,
            own=own,
            prefix=staff.prefix,
            needs=staff.needs,
            family=staff.family,
        )
        call = Call(
            apply if TRAITS[staff.kind].packs else apply_async if staff.kind == "async" else apply_here,
            star=True,
            label=staff.name,
            hurry=False,
            memory=nbytes(staff.memory),
            alone=True,
            initializer=staff.initializer,
            initargs=staff.initargs,
        )
        return make(call, plan, None)

    def _item(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        if not self._packs:
            return contextvars.copy_context(), fn, args, kwargs
        return (fn if self._rooted else carried(fn)), args, kwargs

    def _repeated(self, fn: Callable[..., Any], star: bool, how: dict[str, Any]) -> Call:  # noqa: FBT001
        hurry = how.get("chunksize") is None
        context = contextvars.copy_context()
        if self._packs and not self._rooted and self.staff.kind != "ray":
            sent = carried(fn)
            return Call(sent, star, label_of(fn), hurry=hurry, context=context, memory=nbytes(self.staff.memory))  # type: ignore[arg-type]  # over there it is the function
        return Call(fn, star, label_of(fn), hurry=hurry, context=context, memory=nbytes(self.staff.memory))

    def _refusal(self) -> BaseException:
        if self.broken is not None:
            return self.broken
        when = "interpreter shutdown" if HOUSE.closed and not self._shut else "shutdown"
        return RuntimeError(f"cannot schedule new futures after {when}")


class _House:
    """All that is held in this process: what was begun is finished before the interpreter ends, but for Ctrl-C.

    Attributes:
        closed: Whether it is ending.
    """

    def __init__(self) -> None:
        self.closed = False
        # Where the standard library's own executors wait for their work: atexit is too late to start a thread.
        at_exit: Callable[[Callable[[], None]], object] = getattr(threading, "_register_atexit", atexit.register)
        with suppress(RuntimeError):  # the interpreter is ending already
            at_exit(self._close)
        self._holders: WeakSet[Held] = WeakSet()
        at_fork(after_in_child=self._forked)
        self._begin()

    def _forked(self) -> None:
        self._begin()
        for held in list(self._holders):
            held.forked()

    def _begin(self) -> None:
        self._lock = Lock()
        self._all: WeakSet[Dispatcher] = WeakSet()  # as long as it lives, its thread has it
        self._leaving: WeakSet[Dispatcher] = WeakSet()

    def hold(self, held: Held) -> None:
        """It is to begin anew in a copy of this process."""
        with self._lock:
            self._holders.add(held)

    def add(self, dispatcher: Dispatcher, *, leaves: bool) -> None:
        """It is to be finished at the end, or *leaves* undone what is not done."""
        with self._lock:
            self._all.add(dispatcher)
            if leaves:
                self._leaving.add(dispatcher)

    def _close(self) -> None:
        self.closed = True
        held, hurried = list(self._all), ends_interrupted()
        for dispatcher in held:
            if hurried or dispatcher in self._leaving:
                dispatcher.stop(forced())
            else:
                dispatcher.shut()
        for dispatcher in held:
            dispatcher.join()


def unpacked(error: BaseException, item: object) -> BaseException:
    """What pickling an *item* raised, where that is why it failed; else the *error*."""
    if isinstance(error, NotSendable) and error.what.startswith("item"):
        try:
            dumps(item)
        except Exception as raised:  # noqa: BLE001  pickling a user's value may raise anything
            raised.__cause__ = error
            return raised
    return error


def forced() -> WeftError:
    """What calls end with whose workers are ended by force."""
    return WeftError("its workers were ended by force, with this undone")


HOUSE: Final = _House()
