"""weft.Counter: a number that all workers add to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from .._model.locks import Lock
from .cells import SEATS
from .uses import Used


class Counter(Used):
    """A number that threads, processes and coroutines add to, and none of it is lost.

    >>> hits = Counter()
    >>> hits.add(2)
    >>> hits.value
    2

    Args:
        value: What it begins with.

    It is an ordinary argument for workers of every kind. Each process adds to a part of its own, without waiting for
    any other, and the value is the sum: so that a process that is killed while it adds has either added or not.
    Nobody knows a value between two additions; for numbers out of a row use a :class:`weft.Value` with its lock.
    """

    USES = ("add",)
    __slots__ = USES

    if TYPE_CHECKING:

        def add(self, n: int = 1) -> None:
            """Add *n*, which may be less than 0.

            Raises:
                OverflowError: A part does not fit into 64 bits any more.
            """

    def __new__(cls, value: int = 0) -> Self:
        """A new one."""
        made = cls.new()
        if value:
            made.add(value)
        return made

    @property
    def value(self) -> int:
        """What it comes to, with everything that had been added when this was asked."""
        first = self.at // 8
        return sum(self.sheet.words[first : first + SEATS].tolist())

    def begin(self) -> tuple[Callable[..., Any], ...]:
        """As of anything that is used so."""
        words, mine = self.sheet.words, self.at // 8 + self.sheet.seat
        lock, sheet = Lock(), self.sheet

        def add(n: int = 1) -> None:
            with lock:
                try:
                    words[mine] += n
                except ValueError:
                    raise OverflowError(f"{sheet.words[mine]} + {n} does not fit into 64 bits") from None

        return (add,)

    def __int__(self) -> int:
        return self.value

    def __repr__(self) -> str:
        return f"<weft.Counter {self.value}>"
