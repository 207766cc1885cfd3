"""How soon a thread is asked to hand over the GIL: sooner, while somebody listens who holds it, or brings workers.

Whoever wants the GIL waits for a switch interval, and only then is its holder asked to let go: 5 ms, unless the program
says otherwise. Whoever listens waits for it again and again.
"""

from __future__ import annotations

import sys
from _thread import allocate_lock

from .._model.copies import at_fork

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

SOON: Final = 0.0015  # seconds

# While workers are on their way, whoever gives them what they are to do wants it some ten times, and they wait with it.
AT_ONCE: Final = 0.0002  # seconds


class Handover:
    """The switch interval of this interpreter: shortened while anybody wants it to be, and then as it was."""

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._wanted: list[float] = []
        self._listeners = 0
        self._before = self._set = 0.0  # what it was, and what it was made
        at_fork(after_in_child=self._begin_anew)

    def hasten(self, within: float = SOON, *, listens: bool = False) -> None:
        """Have the GIL handed over *within* so many seconds, until :meth:`leave` is called with the same.

        As long as somebody *listens* for it, no sooner than he expects.
        """
        with self._lock:
            self._listeners += listens
            if not self._wanted:
                self._before = self._set = sys.getswitchinterval()
            self._wanted.append(within)
            self._suit()

    def leave(self, within: float = SOON, *, listens: bool = False) -> None:
        """It need not be; nor if that was asked for by another process, of which this is a forked copy."""
        with self._lock:
            if within in self._wanted:
                self._listeners -= listens
                self._wanted.remove(within)
                self._suit()

    def _suit(self) -> None:
        if abs(sys.getswitchinterval() - self._set) < self._set / 100:  # else somebody has said otherwise meanwhile
            wanted = [SOON] if self._listeners > 0 else self._wanted
            sys.setswitchinterval(min([self._before, *wanted]))
            self._set = sys.getswitchinterval()  # which is not quite what was said

    def _begin_anew(self) -> None:
        """In a forked copy nobody listens."""
        self._lock = allocate_lock()
        if self._wanted:
            self._wanted, self._listeners = [], 0
            self._suit()


HANDOVER: Final = Handover()
