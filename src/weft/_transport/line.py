"""A worker's line to its parent: a channel for messages, and shared memory each way.

That is for what is large in them, and for one small message at a time while the other side looks for it.
"""

from __future__ import annotations

import _pickle as pickle
import os
from collections.abc import Iterator, Mapping, Sequence

from .area import Area, create_area
from .arena import Arena
from .bundle import in_band
from .channel import Channel, Frame
from .codec import APART, loads
from .heap import keep_freed_memory
from .leases import Leases
from .sockets import socketpair
from .tray import KEEPS_ORDER, Tray

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

# A pickle begins with 0x80. A body that begins with this is two: where the parts are that went apart, and the rest.
MARK: Final = 0

# What one message has of smaller buffers shares blocks of so much: each costs some 4 µs, and is held as a whole.
GROUP: Final = 2**20  # bytes

# What an arena keeps warm between two runs.
KEEP: Final = 64 * 2**20  # bytes

# Who looks into a tray looks at the channel as well, every so many times.
BESIDES: Final = 8

# Says by the channel that there is something in the tray, to whoever does not look any more.
RING: Final = 0  # an op; those of messages begin with 1


class Line:
    """One end of a line.

    Args:
        channel: For the messages.
        outgoing: Where what is large is written; ``None`` where it goes with the messages.
        incoming: Where the other side writes it.
        trays: For small messages, to the other side and from it; ``None`` where there are none.
        lone: Whether this process is there for nothing but what comes over the line.

    Attributes:
        channel: The same.
        carried: Bytes of the last value that was stowed or loaded.
    """

    def __init__(
        self,
        channel: Channel,
        outgoing: Arena | None,
        incoming: Leases | None,
        trays: tuple[Tray, Tray] | None = None,
        *,
        lone: bool = False,
    ) -> None:
        self.channel = channel
        self.carried = 0
        self._outgoing = outgoing
        self._incoming = incoming
        self._trays = trays
        self._glances = 0
        self._lone = lone

    @property
    def descriptors(self) -> set[int]:
        """What this process has open for it."""
        ends = [end.descriptors for end in (self._outgoing, self._incoming) if end is not None]
        return {self.channel.fileno()}.union(*ends)

    def hand(self, frame: Frame) -> bool:
        """Lay *frame* where the other side looks for it, if it does; whether it has it then.

        Only where nothing was sent by the channel that it may not have read: the channel's ``quiet`` says so.
        """
        trays = self._trays
        if trays is None or not self.channel.quiet or not trays[0].put(frame):
            return False
        if trays[0].deserted:
            self.channel.send(Frame(RING, 0, 0, 0, 0, b""))
        return True

    def expect(self) -> None:
        """Have the other side lay its next message where :meth:`glance` looks, if it can, until :meth:`desert`."""
        trays = self._trays
        if trays is not None:
            trays[1].expect()

    def glance(self) -> list[Frame]:
        """What has come, as far as one look shows it; of what comes by the channel only now and then.

        Nothing is expected any more when something has come.
        """
        trays = self._trays
        if trays is None:
            return self.channel.glance()
        found = trays[1].take()
        self._glances += 1
        if found or self._glances % BESIDES or not (found := self.channel.glance()):
            return found
        return [*trays[1].desert(), *found]  # what comes by the channel was sent later

    def desert(self) -> list[Frame]:
        """Messages come by the channel from now on; one that has come otherwise. Also when it rings."""
        trays = self._trays
        return [] if trays is None else trays[1].desert()

    def part(self) -> None:
        """In a forked copy of this process: what comes is not for it, and it sends nothing."""
        self._trays = None
        self.channel.close()

    def stow(self, stem: bytes, buffers: list[memoryview]) -> bytes:
        """The body of a frame for what was pickled: what is large is in shared memory then, as far as there is room.

        It is to be sent, once.
        """
        if not buffers and len(stem) < APART:
            self.carried = len(stem)
            return stem
        self.carried = len(stem) + sum(buffer.nbytes for buffer in buffers)
        large = len(stem) >= APART and self._outgoing is not None
        if not buffers and not large:
            return stem
        self._settle_in()
        parts = [*buffers, memoryview(stem)] if large else buffers
        blocks = [self._put(group) for group in grouped(parts)]
        return bytes([MARK]) + pickle.dumps((None if large else stem, blocks), 5)

    def loads(self, body: bytes | bytearray | memoryview) -> Any:
        """The value again."""
        self.carried = len(body)
        if body[0] != MARK:
            return loads(body)
        self._settle_in()
        stem, blocks = loads(memoryview(body)[1:])
        buffers = [buffer for block in blocks for buffer in self._take(block)]
        self.carried += sum(map(len, buffers))
        if stem is None:
            stem = buffers.pop()
        return loads(stem, buffers=buffers)

    def discard(self, frame: Frame) -> None:
        """Give back what came with a frame that nobody will read."""
        if frame.fd >= 0:
            os.close(frame.fd)
        if self._incoming is not None and frame.body and frame.body[0] == MARK:
            for block in loads(memoryview(frame.body)[1:])[1]:
                if isinstance(block, tuple):
                    self._incoming.give_back(block[0])

    def trim(self, keep: int = 0) -> None:
        """Give back memory that is not in use, but for *keep* bytes of it."""
        if self._outgoing is not None and self._outgoing.size > keep:
            self._outgoing.trim(keep)

    def close(self) -> None:
        """Close this end, for which there is no more use at the other; what came over it stays."""
        self.channel.close()
        trays, self._trays = self._trays, None
        for tray in trays or ():
            tray.close()
        outgoing, self._outgoing = self._outgoing, None
        incoming, self._incoming = self._incoming, None
        if outgoing is not None:
            outgoing.close()
        if incoming is not None:
            incoming.close()

    def _settle_in(self) -> None:
        if self._lone:
            keep_freed_memory()

    def _put(self, group: Sequence[memoryview]) -> Any:
        """Where the *group* is now, or itself, to be pickled, if there is no room."""
        place = self._outgoing.put(group) if self._outgoing is not None else None
        if place is None:
            return in_band(group)
        return *place, [(part.nbytes, part.readonly) for part in group]

    def _take(self, block: Any) -> list[Any]:
        if isinstance(block, list):
            return block
        assert self._incoming is not None
        return self._incoming.take(*block)


def lay_line(budget: int | None = None) -> tuple[Line, dict[str, int]]:
    """A new line: the parent's end, which never blocks, and the worker's, as descriptors by their purpose.

    Args:
        budget: Bytes of shared memory each way, at most; by default by what the machine has.
    """
    ours, theirs = socketpair()
    (down, below), (up, above) = _shared(budget), _shared(budget, reads=True)
    outgoing = Arena(down) if down is not None else None
    incoming = Leases(up) if up is not None else None
    ends = {"channel": theirs.detach(), "down": below, "up": above}
    line = Line(Channel(ours, blocking=False), outgoing, incoming, _trays(down, up))
    return line, {end: fd for end, fd in ends.items() if fd >= 0}


def join_line(channel: Channel, ends: Mapping[str, int], *, lone: bool = True) -> Line:
    """The worker's end of a line: the *channel*, and shared memory as far as it is among the *ends*.

    *lone*: whether this process is there for nothing else.
    """
    down, up = (Area(ends[way], reads=way == "down") if way in ends else None for way in ("down", "up"))
    if up is not None and up.memory is None:
        up.close_fd()
        up = None
    outgoing = Arena(up) if up is not None else None
    incoming = Leases(down) if down is not None else None
    return Line(channel, outgoing, incoming, _trays(up, down), lone=lone)


def _trays(out: Area | None, back: Area | None) -> tuple[Tray, Tray] | None:
    """In the areas each way; ``None`` where there is not both."""
    if not KEEPS_ORDER or out is None or back is None or out.memory is None or back.memory is None:
        return None
    return Tray(out.memory), Tray(back.memory)


def _shared(budget: int | None, *, reads: bool = False) -> tuple[Area | None, int]:
    """A new area, and a second descriptor of it; neither, if one of them is not to be had."""
    area = create_area(budget, reads=reads)
    if area is None:
        return None, -1
    try:
        return area, os.dup(area.fd)
    except OSError:
        area.close_fd()
        return None, -1


def grouped(buffers: Sequence[memoryview]) -> Iterator[list[memoryview]]:
    """The buffers in order, small ones together, so that each block is worth its bookkeeping."""
    group: list[memoryview] = []
    size = 0
    for buffer in buffers:
        if group and size + buffer.nbytes > GROUP:
            yield group
            group, size = [], 0
        group.append(buffer)
        size += buffer.nbytes
    if group:
        yield group
