"""Frames of bytes over a stream socket: one duplex channel between two processes.

A frame is a header of fixed length and a body. Nothing here blocks on a write while the other side may be
blocked on one too: what the socket does not take waits in a queue until :meth:`Channel.flush`.
"""

from __future__ import annotations

import os
import struct
from collections import deque, namedtuple
from contextlib import suppress
from functools import partial

from .._model.locks import Lock
from .sockets import CLOEXEC, CMSG_SPACE, MSG_DONTWAIT, SCM_RIGHTS, SO_RCVTIMEO, SOL_SOCKET, Socket, send_fds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Final

# Op, call, chunk, first, attempt, whether a descriptor comes along, length of the body.
HEADER: Final = struct.Struct("<BIQQI?Q")
HEADER_SIZE: Final = HEADER.size

# So many frames left to another thread, and whoever leaves more waits a while for it each time.
CROWD: Final = 1000
CROWDED: Final = 1.0  # seconds

READ: Final = 256 * 1024  # bytes asked of the socket at once
DESCRIPTORS: Final = CMSG_SPACE(16 * 4)  # bytes; one comes at a time on Linux, more elsewhere


class Frame(namedtuple("Frame", ("op", "call", "chunk", "first", "attempt", "body", "fd"), defaults=(-1,))):  # noqa: PYI024  typing takes 2 ms
    """One message.

    Attributes:
        op: What it is, see :class:`weft._workers.ops.Op`.
        call: The run it belongs to.
        chunk: The chunk's number, or 0.
        first: The index of the chunk's first item, or 0.
        attempt: The chunk's attempt, or 0.
        body: The payload.
        fd: A descriptor that comes along, or -1. Who sends the frame gives it away, who receives it owns it.
    """

    __slots__ = ()


_frame: Callable[[tuple[Any, ...]], Frame] = partial(tuple.__new__, Frame)  # without a call of Python's for each


class Closed(Exception):
    """The other side is gone; everything it sent has been read."""


class Channel:
    """One end of a channel.

    Args:
        sock: A connected stream socket; the channel owns it from now on.
        blocking: Whether sending and receiving wait (in a worker), or take what there is (in the parent).

    Attributes:
        quiet: Whether nothing was sent since somebody set it.
    """

    quiet = False

    def __init__(self, sock: Socket, *, blocking: bool) -> None:
        sock.setblocking(blocking)
        self._sock = sock
        self._blocking = blocking
        self._gives_up: Callable[[], bool] = bool  # never, as long as nobody says
        self._incoming = bytearray()
        self._buffer = memoryview(bytearray(READ))  # a new one for every read would cost ten times the read
        self._outgoing: deque[tuple[memoryview, int]] = deque()  # and a descriptor to go with its first byte
        self._arrived: deque[int] = deque()  # descriptors whose frames are not complete

    def give_up(self, after: float, when: Callable[[], bool]) -> None:
        """On a blocking channel: receive as if the other side were gone, after so many seconds of silence, *when*."""
        seconds, rest = divmod(after, 1)
        timeout = struct.pack("ll", int(seconds), int(rest * 1e6))
        self._sock.setsockopt(SOL_SOCKET, SO_RCVTIMEO, timeout)
        self._gives_up = when

    def fileno(self) -> int:
        """The descriptor to wait on."""
        return self._sock.fileno()

    @property
    def clogged(self) -> bool:
        """Whether something waits to be sent."""
        return bool(self._outgoing)

    def send(self, frame: Frame) -> None:
        """Send *frame*, or as much of it as goes now. A peer that is gone is noticed when receiving."""
        self.quiet = False
        op, call, chunk, first, attempt, body, fd = frame
        header = HEADER.pack(op, call, chunk, first, attempt, fd >= 0, len(body))
        if len(body) > READ:
            self._outgoing.append((memoryview(header), fd))
            self._outgoing.append((memoryview(body), -1))
        else:
            whole, sent = header + body, 0
            if not self._outgoing and fd < 0:  # as a rule: no queue then
                try:
                    sent = self._sock.send(whole)
                except BlockingIOError:
                    pass
                except OSError:  # the other side is gone: whoever receives will see it
                    return
                if sent == len(whole):
                    return
            self._outgoing.append((memoryview(whole)[sent:], fd))
        self.flush()

    def send_all(self, frames: Sequence[Frame]) -> None:
        """Send *frames* in their order, small ones in one piece."""
        if len(frames) == 1:
            self.send(frames[0])
        else:
            self._send_together(frames)

    def _send_together(self, frames: Sequence[Frame]) -> None:
        self.quiet = False
        parts: list[bytes] = []
        for op, call, chunk, first, attempt, body, fd in frames:
            parts += HEADER.pack(op, call, chunk, first, attempt, fd >= 0, len(body)), body
        whole, sent = b"".join(parts), 0
        if len(whole) > READ or any(frame.fd >= 0 for frame in frames):
            for frame in frames:
                Channel.send(self, frame)
            return
        if not self._outgoing:
            try:
                sent = self._sock.send(whole)
            except BlockingIOError:
                pass
            except OSError:  # as above
                return
        if sent < len(whole):
            self._outgoing.append((memoryview(whole)[sent:], -1))
            self.flush()

    def flush(self) -> None:
        """Send what waits; all of it on a blocking channel, what goes now on another."""
        while self._outgoing:
            part, fd = self._outgoing[0]
            try:
                sent = self._sock.send(part) if fd < 0 else send_fds(self._sock, part, [fd])
            except BlockingIOError:
                return
            except OSError:  # the other side is gone: whoever receives will see it
                self._drop()
                return
            if sent == len(part):
                self._outgoing.popleft()
            else:
                self._outgoing[0] = part[sent:], -1
            if fd >= 0:
                os.close(fd)

    def receive(self) -> list[Frame]:
        """All frames that have arrived; on a blocking channel at least one.

        Raises:
            Closed: The other side is gone and nothing is left to read.
        """
        while not (frames := self._read()):
            if frames is None:
                if not self._blocking:
                    return []
                if not self._incoming and self._gives_up():
                    raise Closed
        return frames

    def drain(self) -> list[Frame]:
        """What has arrived already, without waiting, on either kind of channel."""
        found: list[Frame] = []
        with suppress(Closed):  # seen again by the next receive
            while (frames := self._read(MSG_DONTWAIT)) is not None:
                found += frames
        return found

    def glance(self) -> list[Frame]:
        """The same as far as one look shows it."""
        try:
            return self._read(MSG_DONTWAIT) or []
        except Closed:
            return []  # as above

    def close(self) -> None:
        """Close this end."""
        self._sock.close()
        self._drop()
        while self._arrived:
            os.close(self._arrived.popleft())

    def _drop(self) -> None:
        """Forget what waits to be sent."""
        while self._outgoing:
            fd = self._outgoing.popleft()[1]
            if fd >= 0:
                os.close(fd)

    def _read(self, flags: int = 0) -> list[Frame] | None:
        """Take what the socket has: the frames that are complete with it; ``None`` if that is nothing."""
        try:
            size, extra, _, _ = self._sock.recvmsg_into([self._buffer], DESCRIPTORS, flags | CLOEXEC)
        except BlockingIOError:
            return None
        except ConnectionError as error:  # a peer that died with unread frames resets instead of ending
            raise Closed from error
        if not size:
            raise Closed
        buffer = self._buffer
        if size >= HEADER_SIZE and not self._incoming and not extra:  # as a rule: one frame, whole
            op, call, chunk, first, attempt, _, length = HEADER.unpack_from(buffer)
            if size == HEADER_SIZE + length:
                return [_frame((op, call, chunk, first, attempt, buffer[HEADER_SIZE:size].tobytes(), -1))]
        self._incoming += buffer[:size]
        for level, kind, data in extra:
            if (level, kind) == (SOL_SOCKET, SCM_RIGHTS):
                self._arrived.extend(memoryview(data).cast("i"))
        return self._complete()

    def _complete(self) -> list[Frame]:
        """Cut the frames that are complete off what has come in."""
        frames, at, size = [], 0, HEADER.size
        incoming = self._incoming
        while len(incoming) - at >= size:
            op, call, chunk, first, attempt, passes, length = HEADER.unpack_from(incoming, at)
            end = at + size + length
            if end > len(incoming):
                break
            fd = self._arrived.popleft() if passes else -1
            frames.append(_frame((op, call, chunk, first, attempt, incoming[at + size : end], fd)))
            at = end
        if at:
            del incoming[:at]
        return frames


class SharedChannel(Channel):
    """A blocking channel on which any thread may send, and a signal handler in the midst of a send.

    Whoever finds somebody sending leaves his frame to him: frames keep their order, nobody waits for a lock.
    """

    def __init__(self, sock: Socket) -> None:
        super().__init__(sock, blocking=True)
        self._sending = Lock()
        self._frames: deque[Frame] = deque()

    @property
    def busy(self) -> bool:
        """Whether somebody is in the midst of sending."""
        return self._sending.locked()

    def send(self, frame: Frame) -> None:
        """Send *frame*, or have the one who is sending send it."""
        if self._frames or not self._sending.acquire(blocking=False):
            self.quiet = False
            self._frames.append(frame)
        else:
            try:
                Channel.send(self, frame)
            finally:
                self._sending.release()
        if self._frames:
            self._send_what_was_left()

    def send_all(self, frames: Sequence[Frame]) -> None:
        """The same of several, in their order."""
        if self._frames or not self._sending.acquire(blocking=False):
            self.quiet = False
            self._frames.extend(frames)
        else:
            try:
                self._send_together(frames)
            finally:
                self._sending.release()
        self._send_what_was_left()

    def _send_what_was_left(self) -> None:
        while self._frames and self._sending.acquire(timeout=CROWDED if len(self._frames) > CROWD else 0):
            try:
                with suppress(IndexError):  # another took it
                    while True:
                        super().send(self._frames.popleft())
            finally:
                self._sending.release()
