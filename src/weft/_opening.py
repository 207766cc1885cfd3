"""How runs begin whose chunks have a price: one of a single item, to see, costs as much as one that does it all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ._choose.fingerprint import key_of
from ._choose.lately import LATELY
from ._choose.machine import Machine
from ._schedule.chunking import opening_of
from ._schedule.reading import is_in_memory
from ._workers.freight import heft_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from ._model.chunk import Call
    from ._model.event import Stats
    from ._schedule.reading import Supply


# What weighs more takes its caller longer than the rest of a chunk does: to write 1 MiB into Ray's store takes 0.5 ms.
HEAVY: Final = 2**20  # bytes


class Opening:
    """What is known of a run before it begins, and what the next one will know.

    Args:
        fn: The user's function.
        source: The input.
        star: Whether items are tuples of arguments.
        workers: How many there are.
        price: What a chunk costs, in seconds.

    Attributes:
        items: How many the first chunks have; one where the input is not in memory, and nothing can be said of it.
        each: How many of these each worker may have before anything is known of them: what is heavy is long on its way.
    """

    def __init__(
        self, fn: Callable[..., Any], source: Iterable[Any] | Supply, *, star: bool, workers: int, price: float
    ) -> None:
        self.items = self.each = 1
        self._key: bytes | None = None
        if is_in_memory(source) and len(source):
            self._key = key_of(fn, source[0], Machine.here(), star=star)
            heft = heft_of(source)
            self.items = opening_of(len(source), workers, heft, price, LATELY.recall(self._key))
            self.each = 2 if heft > HEAVY else 1

    def learn(self, stats: Stats) -> None:
        """The run is over."""
        if self._key is not None and stats.done:
            LATELY.note(self._key, stats.busy / stats.done)


def opened(call: Call, items: Sequence[Any], crew: Any, price: float) -> dict[str, Any]:
    """How a feed begins, and ends, whose chunks have a *price*; as :class:`weft._schedule.feed.Feed` has it."""
    opening = Opening(call.fn, items, star=call.star, workers=crew.workers, price=price)

    def let_go(stats: Stats) -> None:
        crew.forget(call)
        opening.learn(stats)

    return {"opening": opening.items, "each": opening.each, "workers": lambda: crew.workers, "let_go": let_go}
