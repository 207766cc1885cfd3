"""The stairwell of "auto": what the chooser is given of the other rooms; loaded where something is to be chosen."""

from __future__ import annotations

import gc

from ._choose.auto import AutoCrew
from ._choose.choose import plan_of
from ._choose.heartbeat import Heartbeat
from ._choose.past import is_off
from ._choose.pilot import Pilot
from ._model.noun import replace
from ._workers.delay import Account, libraries_run
from ._workers.functions import is_coroutine_function
from ._workers.kinds import make_watched
from ._workers.starting import STARTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from ._choose.conduct import Conduct
    from ._choose.machine import Machine
    from ._choose.memory import Learned, Memory
    from ._choose.record import Record
    from ._model.chunk import Call
    from ._model.measured import Freight
    from ._model.options import Options
    from ._model.plan import Plan
    from ._model.protocols import Crew


def crew_that_chooses(house: House, total: int | None, record: Record) -> Crew:
    """The caller, watched, and whoever takes over from it."""
    pilot = Pilot(house, house.caller, total, record, awaits=house.awaits)
    return AutoCrew(house.caller, pilot, before=house.take_note)


class House:
    """What the chooser is given to choose with, see :class:`weft._choose.house.House`.

    Args:
        call: What the run repeats.
        options: What was asked of the run.
        machine: Where it is.
        workers: How many there are of each kind when nobody says.
        make: Makes the workers of a plan.
        conduct: What its functions change.
        stays: Why they can't go to another process with an item and a result like these.
        tell: Told of what is decided.
        nudge: Has somebody look at the caller's work now.

    Attributes:
        caller: The first of its workers.
        named: The kinds that were asked for.
        awaits: Whether coroutines may have it.
    """

    def __init__(
        self,
        call: Call,
        options: Options,
        machine: Machine,
        *,
        workers: Mapping[str, int],
        make: Callable[[Plan], Crew],
        conduct: Conduct,
        stays: Callable[[tuple[Any, Any]], str | None],
        tell: Callable[[Plan], None],
        nudge: Callable[[], None],
    ) -> None:
        self.caller, self._workers = make_watched(call), workers
        self.machine, self.asked = machine, options.max_workers
        self.make, self.stays, self.tell, self._nudge = make, stays, tell, nudge
        self.named, self._conduct = options.kinds, conduct
        self.awaits = is_coroutine_function(call.fn) and "async" in options.kinds
        self._place: tuple[Memory, bytes] | None = None
        self.remembers = not is_off()
        self.forks = options.started_by == "fork"  # which is for a process of one thread
        self.overlaps = not self.forks

    @property
    def refused(self) -> Mapping[str, str]:
        """Kinds that the function does not bear, and why."""
        alone = self._conduct.alone()
        return {} if alone is None else {"thread": alone}

    @property
    def changes(self) -> str:
        """What the function changes here, as the end of a sentence."""
        return self._conduct.changes()

    @property
    def kinds(self) -> frozenset[str]:
        """Those of them that the function bears."""
        return self.named - self.refused.keys()

    def plan(self, kind: str, workers: int, reason: str, threads: int) -> Plan:
        """A plan for so many."""
        return replace(plan_of(kind, reason, workers, self._workers, threads), shares=self.asked is None)

    def witnessed(self) -> str | None:
        """What the items that were run here have changed by now."""
        return self._conduct.witnessed()

    def weigh(self, items: Sequence[Any], values: Sequence[Any]) -> Freight:
        """What it costs to send these items and bring back these results."""
        from ._workers.freight import freight_of  # loaded where processes would win without it, which they seldom do

        return freight_of(items, values)

    def collected(self) -> int:
        """How often the garbage collector has gone through all objects that there are."""
        return int(gc.get_stats()[-1]["collections"])

    def libraries_run(self) -> bool:
        """Whether threads of libraries, of which Python knows nothing, are at work right now."""
        return libraries_run()

    def starts(self) -> float:
        """Seconds until processes would be there."""
        return STARTS.expect(self.asked or self.machine.cpus)

    def started(self, seconds: float) -> None:
        """Processes were there after so many seconds."""
        STARTS.learn(seconds)

    def listen(self, works: Callable[[], bool]) -> Heartbeat:
        """Begin to find out who holds the GIL while the caller *works*; when that is known, somebody looks."""

        def done() -> None:
            self.caller.cut_short()
            self._nudge()

        return Heartbeat(works, self.caller.computed, Account, done)

    def recall(self) -> Learned | None:
        """What earlier runs learned of work like this, if anything is to be remembered here."""
        self._place = self._remembered_at()
        return None if self._place is None else self._place[0].recall(self._place[1])

    def note(self, learned: Learned) -> None:
        """Remember this for later runs."""
        place = self._place if self._place is not None else self._remembered_at()
        if place is not None:
            place[0].note(place[1], learned)

    def _remembered_at(self) -> tuple[Memory, bytes] | None:
        if not self.remembers:
            return None
        from ._choose.memory import Memory

        memory = Memory.here()
        if memory.path is None:
            return None
        from ._choose.fingerprint import key_of

        fn, *then = self._conduct.fns
        asked = f"{self.asked} {sorted(self.named)}"
        item, star = self._conduct.item, self._conduct.star
        try:
            return memory, key_of(fn, item, self.machine, star=star, then=then, asked=asked)
        except Exception:  # noqa: BLE001  a user's metaclass may do anything: then nothing is remembered
            return None

    def take_note(self, item: object) -> None:
        """Remember what the function can reach, before it is called."""
        self._conduct.take_note(item)
