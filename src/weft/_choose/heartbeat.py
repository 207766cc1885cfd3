"""Who holds the GIL: a thread that sleeps a moment and looks how late it wakes, again and again."""

from __future__ import annotations

import sys
import threading
from time import perf_counter, sleep, thread_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

# Between two beats, each a little different from the last so that no rhythm of the function's goes unnoticed.
PAUSES: Final = (0.0010, 0.0006, 0.0014, 0.0008, 0.0012)  # seconds

# A beat is late that waited for more than this part of the switch interval, after which a thread is asked to let go.
LATE: Final = 0.25

PUNCTUAL: Final = 6  # beats in time are enough to say that nobody holds it, where something is computed
IDLE: Final = 3  # and where nothing is
LATER: Final = 3  # late beats in a row are enough to say that somebody does
LONG: Final = 0.008  # seconds of lateness are, however few the beats
RAN: Final = 0.3  # of a beat, at least, is what the function has to compute in it
LONGEST: Final = 0.050  # seconds; then what there is has to do
BUSIEST: Final = 0.150  # and this where the machine is so busy that there is hardly anything


class Heartbeat:
    """One measurement: begins when made, ends by itself.

    Args:
        works: Whether the function is being run at the moment; beats in between say nothing about it.
        ran: CPU seconds of the thread that runs it: beats in which it did not get on say nothing either.
        delayed: How long this thread has waited for a processor so far; that is not the GIL's fault.
    """

    def __init__(
        self, works: Callable[[], bool], ran: Callable[[], float | None], delayed: Callable[[int], float]
    ) -> None:
        self._works, self._ran, self._delayed = works, ran, delayed
        self._ended = False
        self.beats = self.late = 0
        self.lateness = 0.0
        self.cpu = 0.0  # seconds that it cost
        self._thread = threading.Thread(target=self._beat, name="weft-heartbeat", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # no more threads to be had: nothing is known, and so it is
            self._ended = True

    def end(self) -> None:
        """Stop; what was counted stays."""
        self._ended = True

    @property
    def held(self) -> float:
        """In what share of the time that it computed the function held the GIL; all of it, if nobody knows."""
        return self.late / self.beats if self.beats >= IDLE else 1.0

    def sure(self, *, waits: bool) -> bool:
        """Whether it has seen enough; of a function that mostly *waits*, less is enough."""
        if self._ended or self.lateness > LONG or (self.late == self.beats >= LATER):
            return True
        if self.late == 0:
            return self.beats >= (IDLE if waits else PUNCTUAL)
        return self.beats >= 2 * PUNCTUAL

    def _beat(self) -> None:
        thread = threading.get_native_id()
        limit = LATE * sys.getswitchinterval()
        waited = self._delayed(thread)
        start, turn = perf_counter(), 0
        while not self._ended and (began := perf_counter()) - start < (LONGEST if self.beats >= IDLE else BUSIEST):
            worked, pause = self._works(), PAUSES[turn % len(PAUSES)]
            ran = self._ran()
            sleep(pause)
            late = perf_counter() - began - pause
            got_on = _advance(ran, self._ran()) > RAN * (late + pause)
            if late > limit:  # only then: whoever asks the system lets go of the GIL, and waits for it again
                before, waited = waited, self._delayed(thread)
                late -= waited - before
            turn += 1
            if worked and got_on and self._works():
                self.beats += 1
                self.late += late > limit
                self.lateness += max(0.0, late)
            self.cpu = thread_time()
        self._ended = True


def _advance(before: float | None, after: float | None) -> float:
    """Seconds from one to the other; endless where nobody knows."""
    return float("inf") if before is None or after is None else after - before
