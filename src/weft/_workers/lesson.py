"""A call, packed once for all the workers of a crew."""

from __future__ import annotations

from itertools import count

from .._model.chunk import Call
from .._transport.bundle import Bundle
from .._transport.channel import Frame
from .._transport.passage import KEPT
from .ops import Op
from .parcel import pack_call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from .worker import Worker

_CALLS: Final = count(1)


class Lesson:
    """A call, packed for workers.

    Args:
        call: The call.
        cpus: How many processors each may keep busy.
        rooted: Whether it shares its globals over there with others.

    Attributes:
        number: Its own, in all of this process.
        told: Who has been told, where that is not noted elsewhere.

    Raises:
        NotSendable: The function can't be sent.
    """

    def __init__(self, call: Call, cpus: int | None, *, rooted: bool) -> None:
        self.number = next(_CALLS)
        self.told: set[Worker] = set()
        self._call = call  # what it carries in shared memory is there as long as somebody may be told
        self._bundle = Bundle()
        try:
            with KEPT:
                self._packed = pack_call(call, cpus, self._bundle.fill, rooted=rooted)
        except BaseException:
            self._bundle.close()
            raise

    def frame(self) -> Frame:
        """What a worker is told."""
        return Frame(Op.CALL, self.number, 0, 0, 0, self._packed, self._bundle.share())

    def close(self) -> None:
        """Nobody will be told any more."""
        self._bundle.close()
