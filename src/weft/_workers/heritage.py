"""What a worker has to call before anything else: an executor's initializer, on its way and when it is there."""

from __future__ import annotations

from itertools import count

from .._model.chunk import Call
from .._transport.channel import Frame
from .._transport.envelope import sealed
from .._transport.estate import dumps_estate, loads_estate
from .initializer import prepare, unfit
from .kinship import finish_queues
from .ops import Op

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

    from ..errors import InitializerFailed

# Those of this process, by number, for its forked copies: they need not be sent anything, and get what can't be.
_HERE: Final[dict[int, tuple[Callable[..., object], tuple[Any, ...]]]] = {}
_NUMBERS: Final = count(1)


class Heritage:
    """The initializer of one crew, for all its workers.

    Args:
        call: The crew's, with its initializer.
        born_here: Whether its workers are forked copies of this process.

    Raises:
        NotSendable: It can't be sent.
    """

    def __init__(self, call: Call, *, born_here: bool) -> None:
        assert call.initializer is not None
        self._whole = call.initializer, call.initargs  # its descriptors stay open as long as there is somebody to tell
        self._number = next(_NUMBERS) if born_here else 0
        if born_here:
            _HERE[self._number] = self._whole
        else:
            self._body, self._fds = dumps_estate(self._whole, call.initializer)

    def frame(self, call: int) -> Frame:
        """What a worker is told."""
        if self._number:
            return Frame(Op.PREPARE, call, self._number, 0, 0, b"")
        return Frame(Op.PREPARE, call, 0, 0, 0, self._body, sealed(self._fds))

    def close(self) -> None:
        """No worker will be told any more."""
        _HERE.pop(self._number, None)
        del self._whole


def initialize(frame: Frame, worker: str, *, logs: bool) -> InitializerFailed | None:
    """In the worker: call what the *frame* tells; why it is unfit, if it is, which it *logs* or leaves to others."""
    try:
        initializer, initargs = _HERE[frame.chunk] if frame.chunk else loads_estate(frame.body, frame.fd)
    except BaseException as error:  # noqa: BLE001  importing the user's module may raise anything
        failed: InitializerFailed | None = unfit(error, worker, logs=logs)
    else:
        failed = prepare(initializer, initargs, worker, logs=logs)
    if failed is not None:
        finish_queues()  # what it has put into them is there before anybody hears of this
    return failed
