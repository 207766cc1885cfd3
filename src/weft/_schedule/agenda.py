"""What is still to be visited: an input that grows by what comes of its own items."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import count

from .reading import Portion, Supply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final, Protocol, TypeAlias

    Found: TypeAlias = tuple[Any, Any, Any]  # an item, its key and its priority; None where nobody asked for them

    class Waiting(Protocol):
        """Items in an order."""

        def __len__(self) -> int: ...

        def add(self, item: Any, priority: Any) -> None:
            """One more."""

        def first(self) -> Any:
            """Take out the one whose turn it is."""

        def newest(self) -> Any:
            """Take out the one that came last."""


# What is given out together is at most this part of what may wait: items that are visited together, depth-first, find
# so many times as much before any of it is visited.
SHARES: Final = 32

# A heap in which more than half is gone is made anew.
STALE: Final = 64  # entries, at least


class InTurn:
    """First come, first served."""

    def __init__(self) -> None:
        self._items: deque[Any] = deque()

    def __len__(self) -> int:
        return len(self._items)

    def add(self, item: Any, priority: Any) -> None:
        """One more."""
        self._items.append(item)

    def first(self) -> Any:
        """The oldest."""
        return self._items.popleft()

    def newest(self) -> Any:
        """The one that came last."""
        return self._items.pop()


class ByPriority:
    """The smallest priority first, and of equals the oldest."""

    def __init__(self) -> None:
        self._items: dict[int, tuple[Any, Any]] = {}  # item and priority by number, the newest last
        self._heap: list[tuple[Any, int]] = []  # also of items that are gone
        self._numbers = count()

    def __len__(self) -> int:
        return len(self._items)

    def add(self, item: Any, priority: Any) -> None:
        """One more."""
        number = next(self._numbers)
        heapq.heappush(self._heap, (priority, number))
        self._items[number] = (item, priority)

    def first(self) -> Any:
        """The one with the smallest priority."""
        while True:
            _, number = heapq.heappop(self._heap)
            if number in self._items:
                return self._items.pop(number)[0]

    def newest(self) -> Any:
        """The one that came last."""
        item = self._items.popitem()[1][0]
        if len(self._heap) > 2 * len(self._items) + STALE:
            self._heap = [(priority, number) for number, (_, priority) in self._items.items()]
            heapq.heapify(self._heap)
        return item


class Agenda(Supply):
    """The roots, then what visits find: each key once, in order, and the newest first while too many wait.

    It is over when nothing waits and everything that was given out is back: :meth:`harvest` tells it of results, and
    *failed* how many items will never have one.

    Args:
        roots: What to begin with; read as far as it is needed.
        describe: An item's key and priority; those of what visits find come with it.
        keyed: Whether items have keys, each of which is visited once.
        ranked: Whether they have priorities.
        pressure: So many may wait before the newest go first.
    """

    def __init__(
        self,
        roots: Iterable[Any],
        describe: Callable[[Any], Found],
        *,
        keyed: bool,
        ranked: bool,
        pressure: int,
    ) -> None:
        super().__init__()
        self.in_memory = False  # as long as there are roots: nobody but the caller reads them
        self._roots: Iterator[Any] | None = iter(roots)
        self._describe, self._pressure = describe, pressure
        self._known: set[Any] | None = set() if keyed else None
        self._waiting: Waiting = ByPriority() if ranked else InTurn()
        self._error: BaseException | None = None
        self._out = self._back = 0
        self.failed: Callable[[], int] = int
        self.workers: Callable[[], int] = lambda: 1

    def harvest(self, found: Iterable[Found]) -> None:
        """One visit is back, and it has *found* these."""
        with self.changed:
            for item, key, priority in found:
                self._admit(item, key, priority)
            self._back += 1

    def read(self, wanted: int) -> Portion:
        """Up to *wanted* of those that wait, but not all to one worker."""
        with self.changed:
            if self.closed:
                return Portion((), ended=True)
            workers = max(1, self.workers())
            most = min(wanted, max(1, self._pressure // (SHARES * workers)))
            self._fill(most)
            share = max(1, len(self._waiting) // (2 * workers))
            items = [self._take() for _ in range(min(most, share, len(self._waiting)))]
            self._out += len(items)
            ended = self._is_over()
            return Portion(items, ended=ended, error=self._error if ended else None)

    @property
    def dry(self) -> bool:
        """Whether nothing waits, but what is being visited may find something."""
        return not self._waiting and self._roots is None and not self._is_over()

    def __len__(self) -> int:
        return len(self._waiting)

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    def _fill(self, wanted: int) -> None:
        """Read roots as far as nothing else waits."""
        while self._roots is not None and len(self._waiting) < wanted:
            try:
                self._admit(*self._describe(next(self._roots)))
            except StopIteration:
                self._roots, self.in_memory = None, True
            except Exception as error:  # noqa: BLE001  the roots' own, raised when what they gave has been visited
                self._roots, self.in_memory, self._error = None, True, error

    def _admit(self, item: Any, key: Any, priority: Any) -> None:
        if self._known is not None:
            if key in self._known:
                return
            self._known.add(key)
        self._waiting.add(item, priority)

    def _take(self) -> Any:
        waiting = self._waiting
        return waiting.newest() if len(waiting) > self._pressure else waiting.first()

    def _is_over(self) -> bool:
        return self._roots is None and not self._waiting and self._out == self._back + self.failed()
