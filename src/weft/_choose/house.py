"""What the chooser is given to choose with: it knows no other room."""

from __future__ import annotations

from typing import Protocol

from .._model.measured import Freight
from .._model.plan import Plan
from .._model.protocols import Crew
from .machine import Machine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from .memory import Learned


class Pulse(Protocol):
    """Somebody who is finding out who holds the GIL.

    Attributes:
        beats: How often it has looked while the function got on.
    """

    beats: int

    @property
    def held(self) -> float:
        """In what share of the time that the function computed it held it."""

    @property
    def cpu(self) -> float:
        """Seconds that it cost to find out."""

    def sure(self, *, waits: bool) -> bool:
        """Whether that is enough to go by; for a function that mostly *waits*, less is."""

    def hurry(self) -> None:
        """Little depends on it: less is enough."""

    def end(self) -> None:
        """It is enough."""


class House(Protocol):
    """One run's surroundings.

    Attributes:
        machine: What there is.
        named: The kinds that were asked for.
        kinds: Those of them that the function bears, for which it is read.
        asked: The most workers there may be, if somebody has said so.
        refused: Kinds that were declared to be out of the question, and why.
        changes: What the function changes here; empty if nothing was seen.
        overlaps: Whether others may begin while the caller is in an item.
        forks: Whether processes are forks of this one, which is to have one thread then.
        remembers: Whether what is learned is kept for later runs.
    """

    @property
    def machine(self) -> Machine: ...
    @property
    def named(self) -> frozenset[str]: ...
    @property
    def kinds(self) -> frozenset[str]: ...
    @property
    def asked(self) -> int | None: ...
    @property
    def refused(self) -> Mapping[str, str]: ...
    @property
    def changes(self) -> str: ...
    @property
    def overlaps(self) -> bool: ...
    @property
    def forks(self) -> bool: ...
    @property
    def remembers(self) -> bool: ...

    def plan(self, kind: str, workers: int, reason: str, threads: int) -> Plan:
        """A plan for so many."""

    def make(self, plan: Plan) -> Crew:
        """The workers of a plan."""

    def stays(self, sample: tuple[Any, Any]) -> str | None:
        """Why the function, or an item and a result like this, can't go to another process."""

    def witnessed(self) -> str | None:
        """What the items run here have changed by now, as the end of a sentence; ``None`` if nothing is seen."""

    def weigh(self, items: Sequence[Any], values: Sequence[Any]) -> Freight:
        """What it costs to send these items and bring back these results."""

    def collected(self) -> int:
        """How often the garbage collector has gone through all objects that there are."""

    def libraries_run(self) -> bool:
        """Whether threads of libraries, of which Python knows nothing, are at work right now."""

    def starts(self) -> float:
        """Seconds until processes would be there."""

    def started(self, seconds: float) -> None:
        """Processes were there after so many seconds."""

    def listen(self, works: Callable[[], bool]) -> Pulse:
        """Begin to find out who holds the GIL while the caller *works*; when that is known, somebody looks."""

    def recall(self) -> Learned | None:
        """What earlier runs learned of work like this, if that is known."""

    def note(self, learned: Learned) -> None:
        """Remember this for later runs."""

    def tell(self, plan: Plan) -> None:
        """It was decided on *plan*."""
