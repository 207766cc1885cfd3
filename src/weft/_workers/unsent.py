"""What a worker process has finished of its chunk and has not sent: a message for each part would wake the caller.

It lies in the drawer of the worker's status page, so that a death does not take it along.
"""

from __future__ import annotations

from time import monotonic

from .._transport.channel import HEADER, Frame
from .._transport.line import MARK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from .._transport.channel import SharedChannel
    from .status import StatusPen
    from .worker import Worker

# So long it lies there at most, if the worker comes by: chunks that take longer are not what they were made for, or
# somebody has asked for such.
LIES: Final = 0.05  # seconds


class Unsent:
    """Frames that leave with the one that ends their chunk.

    Args:
        channel: By which they leave.
        page: Where they are safe until then.
    """

    def __init__(self, channel: SharedChannel, page: StatusPen) -> None:
        self._channel, self._page = channel, page
        self._frames: list[Frame] = []
        self._since = 0.0

    def keep(self, frame: Frame) -> None:
        """Send *frame*, a part of a chunk, when there is more to send, or when it is time."""
        now = monotonic()
        if not self._frames:
            self._since = now
        small = frame.fd < 0 and frame.body[0] != MARK
        if small and now - self._since < LIES and self._page.put_away(packed(frame)):
            self._frames.append(frame)
        else:
            self.send(frame)

    def send(self, *more: Frame) -> None:
        """Send all that is kept, and then what there is *more*."""
        if not self._frames:
            for frame in more:
                self._channel.send(frame)
            return
        frames, self._frames = [*self._frames, *more], []
        self._channel.send_all(frames)
        self._page.clear_drawer()  # not before: twice is better than never


class Drawers:
    """What workers have not sent, as their parent sees it: at the end of one, or while nothing is heard of it."""

    def __init__(self) -> None:
        self._seen: set[tuple[int, int]] = set()  # chunk and first item of parts that are still to come

    def look(self, worker: Worker) -> list[Frame]:
        """What of the chunks that the *worker* holds has not been seen."""
        frames = [frame for frame in frames_in(worker.page.drawer) if frame.chunk in worker.held]
        frames = [frame for frame in frames if (frame.chunk, frame.first) not in self._seen]
        self._seen.update((frame.chunk, frame.first) for frame in frames)
        return frames

    def seen(self, frame: Frame) -> bool:
        """Whether what arrives was seen before; asked once."""
        if (frame.chunk, frame.first) not in self._seen:
            return False
        self._seen.remove((frame.chunk, frame.first))
        return True


def packed(frame: Frame) -> bytes:
    """A *frame* without a descriptor, as it lies in the drawer."""
    op, call, chunk, first, attempt, body, _ = frame
    whole: bytes = HEADER.pack(op, call, chunk, first, attempt, False, len(body)) + body  # noqa: FBT003
    return whole


def frames_in(drawer: bytes) -> list[Frame]:
    """The frames again."""
    frames, at = [], 0
    while at < len(drawer):
        op, call, chunk, first, attempt, _, length = HEADER.unpack_from(drawer, at)
        at += HEADER.size
        frames.append(Frame(op, call, chunk, first, attempt, drawer[at : at + length]))
        at += length
    return frames
