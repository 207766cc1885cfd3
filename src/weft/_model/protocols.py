"""The seams between rooms."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol, TypeAlias

from .chunk import Call, Chunk
from .event import Event
from .measured import Glance
from .outcome import Arrival, Failure

Clock: TypeAlias = Callable[[], float]  # seconds, monotonic


class Crew(Protocol):
    """Workers of one kind, as one run sees them: chunks go out, arrivals come in.

    It is a mailbox and not a future per chunk: whoever waits for results reads them himself, which saves a
    hop between threads for every chunk (docs/design/mailbox.md).
    """

    @property
    def width(self) -> int:
        """How many chunks it can run at the same time."""

    @property
    def prefetches(self) -> bool:
        """Whether a worker gains by having its next chunk before it has finished the last."""

    def send(self, chunk: Chunk) -> None:
        """Hand a chunk over; never waits for a worker."""

    def poll(self, timeout: float | None) -> Sequence[Arrival]:
        """What has arrived; waits up to *timeout* seconds (``None``: as long as it takes) for the first."""

    async def apoll(self, timeout: float | None) -> Sequence[Arrival]:
        """The same without blocking the running event loop."""

    @property
    def tells(self) -> bool:
        """Whether it says of every item when it began, so that items with a time limit may travel together."""

    @property
    def keeps(self) -> bool:
        """Whether what a worker has finished of a chunk outlives it, so that a long chunk is no more to lose."""

    @property
    def follows(self) -> bool:
        """Whether it goes on while its caller is busy.

        Then ``send``, ``poll(0)`` and ``kill`` come from another thread, but never from two at once.
        """

    @property
    def held(self) -> int:
        """How many chunks are, beside those, with workers that get no more."""

    @property
    def together(self) -> int:
        """How many items each worker runs at once, so that a chunk should have as many."""

    @property
    def lends(self) -> float:
        """Whether the poll that comes next works itself, so that somebody else may drive meanwhile, and how often.

        Seconds between two looks; 0 where poll does nothing but wait. Then ``send``, ``poll(0)`` and ``kill`` come
        from another thread in the middle of a ``poll``.
        """

    def resize(self, workers: int) -> None:
        """Have so many workers from now on, where the kind can; those that are too many end after their chunk."""

    def kill(self, chunk: int) -> tuple[str, bool] | None:
        """Give up on the item that the chunk's worker is in.

        Its worker's name, and whether it was stopped; ``None`` if it is being stopped, and what becomes of the
        chunk arrives.
        """

    def wake(self) -> None:
        """Make a poll that waits return; from any thread."""

    def close(self) -> None:
        """End what still runs, as far as the kind can, and let the workers go."""

    async def aclose(self) -> None:
        """The same from inside an event loop."""


class Promise(Protocol):
    """What somebody waits for who handed a worker one call."""

    def begin(self) -> bool:
        """The worker begins; whether it is to do so."""

    def settle(self, value: object, error: BaseException | None) -> None:
        """This is what it came to."""

    def refuse(self, error: BaseException) -> None:
        """The worker is unfit for any call."""


class Draw(Protocol):
    """A function's inputs, drawn by workers one by one, each when it is free."""

    def draw(self) -> tuple[int, Any] | None:
        """The next item and its index; ``None`` if there is none, and nothing more is to be drawn."""

    def put(self, index: int, value: Any) -> None:
        """What an item came to."""

    def refuse(self, error: BaseException) -> None:
        """The worker is unfit for any call."""

    def put_failure(self, failure: Failure) -> None:
        """What one came to that failed."""


class Handy(Crew, Protocol):
    """Workers that can be handed calls, and tell whoever waits for them themselves.

    Attributes:
        handed: The calls that were handed to them and are not done, as their dispatcher keeps them.
    """

    handed: Collection[object]

    def hand(self, item: Any, promise: Promise) -> None:
        """Have a worker make one call."""

    def deal(self, call: Call, draw: Draw, workers: int) -> None:
        """Have so many *workers* draw items."""

    def widen(self, by: int) -> None:
        """Have so many more workers from now on, or fewer."""

    def here(self) -> str | None:
        """The name of the worker that this thread is; ``None`` if it is none of these."""

    def make(self, item: Any, promise: Promise, worker: str) -> None:
        """Make one call in this thread, which is the *worker* and waits for it."""

    def join_in(self, call: Call, draw: Draw, worker: str) -> None:
        """Draw items in this thread, which is the *worker* and waits for them."""


class Ahead(Protocol):
    """What sends workers calls while they are in others; what they have not begun it takes back."""

    @property
    def spare(self) -> int:
        """How many calls could begin at once."""

    def room(self, depth: int) -> int:
        """How many more the worker that has least could be sent, if each is to have *depth* at most."""

    def send(self, chunks: Sequence[Chunk]) -> None:
        """Send them to that worker. What waits there too long comes back, as if lost and not begun."""

    def recall(self, chunk: int) -> Sequence[int]:
        """Take back one, if it has not begun, and those that were sent after it; which they are."""

    def has_begun(self, chunk: int) -> bool:
        """Whether its worker is in it."""


class Foresighted(Crew, Protocol):
    """Workers that can be sent calls ahead of their turn.

    Attributes:
        ahead: What does it; ``None`` where these can't.
    """

    @property
    def ahead(self) -> Ahead | None:
        """The same."""

    def rest(self) -> None:
        """There is nothing to do for a while."""


class Watched(Crew, Protocol):
    """A crew of one whose work can be seen from outside while it is done."""

    def glance(self) -> Glance | None:
        """How it has fared so far; ``None`` where the system does not tell. From any thread, at any time."""

    def computed(self) -> float | None:
        """CPU seconds of the thread that works, all in all; ``None`` where the system does not tell."""

    def cut_short(self, after: float = 0.0) -> None:
        """The chunk in hand, or the next, ends with the item that is in *after* seconds. From any thread."""


class Observer(Protocol):
    """Somebody who wants to know what happens in a run."""

    def __call__(self, event: Event, /) -> None:
        """Take note of *event*; called in the thread that iterates the run, so be quick."""
