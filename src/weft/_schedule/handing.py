"""Single calls for workers that settle futures themselves: they are handed over, and there is nothing to read."""

from __future__ import annotations

from typing import Any, Final, cast

from .._model.locks import Lock
from .._model.protocols import Crew, Handy
from .call_future import CallFuture, HandedFuture
from .dispatcher import IDLE, Dispatcher
from .verdicts import DEATHS_FORGIVEN

# So many workers that wait for others have somebody in their place, at most: each of those is a thread.
MOST_STOOD_IN: Final = 512


class Handing(Dispatcher):
    """A dispatcher that hands single calls to the workers of a :class:`Handy` crew, and sleeps meanwhile.

    What many calls come from it still gives out and reads the answers to, as any.

    Args:
        crew: The workers.
        name: As of any dispatcher.
        idle: As of any.
        forgives: As of any.

    Attributes:
        make: Makes a call in the worker that waits for it.
        here: Tells that worker's name; ``None`` in a thread that is none of the crew's.
    """

    _patience = 0  # a call wakes nobody here

    def __init__(self, crew: Crew, name: str, idle: float | None = IDLE, *, forgives: int = DEATHS_FORGIVEN) -> None:
        self._handed: set[HandedFuture] = set()  # and neither settled nor cancelled
        handy = cast("Handy", crew)
        self._hand, self.make, self.here = handy.hand, handy.make, handy.here
        self._widen = handy.widen
        self._places = Lock()  # of what follows
        self._stood_in: dict[object, int] = {}  # for whom, and how often each has said that he waits
        handy.handed = self._handed
        super().__init__(crew, name, idle, forgives=forgives)

    def submit(self, item: Any) -> HandedFuture | None:
        """A future for the call; ``None`` if the dispatcher has ended and another is wanted."""
        future = HandedFuture(self, item)
        try:
            with self._lock:
                if self._over or self._finishing:
                    return None
                self._handed.add(future)
                self._given += 1
            self._hand(item, future)
        except BaseException:  # Ctrl-C: nobody has the future, so nobody is to wait for it
            self._handed.discard(future)
            raise
        return future

    def serve(self, future: CallFuture, timeout: float | None) -> float | None:
        """As of any; where it is a worker that waits, as all may do, another has its place meanwhile."""
        if self.here() is None:
            return super().serve(future, timeout)
        waiter = object()
        self.waits(waiter)
        try:
            return super().serve(future, timeout)
        finally:
            self.waited(waiter)

    def waits(self, waiter: object) -> None:
        """Somebody waits, which he may say several times: where it is a worker, another has its place meanwhile."""
        if self.here() is None:
            return
        with self._places:
            if waiter not in self._stood_in and len(self._stood_in) >= MOST_STOOD_IN:
                return
            times = self._stood_in[waiter] = self._stood_in.get(waiter, 0) + 1
        if times == 1:
            self._widen(1)

    def waited(self, waiter: object) -> None:
        """He waits no longer, which he says as often."""
        if waiter not in self._stood_in:
            return
        with self._places:
            times = self._stood_in[waiter] = self._stood_in[waiter] - 1
            if times == 0:
                del self._stood_in[waiter]
        if times == 0:
            self._widen(-1)

    def done(self, future: HandedFuture) -> None:
        """What was handed over is done, or will never be; takes no lock."""
        self._handed.discard(future)
        if self._finishing and not self._handed:
            self._ring()

    def cancel(self) -> None:
        """Cancel the calls that have not begun."""
        super().cancel()
        for handed in list(self._handed):
            handed.call_off()

    def _take_all(self) -> list[CallFuture | HandedFuture]:
        return [*super()._take_all(), *self._handed]

    @property
    def _is_owed(self) -> bool:
        return bool(self._handed) or super()._is_owed
