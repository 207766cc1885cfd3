"""An actor where it lives: an object, and calls of its methods, one after the other, from whoever has connected."""

from __future__ import annotations

import os
import select
from collections import deque
from contextlib import suppress
from functools import partial
from inspect import isawaitable

from .._model.copies import at_fork
from .._model.interruption import uninterrupted
from .._model.locks import Lock
from .._model.outcome import Returned
from .._transport.boxes import boxed
from .._transport.channel import Channel, Closed, Frame
from .._transport.codec import dumps_apart, loads, not_sendable
from .._transport.culprit import REFUSED
from .._transport.line import Line, join_line
from .._transport.passage import Passage
from .._transport.sockets import Socket, recv_fds
from .._transport.spin import Spin
from .leaving import leave_copy
from .ops import Op
from .parcel import pack_returned
from .ready import Bell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

# So many calls wait here before more are read: whoever sends them is held back by the socket then.
CROWD: Final = 1000

GREETING: Final = 256  # bytes, at most
DESCRIPTORS: Final = 3  # that come with one: a channel, and shared memory each way

_ADOPTED: Final[list[Socket]] = []


def adopt(listener: Any) -> None:
    """In the process that is to be an actor's: this is where callers come to."""
    _ADOPTED[:] = [Socket(fileno=listener.detach())]


def live(make: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], name: str) -> None:
    """Be an actor until it is told to end."""
    host = Host(_ADOPTED[0], name, lone=True)
    host.serve(make, args, kwargs)


class Host:
    """An actor's life.

    Args:
        listener: Where callers connect.
        name: Its name.
        lone: Whether the process is there for nothing else.
    """

    def __init__(self, listener: Socket, name: str, *, lone: bool) -> None:
        self._listener, self._name, self._lone = listener, name, lone
        self._backlog: deque[tuple[Line | None, Any]] = deque()
        self._lines: dict[int, Line] = {}  # by the descriptor of their channel
        self._gone: list[Line] = []  # callers that are not there any more, and may have calls here
        self._poll, self._spin = select.poll(), Spin()
        self._glance = partial(self._poll.poll, 0)
        self._bell = Bell()
        self._ending = False
        self._runner: Any = None
        self._lock = Lock()
        self._copied = False  # whether this is a copy of the actor's process that a method has forked
        if lone:
            at_fork(after_in_child=self._be_a_copy)

    # ── for callers of the same process ───────────────────────────────────────────────────────────────────

    def call(self, future: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Have a method called, and the *future* settled; whether there is still somebody to do it."""
        with uninterrupted, self._lock:
            if self._ending:
                return False
            self._backlog.append((None, (future, name, args, kwargs)))
            self._bell.ring()
            return True

    def end(self) -> None:
        """End when everything is done that has come so far."""
        with uninterrupted, self._lock:
            if not self._ending:
                self._ending = True
                self._bell.ring()

    def _be_a_copy(self) -> None:
        """Callers hear nothing of the copy, and do not miss the end of the process that it is a copy of."""
        self._copied = True
        for line in (*self._lines.values(), *self._gone):
            line.channel.close()
        self._listener.close()

    # ── the life ──────────────────────────────────────────────────────────────────────────────────────────

    def serve(self, make: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Make the object and serve it until the end."""
        for fd in (self._bell.fd, self._listener.fileno()):
            self._poll.register(fd, select.POLLIN)
        try:
            actor, fault = self._made(make, args, kwargs)
            while True:
                self._look(wait=not self._backlog and not self._ending)
                if self._backlog:
                    line, call = self._backlog.popleft()
                    if line is None:
                        self._do_here(actor, fault, call)
                    elif call.op == Op.FORGET:
                        self.end()
                    else:
                        self._do(actor, fault, line, call)
                    del line, call
                    if self._gone:
                        self._bury()
                elif self._ending:
                    return
        finally:
            self._leave()

    def _made(
        self, make: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Any, BaseException | None]:
        try:
            return make(*args, **kwargs), None
        except BaseException as error:  # noqa: BLE001  every call fails with it
            error.add_note("raised while the actor was made")
            return None, error

    def _look(self, *, wait: bool) -> None:
        """Take in who comes and what is sent; send what waits to be sent."""
        if len(self._backlog) > CROWD:
            return
        ready = self._spin.until(self._glance) if wait and self._lone else []
        for fd, _ in ready or self._poll.poll(None if wait else 0):
            if fd == self._bell.fd:
                self._bell.heed()
            elif fd == self._listener.fileno():
                self._greet()
            else:
                self._attend(fd)

    def _greet(self) -> None:
        try:
            fd, _ = self._listener._accept()  # type: ignore[attr-defined]  # noqa: SLF001  it is called so
        except OSError:  # whoever it was has gone
            return
        caller = Socket(fileno=fd)
        try:
            if not _is_ours(caller):
                return
            greeting, fds = recv_fds(caller, GREETING, DESCRIPTORS)
            if not greeting:
                return
            ends = dict(zip(loads(greeting), fds, strict=True))
        finally:
            caller.close()
        channel = Channel(Socket(fileno=ends["channel"]), blocking=False)
        self._lines[channel.fileno()] = join_line(channel, ends, lone=self._lone)
        self._poll.register(channel.fileno(), select.POLLIN)

    def _attend(self, fd: int) -> None:
        line = self._lines[fd]
        try:
            self._backlog.extend((line, frame) for frame in line.channel.receive())
        except Closed:  # what it has sent is done all the same
            self._poll.unregister(fd)
            self._gone.append(self._lines.pop(fd))
            self._bury()
            return
        if line.channel.clogged:
            self._flush(line)

    def _bury(self) -> None:
        """Let go of those who are gone and whose calls are done."""
        for line in self._gone[:]:
            if all(other is not line for other, _ in self._backlog):
                self._gone.remove(line)
                line.close()

    def _flush(self, line: Line) -> None:
        line.channel.flush()
        fd = line.channel.fileno()
        if fd in self._lines:
            self._poll.modify(fd, select.POLLIN | select.POLLOUT if line.channel.clogged else select.POLLIN)

    # ── one call ──────────────────────────────────────────────────────────────────────────────────────────

    def _call(self, actor: Any, fault: BaseException | None, name: str, args: Any, kwargs: dict[str, Any]) -> Any:
        if fault is not None:
            raise fault
        value = getattr(actor, name)(*args, **kwargs)
        if not isawaitable(value):
            return value
        if self._runner is None:
            import asyncio

            self._runner = asyncio.Runner()

        async def wait() -> Any:
            return await value

        return self._runner.run(wait())

    def _do_here(self, actor: Any, fault: BaseException | None, call: tuple[Any, str, Any, dict[str, Any]]) -> None:
        future, name, args, kwargs = call
        if not future.set_running_or_notify_cancel():
            return
        try:
            value = self._call(actor, fault, name, args, kwargs)
        except BaseException as error:  # noqa: BLE001  it is the future's, whatever it is
            future.set_exception(error)
        else:
            future.set_result(value)

    def _do(self, actor: Any, fault: BaseException | None, line: Line, frame: Frame) -> None:
        try:
            name, args, kwargs = line.loads(frame.body)
            value = self._call(actor, fault, name, args, kwargs)
        except BaseException as error:  # noqa: BLE001  it is the caller's, whatever it is
            return self._answer(line, frame, Op.DONE, error)
        return self._answer(line, frame, Op.VALUE, value)

    def _answer(self, line: Line, frame: Frame, op: int, value: Any) -> None:
        if self._copied:
            leave_copy([value] if op == Op.DONE else [])
        if line.channel.fileno() not in self._lines:
            return
        with Passage() as along:
            try:
                packed = self._packed_fault(frame, value) if op == Op.DONE else dumps_apart(boxed((value,)))
            except REFUSED as error:
                op, packed = Op.DONE, self._packed_fault(frame, not_sendable(value, "the call's result", error))
            body = line.stow(*packed)
            line.channel.send(Frame(op, 0, frame.chunk, 0, 0, body, along.envelope()))
        if line.channel.clogged:
            self._flush(line)

    def _packed_fault(self, frame: Frame, error: BaseException) -> Any:
        name = f"{self._name} (pid {os.getpid()})"
        return pack_returned(Returned.failed(frame.chunk, name, error), 0, dumps_apart)

    def _leave(self) -> None:
        """Let those go who are connected, once they have what is theirs."""
        for line in (*self._lines.values(), *self._gone):
            with suppress(OSError):
                while line.channel.clogged and select.select([], [line.channel], [], 1.0)[1]:
                    line.channel.flush()
            line.close()
        self._lines.clear()
        if self._runner is not None:
            self._runner.close()
        with self._lock:  # whoever said that this is the end may be about to ring for it
            self._ending = True
            self._bell.close()
        self._listener.close()


def _is_ours(caller: Socket) -> bool:
    """Whether it is a process of the same user: anybody can find such a socket."""
    from _socket import SO_PEERCRED, SOL_SOCKET

    credentials = caller.getsockopt(SOL_SOCKET, SO_PEERCRED, 12)
    return memoryview(credentials).cast("I")[1] == os.getuid()
