"""When Ctrl-C comes: while somebody is waited for, and not in the midst of what would be lost if it were left there.

A message that was read and not yet passed on is nowhere else, and an exception may come after any call that the main
thread makes. So what goes from hand to hand does it ``with uninterrupted``: Ctrl-C is noted, and comes at its end. What
waits within, or is somebody else's code, does so ``with interruptible``: there it comes at once. The same goes for an
alarm, whose handler often raises as well: it is how programs limit the time that something takes.
"""

from __future__ import annotations

import _signal as signal  # the standard library's makes enums of it, which takes 3 ms
import sys
import threading
from _thread import get_ident
from time import monotonic

from .copies import at_fork

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Final

# Who presses Ctrl-C again, so long after it was first noted, is not kept waiting: something hangs.
INSISTS: Final = 0.5  # seconds

# What is kept waiting; not all systems have alarms.
KEPT: Final = (signal.SIGINT, getattr(signal, "SIGALRM", signal.SIGINT))


def hears_signals() -> bool:
    """Whether signals are this interpreter's, and not another's of the same process."""
    interpreters = sys.modules.get("_interpreters")  # which whoever made this one has imported
    try:
        return interpreters is None or interpreters.get_current() == interpreters.get_main()
    except AttributeError:
        return True


# The order of every two lines here matters: a signal is handled at the beginning of a function, and after each call
# that one makes, but never between a call's return from here and the line that begins the block, or ends it.
class _Uninterrupted:
    """Has Ctrl-C wait for the end of the outermost of these blocks, in the main thread; its price is two system calls.

    Nothing changes in other threads, nor where the program has no Python handler for it.

    Attributes:
        main: That thread.
        blocks: Those that it is in: whether Ctrl-C could come where each began.
        comes: Whether it can now.
        noted: When each signal was heard that has not come.
        left_by: The last exception that came when it might, by its ``id``: out of a handler, or a block for that.
    """

    def __init__(self) -> None:
        self.main = threading.main_thread().ident if hears_signals() else 0
        self.blocks: list[bool] = []
        self.comes = False
        self.noted: dict[int, float] = {}
        self.left_by = 0
        self._handlers: dict[int, Any] = {}  # what each does
        self._note = self._hear  # one object, to know it by
        at_fork(after_in_child=self._begin_anew)

    def __enter__(self) -> None:
        if get_ident() != self.main:
            return
        if self.blocks:
            came, self.comes = self.comes, False
            self.blocks.append(came)
            return
        interrupt, alarm = map(signal.getsignal, KEPT)
        if not callable(interrupt) and not callable(alarm):
            return
        self.blocks = [False]
        try:
            if callable(alarm) and alarm is not interrupt:
                self._keep(KEPT[1], alarm)
            if callable(interrupt):
                self._keep(KEPT[0], interrupt)
        except BaseException as error:
            self.blocks = []  # whose handler was replaced is called by what has replaced it
            if not isinstance(error, ValueError):
                raise
            self.main = 0  # the interpreter's main thread is one that threading does not know

    def __exit__(self, *_: object) -> None:
        if not self.blocks or get_ident() != self.main:
            return
        if len(self.blocks) > 1:
            self.comes = self.blocks.pop()
        else:
            try:
                self._give_back()
            finally:
                self.blocks, self.comes = [], False
        if self.noted and (self.comes or not self.blocks):
            self.come()

    def come(self) -> None:
        """What was noted comes now: the handler is called, since an event loop may have heard of the signal itself."""
        while self.noted:
            number = next(iter(self.noted))
            del self.noted[number]
            handler = signal.getsignal(number)
            if handler is self._note or handler is self._handlers.get(number):
                self._call(number, sys._getframe(1))  # noqa: SLF001  there is no public one
            else:
                signal.raise_signal(number)

    def _keep(self, number: int, handler: Any) -> None:
        """Note this signal from now on; its *handler* is called later."""
        if handler is not self._note:
            self._handlers[number] = handler
        signal.signal(number, self._note)

    def _give_back(self) -> None:
        for number in KEPT:
            if signal.getsignal(number) is self._note:  # else somebody has set another meanwhile
                signal.signal(number, self._handlers[number])

    def _hear(self, number: int, frame: FrameType | None) -> None:
        now = monotonic()
        insists = now - self.noted.get(number, now) > INSISTS
        if self.blocks and not self.comes and not insists:
            self.noted.setdefault(number, now)
            return
        self.noted.pop(number, None)  # it has come with this one
        self._call(number, frame)

    def _call(self, number: int, frame: FrameType | None) -> None:
        came, self.comes = self.comes, False  # if it raises, the wait is over
        try:
            self._handlers[number](number, frame)  # it could be called when the block began
        except BaseException as error:
            self.left_by = id(error)
            raise
        self.comes = came

    def _begin_anew(self) -> None:
        """In a copy of the process, whose main thread is the one that has forked: it is in none of these blocks."""
        self._give_back()
        self.blocks, self.comes, self.noted = [], False, {}
        self.main = self.main and get_ident()


class _Interruptible:
    """Lets Ctrl-C come at once in the midst of an ``uninterrupted`` block: for what may be left at any moment."""

    def __enter__(self) -> None:
        if uninterrupted.blocks and get_ident() == uninterrupted.main:
            uninterrupted.comes = True
            if uninterrupted.noted:
                uninterrupted.come()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if uninterrupted.blocks and get_ident() == uninterrupted.main:
            uninterrupted.comes = False
            uninterrupted.left_by = 0 if error is None else id(error)


def interrupts(error: BaseException) -> bool:
    """Whether *error* has come where nothing is lost by it: it is Ctrl-C's, a program's end, or a signal handler's.

    Of the last only those are known that came in an ``interruptible`` block of this thread, and all of an alarm's.
    """
    here = get_ident() == uninterrupted.main and id(error) == uninterrupted.left_by
    return here or isinstance(error, KeyboardInterrupt | SystemExit)


uninterrupted: Final = _Uninterrupted()
interruptible: Final = _Interruptible()
