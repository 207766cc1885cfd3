"""Who holds the GIL: a thread that sleeps a moment and looks how late it wakes, again and again."""

from __future__ import annotations

import sys
from _thread import get_native_id, start_new_thread
from time import perf_counter, sleep, thread_time
from typing import Protocol

from .handover import HANDOVER, SOON

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

# Between two beats, each a little different from the last so that no rhythm of the function's goes unnoticed.
PAUSES: Final = (0.0006, 0.0010, 0.0014, 0.0008, 0.0012)  # seconds

# A beat is late that waited for more than this part of the switch interval, after which a thread is asked to let go.
LATE: Final = 0.8

PUNCTUAL: Final = 6  # beats in time are enough to say that nobody holds it, where something is computed
IDLE: Final = 3  # and where nothing is
LATER: Final = 3  # so many late ones say that somebody does, now and then at least
RAN: Final = 0.3  # of a beat, at least, is what the function has to compute in it
LONGEST: Final = 0.050  # seconds; then what there is has to do
BUSIEST: Final = 0.150  # and this where the machine is so busy that there is hardly anything


class Account(Protocol):
    """What the system writes down of a thread."""

    def queued(self) -> float:
        """Seconds that it was ready to run and had no processor. Whoever asks lets go of the GIL."""

    def close(self) -> None:
        """Nobody asks any more."""


class Heartbeat:
    """One measurement: begins when made, ends by itself.

    Args:
        works: Whether the function is being run at the moment; beats in between say nothing about it.
        ran: CPU seconds of the thread that runs it: beats in which it did not get on say nothing either.
        account: Opens the account of this thread: what it waits for a processor is not the GIL's fault.
        done: Called in this thread when it has heard enough, or has given up.
    """

    def __init__(
        self,
        works: Callable[[], bool],
        ran: Callable[[], float | None],
        account: Callable[[int], Account],
        done: Callable[[], object],
    ) -> None:
        self._works, self._ran, self._account, self._done = works, ran, account, done
        self._ended = False
        self.beats = self.late = 0
        self.lateness = 0.0
        self.cpu = 0.0  # seconds that it cost
        self._waited = 0.0  # for a processor, so far
        self._crowded = False  # whether that was so long that it matters
        self._wanted = LATER  # late beats
        self._hastens = True
        HANDOVER.hasten(listens=True)
        self._limit = LATE * min(SOON, sys.getswitchinterval())
        self._first = (works(), ran(), perf_counter())
        try:
            start_new_thread(self._live, ())  # and do not wait until it has begun: for that it needs the GIL
        except RuntimeError:  # no more threads to be had: nothing is known, and so it is
            self._ended = True

    def hurry(self) -> None:
        """Little depends on it: one late beat is enough."""
        self._wanted = 1

    def end(self) -> None:
        """Stop; what was counted stays. Until then threads hand over the GIL sooner."""
        self._ended = True
        if self._hastens:
            self._hastens = False
            HANDOVER.leave(listens=True)

    @property
    def held(self) -> float:
        """In what share of the time that it computed the function held the GIL; all of it, if nobody knows."""
        return self.late / self.beats if self.beats >= IDLE else 1.0

    def sure(self, *, waits: bool) -> bool:
        """Whether it has seen enough; of a function that mostly *waits*, less is enough."""
        if self._ended:
            return True
        return not self.late and self.beats >= (IDLE if waits else PUNCTUAL)

    def _live(self) -> None:
        account = self._account(get_native_id())
        try:
            self._listen(account)
        finally:
            self._ended = True
            account.close()
        self._done()

    def _listen(self, account: Account) -> None:
        self._beat(account, *self._first, 0.0)  # to begin is a beat: who begins needs the GIL
        start, turn = perf_counter(), 0
        while not self._is_enough(account) and (began := perf_counter()) - start < (
            LONGEST if self.beats >= IDLE else BUSIEST
        ):
            pause = PAUSES[turn % len(PAUSES)]
            worked, ran = self._works(), self._ran()
            sleep(pause)
            turn += 1
            self._beat(account, worked, ran, began, pause)

    def _beat(self, account: Account, worked: bool, ran: float | None, began: float, pause: float) -> None:  # noqa: FBT001
        """It was to wake *pause* seconds after it *began*; whether the function got on meanwhile, and who was late."""
        late = perf_counter() - began - pause
        got_on = _advance(ran, self._ran()) > RAN * (late + pause)
        if late > self._limit and (self._crowded or self.late < self.beats):
            before, self._waited = self._waited, account.queued()
            late -= self._waited - before
        if worked and got_on and self._works():
            self.beats += 1
            self.late += late > self._limit
            self.lateness += max(0.0, late)
        self.cpu = thread_time()

    def _is_enough(self, account: Account) -> bool:
        """Whether it has heard enough, and was late for no other reason.

        Whoever asks the system for that lets go of the GIL, and may wait for it again: where every beat was late it is
        asked once, and else when one is.
        """
        if self._ended or (not self.late and self.beats >= PUNCTUAL):
            return True
        if self.late < self._wanted and self.beats < 2 * PUNCTUAL:
            return False
        if self._crowded or self.late < self.beats:
            return True
        self._waited = account.queued()
        self._crowded = self.lateness - self._waited < self._wanted * self._limit
        if self._crowded:
            self.beats = self.late = 0
            self.lateness = 0.0
        return not self._crowded


def _advance(before: float | None, after: float | None) -> float:
    """Seconds from one to the other; endless where nobody knows."""
    return float("inf") if before is None or after is None else after - before
