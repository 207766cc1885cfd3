"""The chunk that a worker is in: what of it is finished, should the worker have to leave or give in in its midst."""

from __future__ import annotations

from .._model.outcome import Fault, Returned
from .leaving import leave_copy
from .status import StatusPen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._transport.channel import Frame


class InHand:
    """What a worker has in hand. Nothing in here is called for an item.

    Args:
        page: Where it is noted which items those are.
        worker: The worker's name.

    Attributes:
        frame: What it came with; ``None`` if there is nothing.
        finished: Values and faults that have not been answered; the worker adds to both.
        copied: Whether this is a copy of the worker that a function has forked.
    """

    def __init__(self, page: StatusPen, worker: str) -> None:
        self._page, self._worker = page, worker
        self.frame: Frame | None = None
        self.finished: tuple[list[Any], dict[int, Fault]] = ([], {})
        self.copied = False
        self._first = 0  # the index of the first item that has not been answered
        self._last = 0  # the place, from there, of the last item that it may be in

    def note(self, frame: Frame, index: int, span: int, values: list[Any], faults: dict[int, Fault]) -> None:
        """It goes on with *span* items from *index* on; those that are finished before it are in *values*."""
        if self.copied:
            leave_copy([fault.error for fault in faults.values()])
        self._page.enter(frame.chunk, index, span)
        self.frame, self._first, self.finished = frame, index - len(values), (values, faults)
        self._last = len(values) + span - 1

    def part(self) -> tuple[Frame, int, Returned] | None:
        """What is finished and has not been answered, if anything is, and what it answers from which index on."""
        frame, (values, faults) = self.frame, self.finished
        if frame is None or not values:
            return None
        known = {offset: fault for offset, fault in faults.items() if offset < len(values)}
        part = Returned(frame.chunk, values, self._worker, 0.0, known, more=True, first=self._first)
        return frame, self._first, part

    def blamed(self, frame: Frame, error: BaseException, *, all_known: bool) -> tuple[int, Returned]:
        """What is finished, from which index on, with the *error* for the item after that, unless *all_known* are.

        One of those that were noted last is to blame: at the latest the last of them.
        """
        values, faults = self.finished
        if not all_known:
            values = values[: self._last]
            faults = {at: fault for at, fault in faults.items() if at < len(values)}
            faults[len(values)] = Fault(error, self._worker)
            values.append(None)
        return self._first, Returned(frame.chunk, values, self._worker, 0.0, faults)
