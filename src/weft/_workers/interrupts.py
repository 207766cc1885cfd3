"""Ctrl-C that is kept from births and ends: blocked, so that neither a forked copy nor a second press gets at them.

What goes from hand to hand in the main thread is ``uninterrupted`` (``_model/interruption.py``), which costs less.
"""

from __future__ import annotations

import _signal as signal  # the standard library's makes enums of it, which takes 3 ms
import sys
import threading
from contextlib import contextmanager

from .._model.interruption import hears_signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


# Blocking the signal is not enough: another thread may take it, and what it raises here would be lost in one of the
# functions that os.fork calls.
@contextmanager
def interrupts_held(*, drop: bool = False) -> Iterator[None]:
    """Have Ctrl-C wait, and come after this, or not at all; in a forked copy it does not come either.

    Args:
        drop: Not at all: this process is ending already.
    """
    held: list[int] = []
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    handler = signal.getsignal(signal.SIGINT)
    ours = threading.current_thread() is threading.main_thread() and callable(handler) and hears_signals()
    if ours:
        signal.signal(signal.SIGINT, lambda number, _: held.append(number))
    try:
        yield
    finally:
        if drop:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if ours:
            signal.signal(signal.SIGINT, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if held and not drop:
            signal.raise_signal(signal.SIGINT)


def ends_interrupted() -> bool:
    """Whether it is Ctrl-C that this program is ending of, and no prompt has gone on after it."""
    raised = getattr(sys, "last_type", None)
    return isinstance(raised, type) and issubclass(raised, KeyboardInterrupt) and not hasattr(sys, "ps1")
