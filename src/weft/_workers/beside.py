"""Threads beside an event loop, for what would block it: one for each call, kept for the next for a while."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context

from .._model.copies import at_fork

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, ParamSpec, TypeVar

    P = ParamSpec("P")
    R = TypeVar("R")

# How long a thread without a call waits for one. To start another takes a hundred times as long as to wake it.
RESTS: Final = 10.0  # seconds


class _Spare(threading.Thread):
    """A thread that makes one call after the other; its name says whether it has one."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._errand: Callable[[], object] | None = None
        self._bell = threading.Lock()
        self._bell.acquire()

    def give(self, errand: Callable[[], object] | None) -> None:
        """Have it make a call; ``None`` to have it end. Only whoever has it to himself may do that."""
        self._errand = errand
        self.name = BUSY
        self._bell.release()

    def run(self) -> None:
        while True:
            if not self._bell.acquire(timeout=RESTS):
                with suppress(ValueError):  # somebody has taken it just now, and will ring
                    _IDLE.remove(self)
                    return
                self._bell.acquire()
            errand, self._errand = self._errand, None
            if errand is None:
                return
            errand()
            del errand  # or what it refers to lives on while it waits for the next
            self.name = IDLE
            _IDLE.append(self)


BUSY: Final = "weft-beside"
IDLE: Final = "weft-beside-idle"

_IDLE: Final[list[_Spare]] = []  # who has just become idle is the last, and the next to be busy


def make_beside(errand: Callable[[], object]) -> None:
    """Make a call, which raises nothing, in a thread that has nothing else to do; one that does not end keeps nobody.

    Raises:
        RuntimeError: There are no more threads to be had.
    """
    try:
        thread = _IDLE.pop()
    except IndexError:
        thread = _Spare()
        thread.start()
    thread.give(errand)


def dismiss() -> None:
    """End the threads that have nothing to do."""
    with suppress(IndexError):
        while True:
            _IDLE.pop().give(None)


# Not asyncio.to_thread: the interpreter does not end before its threads have, takes no more work for them once it
# is ending, and has only a few of them.
async def beside(fn: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call *fn* in a thread of its own, so that the event loop runs on; one that does not end keeps nobody."""
    import asyncio

    loop = asyncio.get_running_loop()
    context = copy_context()
    done: asyncio.Future[tuple[R | None, BaseException | None]] = loop.create_future()

    def tell(value: R | None, error: BaseException | None) -> None:
        if not done.done():
            done.set_result((value, error))

    def live() -> None:
        value, error = None, None
        try:
            value = context.run(fn, *args, **kwargs)
        except BaseException as raised:  # noqa: BLE001  whatever it is, it is for who waits
            error = raised
        with suppress(RuntimeError):  # the loop was closed
            loop.call_soon_threadsafe(tell, value, error)

    try:
        make_beside(live)
    except RuntimeError:  # no more threads to be had: rather block the loop than lose the call
        live()
    value, error = await done
    try:
        if error is not None:
            raise error
        return value  # type: ignore[return-value]  # it is what fn returned
    finally:
        del error  # or the traceback keeps this frame and this frame the error


at_fork(after_in_child=_IDLE.clear)  # they are the parent's
