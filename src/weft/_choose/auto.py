"""Workers that are chosen after the first items have been run: a crew that begins as the caller alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .._model.chunk import Chunk
from .._model.outcome import Arrival, Returned
from .._model.plan import Plan
from .choose import PROBE, Probe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._model.protocols import Crew


class AutoCrew:
    """The caller runs the first items; then the crew that was decided on takes over. Nothing is run twice.

    Args:
        caller: The crew to begin with.
        decide: Says where the rest goes, given what was seen, one item and one result; ``None`` to ask later.
        make: Makes the crew of a plan.
        total: How many items there are, if the input says so.
        before: Is shown the first item before it is run.
    """

    def __init__(
        self,
        caller: Crew,
        decide: Callable[[Probe, tuple[Any, Any]], Plan | None],
        make: Callable[[Plan], Crew],
        total: int | None,
        before: Callable[[Any], object] | None = None,
    ) -> None:
        self._crew = caller
        self._before = before
        self._decide, self._make = decide, make
        self._total = total
        self._decided = False
        self._items = 0
        self._seconds = self._cpu = 0.0
        self._ask_at = PROBE
        self._item: Any = None

    @property
    def width(self) -> int:
        """How many chunks those who work now can run at once."""
        return self._crew.width

    @property
    def prefetches(self) -> bool:
        """Whether those who work now gain by having chunks waiting."""
        return self._crew.prefetches

    @property
    def tells(self) -> bool:
        """Whether those who work now say of every item when it began."""
        return self._crew.tells

    @property
    def follows(self) -> bool:
        """Whether those who work now go on while the caller is busy."""
        return self._crew.follows

    def send(self, chunk: Chunk) -> None:
        """Hand the chunk to whoever works now."""
        if not self._decided:
            self._item = chunk.items[0]
            if self._before is not None:
                before, self._before = self._before, None
                before(self._item)
        self._crew.send(chunk)

    def poll(self, timeout: float | None) -> Sequence[Arrival]:
        """What has arrived; after the first items, decide."""
        return self._look(self._crew.poll(timeout))

    async def apoll(self, timeout: float | None) -> Sequence[Arrival]:
        """The same for an event loop."""
        return self._look(await self._crew.apoll(timeout))

    def kill(self, chunk: int) -> tuple[str, bool] | None:
        """Give up on the item that a chunk's worker is in."""
        return self._crew.kill(chunk)

    def wake(self) -> None:
        """End the wait of a poll."""
        self._crew.wake()

    def close(self) -> None:
        """Let whoever works now go."""
        self._crew.close()

    async def aclose(self) -> None:
        """The same from inside an event loop."""
        await self._crew.aclose()

    def _look(self, arrivals: Sequence[Arrival]) -> Sequence[Arrival]:
        if self._decided:
            return arrivals
        for arrival in arrivals:
            if isinstance(arrival, Returned) and arrival.values:
                self._items += len(arrival.values)
                self._seconds += arrival.seconds
                self._cpu += arrival.cpu or 0.0
                if self._seconds >= self._ask_at and not self._decided:
                    self._ask(arrival.values[-1])
        return arrivals

    def _ask(self, value: Any) -> None:
        left = None if self._total is None else max(0, self._total - self._items)
        plan = self._decide(Probe(self._items, self._seconds, self._cpu, left), (self._item, value))
        if plan is None:
            self._ask_at = 2 * self._seconds  # so that deciding costs little however long it stays open
            return
        self._decided, self._item = True, None
        if plan.kind != "serial":
            caller, self._crew = self._crew, self._make(plan)
            caller.close()
