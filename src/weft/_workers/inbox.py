"""Where threads leave what has arrived, for a caller that waits in a thread or in an event loop."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from time import monotonic

from .._model.interruption import interruptible
from .._model.outcome import Arrival, append_joined
from .doorbell import EventDoorbell, new_doorbell

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from typing import Final

# A signal that comes after the interpreter last looked for one, and before the wait begins, is handled when the
# wait ends. Between the two lies the handing over of the GIL, which takes long where threads compute.
LISTEN: Final = 0.5  # seconds


def spells(timeout: float | None) -> Iterator[float]:
    """Cut a wait of *timeout* seconds (``None``: for ever) into spells, so that Ctrl-C is never unheard for long."""
    if timeout is None:
        while True:
            yield LISTEN
    yield min(timeout, LISTEN)
    ending = monotonic() + timeout - LISTEN
    while (left := ending - monotonic()) > 0:
        yield min(left, LISTEN)


class Inbox:
    """A queue of arrivals with one reader, who may be blocking or ``async``.

    Who waits takes nothing, but hears a bell: if Ctrl-C comes just then, all that has arrived is still there.
    """

    def __init__(self) -> None:
        self._arrived: deque[Arrival | None] = deque()
        self._bell = new_doorbell()  # rung when something has arrived, and perhaps when it has been taken
        self._left: deque[Arrival] = deque()  # for whoever looks in next
        self._ring: Callable[[], object] | None = None
        self._woken = False  # whether the last poll found that its wait was to end

    def put(self, *arrivals: Arrival | None) -> None:
        """Leave *arrivals*, or ``None`` to end the reader's wait; from any thread."""
        self._arrived.extend(arrivals)
        if self._bell.locked():
            try:  # noqa: SIM105  suppress() takes longer than all this
                self._bell.release()
            except RuntimeError:  # another thread was quicker
                pass
        ring = self._ring
        if ring is not None:
            ring()

    def leave(self, arrival: Arrival) -> None:
        """Leave an *arrival* for when the reader looks in next: it is not worth waking him for; from any thread."""
        self._left.append(arrival)

    def poll(self, timeout: float | None) -> list[Arrival]:
        """All that has arrived; waits up to *timeout* seconds for the first."""
        if timeout != 0 and not self._left:
            for spell in spells(timeout):
                if self._arrived:
                    break
                with interruptible:
                    self._bell.acquire(timeout=spell)
        return self._take()

    def _take(self) -> list[Arrival]:
        arrivals: list[Arrival] = []
        self._woken = False
        while self._arrived:
            arrival = self._arrived.popleft()
            if arrival is None:
                self._woken = True
            else:
                arrivals.append(arrival)
        return self._with_left(arrivals) if self._left else arrivals

    def _with_left(self, arrivals: list[Arrival]) -> list[Arrival]:
        """What was left before the last of these *arrivals* came, as a rule, and then these."""
        all_of_them: list[Arrival] = []
        while self._left:
            append_joined(all_of_them, self._left.popleft())
        for arrival in arrivals:
            append_joined(all_of_them, arrival)
        return all_of_them

    def close(self) -> None:
        """Nobody will read any more; who is late with something may leave it still."""
        if isinstance(self._bell, EventDoorbell):
            self._bell.close()

    @property
    def woken(self) -> bool:
        """Whether the last poll found that its wait was to end."""
        return self._woken

    async def apoll(self, timeout: float | None) -> list[Arrival]:
        """The same without blocking the event loop."""
        import asyncio

        arrivals = self.poll(0)
        if arrivals or timeout == 0 or self._woken:
            await asyncio.sleep(0)  # results that are always there must not starve the loop
            return arrivals
        loop = asyncio.get_running_loop()
        rung = asyncio.Event()

        def ring() -> None:
            with suppress(RuntimeError):  # the loop was closed
                loop.call_soon_threadsafe(rung.set)

        self._ring = ring
        try:
            if not self._arrived:
                await wait_for(rung, timeout)
        finally:
            self._ring = None
        return self.poll(0)


async def wait_for(event: asyncio.Event, timeout: float | None) -> None:
    """Wait until *event* is set, up to *timeout* seconds."""
    import asyncio

    with suppress(TimeoutError):
        async with asyncio.timeout(timeout):
            await event.wait()
