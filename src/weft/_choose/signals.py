"""What is known of the work when it is decided where it goes; and what each kind promises then."""

from __future__ import annotations

from .._model.noun import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

# A library that keeps so many processors busy beside the caller's thread is parallel already. Less than that may be
# anything: what weft itself does meanwhile, and whatever other threads the program has.
PARALLEL: Final = 0.3

# Where nobody knows how much is left, it is as much as there has been; but so many items at least.
LIKELY: Final = 1

# Who computes for longer than this loses its processor meanwhile, if others want it, and keeps the GIL.
TURN: Final = 0.003  # seconds

# Of the time that work takes, others had the processors for so much that it matters.
CROWDED: Final = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Signals:
    """What the caller's items showed.

    Attributes:
        item: Seconds that an item takes.
        share: How much of that it computes, 0 to 1.
        held: In how much of it the function holds the GIL, 0 to 1.
        native: How many processors other threads kept busy meanwhile: a library's, perhaps.
        done: Items that are done.
        left: Items that are left, if the input says so.
        seconds: How long it was looked at.
        alone: What an item took that is done; 0 while none is.
        delayed: How much longer it took because others had the processors, as a share of its time.
    """

    item: float
    share: float
    held: float
    native: float = 0.0
    done: int = 0
    left: int | None = None
    seconds: float = 0.0
    alone: float = 0.0
    delayed: float = 0.0

    @property
    def shared(self) -> float:
        """How many processors a library keeps busy by itself; 0 where that may be anything."""
        return self.native if self.native > PARALLEL else 0.0

    @property
    def gripped(self) -> float:
        """In how much of its time a thread has the GIL, with a processor or without."""
        if not self.crowded:
            return self.held
        return min(1.0, self.held * (1 + self.delayed / max(self.share, self.held)) / (1 + self.delayed))

    @property
    def crowded(self) -> bool:
        """Whether it is others' doing how long a thread has the GIL: one process has one turn at the processors."""
        return self.delayed > CROWDED and self.held > 0 and self.item * self.share > TURN

    @property
    def rate(self) -> float:
        """Items a second, as the caller did them."""
        return 1 / (self.item * (1 + self.delayed))

    @property
    def ahead(self) -> float:
        """Seconds that what is left would take in the caller, as far as anybody knows."""
        left = max(LIKELY, self.done) if self.left is None else self.left
        return left * self.item


@dataclass(frozen=True, slots=True, eq=False)
class Offer:
    """What a kind promises.

    Attributes:
        kind: Its name.
        workers: How many.
        rate: Items a second, once it is there.
        ready: Seconds until it is.
        threads: How many items each worker runs at once.
    """

    kind: str
    workers: int
    rate: float
    ready: float = 0.0
    threads: int = 1

    def seconds(self, signals: Signals) -> float:
        """How long the rest takes: the caller goes on until the workers are there."""
        if self.kind == "serial" or signals.ahead <= self.ready:
            return signals.ahead
        return self.ready + (signals.ahead - self.ready) / (self.rate * signals.item)
