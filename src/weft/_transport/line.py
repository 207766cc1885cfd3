"""A worker's line to its parent: a channel for messages, and shared memory each way for what is large in them."""

from __future__ import annotations

import os
import pickle
import select
import socket
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from .area import Area, create_area
from .arena import Arena
from .channel import Channel, Frame
from .codec import APART, dumps, dumps_apart, loads
from .heap import give_freed_memory_back, keep_freed_memory
from .leases import LEASABLE, Leases

# A pickle begins with 0x80. A body that begins with this is two: where the parts are that went apart, and the rest.
MARK: Final = 0

# What an arena keeps warm between two runs.
KEEP: Final = 64 * 2**20  # bytes

# How long a worker waits before it gives warm memory back that nobody uses; twice as long each further time.
IDLE: Final = 60.0  # seconds


class Ends(NamedTuple):
    """The far end of a line, as descriptors to be given to a worker; -1 for what there is none of."""

    socket: int
    down: int
    up: int

    @property
    def open(self) -> list[int]:
        """Those there are."""
        return [fd for fd in self if fd >= 0]

    def close(self) -> None:
        """Close them, here: the worker has its own."""
        for fd in self.open:
            os.close(fd)


class Line:
    """One end of a line.

    Args:
        channel: For the messages.
        outgoing: Where what is large is written; ``None`` where it goes with the messages.
        incoming: Where the other side writes it.
        lone: Whether this process is there for nothing but what comes over the line.

    Attributes:
        channel: The same.
        carried: Bytes of the last value that was pickled or unpickled.
    """

    def __init__(
        self, channel: Channel, outgoing: Arena | None, incoming: Leases | None, *, lone: bool = False
    ) -> None:
        self.channel = channel
        self.carried = 0
        self._outgoing = outgoing
        self._incoming = incoming
        self._lone = lone
        self._warm = False  # whether something large went over it since its memory was given back

    @property
    def descriptors(self) -> set[int]:
        """What this process has open for it."""
        ends = [end.descriptors for end in (self._outgoing, self._incoming) if end is not None]
        return {self.channel.fileno()}.union(*ends)

    def dumps(self, value: object) -> bytes:
        """Pickle *value*, what is large in it into shared memory as far as there is room.

        Each result is to be sent, once. Raises whatever pickling raises.
        """
        if self._outgoing is None:
            stem, buffers = dumps(value), list[memoryview]()
        else:
            stem, buffers = dumps_apart(value)
        self.carried = len(stem)
        if self._outgoing is None or (not buffers and len(stem) < APART):
            return stem
        self._warm_up()
        self.carried += sum(buffer.nbytes for buffer in buffers)
        whole = len(stem) < APART
        if not whole:
            buffers.append(memoryview(stem))
        blocks = [self._put(self._outgoing, group) for group in grouped(buffers)]
        return bytes([MARK]) + pickle.dumps((stem if whole else None, blocks), 5)

    def loads(self, body: bytes | bytearray | memoryview) -> Any:
        """The value again."""
        self.carried = len(body)
        if body[0] != MARK:
            return loads(body)
        self._warm_up()
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

    def trim(self, keep: int = KEEP) -> None:
        """Give back memory that is not in use, but for *keep* bytes of it."""
        if self._outgoing is not None and self._outgoing.size > keep:
            self._outgoing.trim(keep)

    def rest(self) -> None:
        """Wait for a message, and give memory back if none comes for long."""
        if not self._warm:
            return
        waiting = select.poll()  # and not select(), for which a descriptor may be too high
        waiting.register(self.channel, select.POLLIN)
        patience = IDLE
        while self._warm:
            if waiting.poll(patience * 1000):
                return
            self.trim(0)
            give_freed_memory_back()
            self._warm = self._outgoing is not None and self._outgoing.size > 0
            patience *= 2

    def close(self) -> None:
        """Close this end, the other being gone; what came over it stays."""
        self.channel.close()
        outgoing, self._outgoing = self._outgoing, None
        incoming, self._incoming = self._incoming, None
        if outgoing is not None:
            outgoing.close()
        if incoming is not None:
            incoming.close()

    def _warm_up(self) -> None:
        self._warm = True
        if self._lone:
            keep_freed_memory()

    def _put(self, arena: Arena, group: Sequence[memoryview]) -> Any:
        """Where the *group* is now, or itself, to be pickled, if there is no room."""
        place = arena.put(group)
        if place is None:
            return list(map(pickle.PickleBuffer, group))
        return *place, [(part.nbytes, part.readonly) for part in group]

    def _take(self, block: Any) -> list[Any]:
        if isinstance(block, list):
            return block
        assert self._incoming is not None
        return self._incoming.take(*block)


def lay_line(budget: int | None = None) -> tuple[Line, Ends]:
    """A new line: the parent's end, which never blocks, and the worker's.

    Args:
        budget: Bytes of shared memory each way, at most; by default by what the machine has.
    """
    ours, theirs = socket.socketpair()
    (down, below), (up, above) = _shared(budget), _shared(budget)
    outgoing = Arena(down) if down is not None else None
    incoming = Leases(up) if up is not None else None
    return Line(Channel(ours, blocking=False), outgoing, incoming), Ends(theirs.detach(), below, above)


def join_line(ends: Ends) -> Line:
    """The worker's end of a line."""
    for fd in ends.open:
        os.set_inheritable(fd, False)  # noqa: FBT003  the standard library's own
    channel = Channel(socket.socket(fileno=ends.socket), blocking=True)
    down, up = (Area(fd) if fd >= 0 else None for fd in ends[1:])
    if up is not None and up.memory is None:
        up.close_fd()
        up = None
    outgoing = Arena(up) if up is not None else None
    incoming = Leases(down) if down is not None else None
    return Line(channel, outgoing, incoming, lone=True)


def _shared(budget: int | None) -> tuple[Area | None, int]:
    """A new area, and a second descriptor of it; neither, if one of them is not to be had."""
    area = create_area(budget)
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
        if group and size + buffer.nbytes > LEASABLE:
            yield group
            group, size = [], 0
        group.append(buffer)
        size += buffer.nbytes
    if group:
        yield group
