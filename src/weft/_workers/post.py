"""Calls of an actor's methods, as whoever calls sends them, from any process."""

from __future__ import annotations

import os
from collections.abc import Sequence

from .._model.chunk import Chunk
from .._model.interruption import interruptible
from .._model.locks import RLock
from .._model.outcome import Arrival, Lost, Returned
from .._transport.boxes import boxed
from .._transport.channel import Closed, Frame
from .._transport.codec import dumps_apart, dumps_ours, not_sendable
from .._transport.culprit import REFUSED
from .._transport.line import Line, lay_line
from .._transport.passage import KEPT
from .._transport.sockets import AF_UNIX, SOCK_SEQPACKET, Socket, send_fds
from .._transport.spin import Spin
from ..errors import LimitReached, check_limits
from .inbox import spells
from .ops import Op
from .parcel import read_answer
from .ready import Bell, Ready

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

_MANY: Final = 2**31  # calls in flight: the actor has them one after the other


class Post:
    """A way to an actor; a crew, as far as the dispatcher asks for one.

    Args:
        address: Where the actor listens.
        name: The actor's.
        fate: Says how it ended, when it has.
    """

    width = _MANY
    prefetches = False

    def __init__(self, address: str, name: str, fate: Callable[[], str] = lambda: "its process is gone") -> None:
        self._address, self._name, self._fate = address, name, fate
        self._line: Line | None = None
        self._flying: dict[int, Chunk] = {}
        self._local: list[Arrival] = []
        self._lock = RLock()  # whoever polls waits without it: another thread may send meanwhile
        try:
            self._ready, self._bell = Ready(), Bell()
        except OSError as error:
            check_limits(error, "a way to an actor")
            raise
        self._spin, self._glance = Spin(), self._ready.look
        self._ready.add(self._bell.fd)

    def send(self, chunk: Chunk) -> None:
        """Send a call, or what stands for the actor's end."""
        name, args, kwargs = chunk.items[0]
        try:
            with KEPT:  # the future has the arguments until the call is done
                packed = dumps_apart((name, boxed(args), kwargs))
        except REFUSED as error:
            refused = not_sendable((args, kwargs), f"the call of {name}", error)
            with self._lock:
                self._local.append(Returned.failed(chunk.number, "the caller", refused))
            return self.wake()
        with self._lock:
            try:
                line = self._line or self._connect()
            except OSError as error:
                self._local.append(self._unheard(chunk, error))
                return self.wake()
            self._flying[chunk.number] = chunk
            line.channel.send(Frame(Op.ALONE, 0, chunk.number, 0, 0, line.stow(*packed)))
            if line.channel.clogged:
                self._mind(line)
        return None

    def finish(self) -> None:
        """Ask the actor to end after what it has been sent."""
        with self._lock:
            if self._line is not None:
                self._read(self._line)  # it may have died since anybody looked, and another be there
            try:
                line = self._line or self._connect()
            except OSError:  # it has ended
                return
            line.channel.send(Frame(Op.FORGET, 0, 0, 0, 0, b""))
            self._mind(line)
        self.wake()

    def poll(self, timeout: float | None) -> Sequence[Arrival]:
        """What the actor has answered."""
        ready = self._spin.until(self._glance) if timeout != 0 and len(self._flying) == 1 and not self._local else []
        if not ready:
            for spell in spells(0 if self._local else timeout):
                with interruptible:
                    ready = self._ready.wait(spell)
                if ready:
                    break
        with self._lock:
            for fd in ready:
                if fd == self._bell.fd:
                    self._bell.heed()
                elif self._line is not None and fd == self._line.channel.fileno():
                    self._read(self._line)
            arrivals, self._local = self._local, []
        return arrivals

    def wake(self) -> None:
        """End the wait of a poll."""
        self._bell.ring()

    def close(self) -> None:
        """Let go of it; the actor lives on."""
        self._hang_up()
        self._ready.close()
        self._bell.close()

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    def _connect(self) -> Line:
        caller = Socket(AF_UNIX, SOCK_SEQPACKET)
        try:
            caller.connect(self._address)
            line, ends = lay_line()
            try:
                send_fds(caller, dumps_ours(list(ends)), list(ends.values()))
            except BaseException:  # the actor has ended just now
                line.close()
                raise
            finally:
                for fd in ends.values():
                    os.close(fd)
        finally:
            caller.close()
        self._line = line
        self._ready.add(line.channel.fileno())
        return line

    def _unheard(self, chunk: Chunk, error: OSError) -> Arrival:
        """What becomes of a call that did not get there: there is nobody, or no descriptor to ask him by."""
        try:
            check_limits(error, "a way to an actor")
        except LimitReached as reached:
            return Returned.failed(chunk.number, "the caller", reached)
        return Lost(chunk.number, self._name, self._fate())

    def _hang_up(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            self._ready.remove(line.channel.fileno())
            line.close()

    def _mind(self, line: Line) -> None:
        self._ready.change(line.channel.fileno(), writable=line.channel.clogged)

    def _read(self, line: Line) -> None:
        try:
            frames = line.channel.receive()
        except Closed:
            self._hang_up()
            status = self._fate() if self._flying else ""
            self._local += [Lost(number, self._name, status) for number in self._flying]
            self._flying.clear()
            return
        for frame in frames:
            if self._flying.pop(frame.chunk, None) is None:
                line.discard(frame)
            else:
                self._local.append(self._returned(line, frame))
        if line.channel.clogged:
            line.channel.flush()
            self._mind(line)

    def _returned(self, line: Line, frame: Frame) -> Returned:
        try:
            return read_answer(frame, line, self._name)
        except REFUSED as error:  # unpickling a user's result may raise anything
            refused = not_sendable(None, "the call's result", error)
            return Returned.failed(frame.chunk, self._name, refused)
