"""How soon a thread is asked to hand over the GIL: sooner, while somebody listens who holds it.

Whoever wants the GIL waits for a switch interval, and only then is its holder asked to let go: 5 ms, unless the program
says otherwise. Whoever listens waits for it again and again.
"""

from __future__ import annotations

import os
import sys
from _thread import allocate_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

SOON: Final = 0.0015  # seconds


class Handover:
    """The switch interval of this interpreter: shortened while anybody wants it to be, and then as it was."""

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._wanted = 0
        self._before = 0.0
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._begin_anew)

    def hasten(self) -> None:
        """Have the GIL handed over soon, until :meth:`leave` has been called as often."""
        with self._lock:
            self._wanted += 1
            now = sys.getswitchinterval()
            if self._wanted == 1 and now > SOON:
                self._before = now
                sys.setswitchinterval(SOON)

    def leave(self) -> None:
        """It need not be."""
        with self._lock:
            self._wanted -= 1
            if not self._wanted:
                self._restore()

    def _restore(self) -> None:
        before, self._before = self._before, 0.0
        if before and abs(sys.getswitchinterval() - SOON) < SOON / 100:  # else somebody has said otherwise meanwhile
            sys.setswitchinterval(before)

    def _begin_anew(self) -> None:
        """In a forked copy nobody listens."""
        self._lock, self._wanted = allocate_lock(), 0
        self._restore()


HANDOVER: Final = Handover()
