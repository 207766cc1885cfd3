"""A worker process as its parent sees it."""

from __future__ import annotations

import _signal as signal  # the standard library's makes enums of it, which takes 3 ms
import os
from collections import deque
from contextlib import ExitStack
from itertools import count
from time import monotonic

from .._model.locks import Lock
from .._transport.line import lay_line
from .ahead import Permits, Queue
from .lives import how_it_ended
from .memory import private_memory
from .offspring import Offspring
from .status import DUMP_SIGNAL, StatusPage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from .births import Bear, Birth

# How long workers get to leave by themselves when their parent is about to.
FAREWELL: Final = 0.5  # seconds

_NUMBERS = count(1)


class Worker:
    """A worker process as its parent sees it.

    Attributes:
        name: Its name.
        birth: How it was born.
        line: To it.
        channel: The line's, never blocking.
        page: What it is in, and since when.
        ahead: What it was sent ahead of its turn.
        held: The chunks it was given and has not answered, in their order.
        knows: The call that it was given last, by number.
        tasks: How many items it was given, in all its life.
        peak: The most memory that it ever had, in bytes, once it was found dead; 0 if that is not known.
        unborn: The errno by which it did not come to be, once that is known; else 0.
        born: When that was asked for.
        rests_since: When it was given back last.

    Args:
        birth: How it is to be born.
        bear: What does it.
    """

    def __init__(self, birth: Birth, bear: Bear) -> None:
        kind = "interpreter" if birth.method == "interpreter" else "process"
        self.name = f"{birth.prefix}_{next(_NUMBERS)}" if birth.prefix else f"weft-{kind}-{next(_NUMBERS)}"
        self.birth = birth
        self.held: deque[int] = deque()
        self.knows = 0
        self.tasks = 0
        self.peak = self.unborn = 0
        self.born = monotonic()
        self.rests_since = 0.0
        self._below: Offspring | None = None  # what is to end with it
        self._asking = Lock()  # at exit, the thread of a run and the one that ends all workers meet here
        with ExitStack() as theirs, ExitStack() as ours:  # what the worker has, and what stays here if it is born
            self.page = StatusPage()
            ours.callback(self.page.close)
            permits = Permits.none()
            self.ahead = Queue(permits)
            ours.callback(self.ahead.close)
            self.line, far_ends = lay_line()
            ours.callback(self.line.close)
            for fd in far_ends.values():
                theirs.callback(os.close, fd)
            below, self._lifeline = os.pipe()
            theirs.callback(os.close, below)
            ours.callback(self._cut_lifeline)
            self.channel = self.line.channel
            self._inherited = private_memory(os.getpid()) if birth.method == "fork" else 0
            fds = {**far_ends, "lifeline": below, "page": self.page.fd}
            if permits.fd >= 0:
                fds["permits"] = permits.fd
            self._life = bear(self.name, fds, (self.channel.fileno(), self._lifeline))
            ours.pop_all()

    @property
    def pid(self) -> int:
        """Its process id; waits until it is born, 0 if it never was."""
        with self._asking:
            return self._life.pid

    @property
    def title(self) -> str:
        """Its name, and its process where it has one of its own; waits until it is born."""
        return f"{self.name} (pid {self.pid})" if self.birth.method != "interpreter" else self.name

    @property
    def memory(self) -> int:
        """What it has for itself, in bytes, and not from a parent that was forked; 0 as long as it is not born."""
        with self._asking:
            return max(0, private_memory(self._life.pid) - self._inherited) if self._life.born else 0

    @property
    def descriptors(self) -> set[int]:
        """What this process holds open for it."""
        own = {self._lifeline, self.page.fd, self.ahead.fd} - {-1}
        return own | self.line.descriptors | self._life.descriptors

    @property
    def alive(self) -> bool:
        """Whether it still runs, or is being born."""
        with self._asking:
            return self._life.ended(0) is None

    def hang_up(self) -> None:
        """Close the channel: an idle worker leaves."""
        self.channel.close()

    def reap(self, timeout: float | None = None, *, weigh: bool = True) -> str:
        """Wait until it has ended; how it did. Then its peak is known too, if somebody is to *weigh* it.

        Raises:
            TimeoutError: It has not, within *timeout* seconds.
        """
        with self._asking:
            code = self._life.ended(timeout)
            if code is None:
                raise TimeoutError(f"{self.name} still runs")
            if weigh:
                self.peak = self._life.peak
            self.unborn = code if code > 0 and not self._life.pid else 0
            self._let_go()
            return how_it_ended(self._life, code)

    @property
    def gone(self) -> bool:
        """Whether it has ended; then there is nothing left of it."""
        try:
            self.reap(0, weigh=False)
        except TimeoutError:
            return False
        return True

    def condemn(self) -> None:
        """Have it end by force, and what it has started, without waiting until it has."""
        below = self._offspring()
        self._cut_lifeline()  # the kernel kills it, even if it is not born yet
        with self._asking:
            self._life.signal(signal.SIGKILL)
        below.end()

    def ask_for_stack(self) -> None:
        """Its end is near: have it leave its stack, and what it has started end with it."""
        self._below = self._below or self._offspring()
        self.signal(DUMP_SIGNAL)

    def signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        with self._asking:
            self._life.signal(number)

    def kill(self) -> str:
        """End it now; how it ended."""
        self.condemn()
        try:
            return self.reap(FAREWELL)
        except TimeoutError:  # it is not even born, or is stuck in the kernel: it ends when it can
            with self._asking:
                self._let_go()
            return "SIGKILL"

    def outlive(self, patience: float = FAREWELL) -> None:
        """Wait so many seconds for its end, and leave what is open to others."""
        with self._asking:
            self._life.ended(patience)

    def disown(self) -> None:
        """Let go of it in a forked copy of its parent, where it is not ours."""
        if self._below is not None:
            self._below.forget()
        self._let_go()

    def _offspring(self) -> Offspring:
        with self._asking:
            there = self._life.born and self._life.ended(0) is None  # else its number may be another's
            return Offspring(self._life.pid if there else 0)

    def _let_go(self) -> None:
        if self._below is not None:
            self._below.end()
        self.line.close()
        self.page.close()
        self.ahead.close()
        self._cut_lifeline()
        self._life.disown()

    def _cut_lifeline(self) -> None:
        lifeline, self._lifeline = self._lifeline, -1
        if lifeline >= 0:  # once: the number may be somebody else's by now
            os.close(lifeline)
