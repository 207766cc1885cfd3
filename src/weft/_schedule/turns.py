"""Whose turn it is to drive a run: its caller's, or a follower's while the caller is away; one at a time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from .._model.interruption import uninterrupted
from .follower import BRISK, LULL, TICK

# So many events may wait for the caller; then nobody follows until it is back.
UNTOLD_MOST: Final = 10_000


class Turns:
    """The caller's turns and, in between, a follower's.

    Whatever would be user code in the follower's turn (observers, the ``repr`` of an item) waits for the caller's,
    and so does an error.

    Attributes:
        lock: Held by whoever drives: by the caller from :meth:`take` to :meth:`leave`, but for what it lends. Ctrl-C
            comes in between, so all these may be called once too often.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._count = 0  # of the caller's turns
        self._seen = 0  # the caller's turn at the follower's last look
        self._lent = False  # whether the caller works, and lets others drive
        self._mine: threading.Lock | None = None  # the lock, while the caller has it
        self._lends = False  # whether it has since the last look: then it is only there from time to time
        self._rests = False  # whether the follower was told to sleep for longer, as the caller does not lend its turn
        self._follower = 0  # the thread that follows just now
        self._pause = TICK  # until the next look at a caller that is there
        self._untold: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._error: BaseException | None = None  # the follower's, for the caller
        self._over = False
        self._afterwards: Callable[[], None] | None = None

    # ── the caller's ──────────────────────────────────────────────────────────────────────────────────────

    def take(self) -> None:
        """The caller drives."""
        if self._mine is None:
            with uninterrupted:
                lock = self.lock
                lock.acquire()
                self._mine = lock

    def leave(self) -> None:
        """It does no more; others may."""
        if self._mine is not None:
            with uninterrupted:
                lock, self._mine = self._mine, None
                lock.release()

    def begin(self) -> None:
        """The caller is back, with the lock: it hears what there is to tell, and what went wrong."""
        self._count += 1
        self.catch_up()
        error, self._error = self._error, None
        if error is not None:
            try:
                raise error
            finally:
                del error  # or the traceback keeps this frame and this frame the error

    def lend(self, nudge: Callable[[], object] | None = None) -> None:
        """The caller, who has the lock, works itself for a while; until it takes that back others drive.

        Args:
            nudge: Wakes the follower.
        """
        self._lent = self._lends = True
        if self._rests and nudge is not None:
            self._rests = False
            nudge()
        self.leave()

    def take_back(self) -> None:
        """The caller is done with its work."""
        self._lent = False
        self.take()

    def catch_up(self) -> None:
        """Say what was kept for the caller; without the lock, since it may be asked in the middle of a turn."""
        while self._untold:
            with suppress(IndexError):  # another thread was quicker
                say, given = self._untold.popleft()
                say(*given)

    def end(self, then: Callable[[], None]) -> None:
        """Nobody iterates any more, so nobody follows. *then* is called with nobody at the wheel.

        If this is the follower, whose garbage collection has found the run in the middle of its turn, *then* waits
        for the end of that turn.
        """
        self._over = True
        if self._follower == threading.get_ident():
            self._afterwards = then
            return
        self.leave()  # if Ctrl-C came just there
        try:
            self.take()
            self._error = None
        finally:
            self.leave()
            then()

    # ── the follower's ────────────────────────────────────────────────────────────────────────────────────

    def follow(self, step: Callable[[], float]) -> float:
        """Take a *step* if the caller has been away since the last look, or has lent its turn.

        Seconds until the next look: what the step says, or a tick, and more the longer the caller has been there.
        """
        lock, pause = self.lock, self._pause
        self._pause = min(LULL, 2 * pause)
        if not lock.acquire(blocking=False):
            self._rests = True  # before it is looked whether it lends: who does so meanwhile sees one or the other
            if self._lends:
                self._lends = self._rests = False
                return BRISK
            return pause
        try:
            if self._is_away():
                self._pause = TICK
                self._follower = threading.get_ident()
                pause = step()
        except BaseException as error:  # noqa: BLE001  whatever it is, it is for the caller
            self._error = error
        finally:
            self._follower = 0
            lock.release()
        then, self._afterwards = self._afterwards, None
        if then is not None:
            with suppress(Exception):  # the run was dropped, and nobody is there to be told
                then()
        return pause

    def _is_away(self) -> bool:
        seen, self._seen = self._seen, self._count
        away = self._lent or seen == self._count
        return away and not self._over and self._error is None and len(self._untold) < UNTOLD_MOST

    # ── either's ──────────────────────────────────────────────────────────────────────────────────────────

    def tell(self, say: Callable[..., object], *given: Any) -> None:
        """Call ``say(*given)``: now if this is the caller's turn, else when it is; twice the same news is told once."""
        if self._follower != threading.get_ident():
            say(*given)
        elif given or not self._untold or self._untold[-1][0] != say:
            self._untold.append((say, given))

    def renew(self) -> None:
        """This is a forked copy: the follower is not in it, nor what it held."""
        self.lock = threading.Lock()
        self._follower, self._over = 0, True
