"""What a forked process puts away of the one it was forked from: before it is a worker, or as a copy of one."""

from __future__ import annotations

import _signal as signal  # the standard library's makes enums of it, which takes 3 ms
import os
import sys
from contextlib import suppress

from .._model.copies import at_fork
from .._model.storm import FRONTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def put_away() -> None:
    """Forget signal handlers and storms, and take another place in every random sequence that the two would share."""
    FRONTS.clear()
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):  # Python's own; SIGINT's is set by whoever goes on from here
            signal.signal(number, signal.SIG_IGN if number == signal.SIGINT else signal.SIG_DFL)
    # The standard library's `random` sees to itself when it is forked, NumPy's does not.
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        with suppress(Exception):  # a module of that name that is somebody else's
            numpy_random.seed()


def limit_native_threads(count: int | None) -> None:
    """Have libraries that are loaded already, with their pools of threads, use so many; if threadpoolctl is there."""
    if count is not None and "numpy" in sys.modules:
        with suppress(ImportError):
            from threadpoolctl import threadpool_limits

            threadpool_limits(count)


def read_nothing() -> None:
    """Have an empty input: the parent's is the parent's."""
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115  it lives as long as the worker


def say_nothing_for_the_parent() -> None:
    """Have the streams of the process, and no log handlers: what is said goes to the parent, who has its own."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, f"__{name}__")
        try:
            stream.fileno()
        except (AttributeError, OSError, ValueError):  # there is none, or it is closed
            stream = None
        setattr(sys, name, stream)
    logging = sys.modules.get("logging")
    if logging is not None:
        for logger in (logging.root, *logging.root.manager.loggerDict.values()):
            if isinstance(logger, logging.Logger):  # and not a placeholder
                logger.handlers, logger.filters, logger.propagate = [], [], True


# Python calls a handler when it is back from C: of a copy that has just begun to wait there, never.
def have_copies_die_of(number: int, handler: Callable[..., Any]) -> None:
    """Have the signal *number*, which this worker has a *handler* for, end what the user's functions fork at once.

    Until a copy is ready for it, the signal waits.
    """
    from _thread import _local as ThreadLocal  # noqa: N812  threading has it under that name

    mask = ThreadLocal()

    def wait() -> None:
        mask.before = signal.pthread_sigmask(signal.SIG_BLOCK, {number})

    def go_on() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask.before)

    def begin() -> None:
        if signal.getsignal(number) == handler:  # and not the function's own
            signal.signal(number, signal.SIG_DFL)
        go_on()

    at_fork(before=wait, after_in_parent=go_on, after_in_child=begin)
