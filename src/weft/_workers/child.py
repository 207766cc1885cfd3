"""A worker process's whole life: take a frame, call, answer. Ends when the parent does.

It never imports the user's ``__main__``: what is defined there arrives by value.
"""

from __future__ import annotations

import faulthandler
import io
import os
import select
import signal
import sys
from collections import deque
from contextlib import suppress
from dataclasses import replace
from enum import IntEnum
from functools import partial
from typing import Any, Final

from .._model.chunk import Call, Chunk
from .._model.current import LOADING, WORKER
from .._model.outcome import Fault, Returned
from .._transport.channel import Closed, Frame
from .._transport.line import Ends, Line, join_line
from .calls import run_in_parts
from .parcel import pack_returned, unpack_call, unpack_parts
from .status import DUMP_SIGNAL, WHOLE, StatusPen


class Op(IntEnum):
    """What a frame is."""

    CALL = 1  # down: a function to be called
    CHUNK = 2  # down: items for it, in one piece
    PARTS = 3  # down: items for it, one by one
    FORGET = 4  # down: the run is over; drop what is waiting of it, and answer
    BEGAN = 5  # up: a chunk was taken up
    PART = 6  # up: what is finished of the chunk; the rest goes on
    DONE = 7  # up: what the chunk came to, or the rest of it
    UNREADABLE = 8  # up: the items can't be unpickled in one piece
    FORGOT = 9  # up: nothing of the run is left here


class Child:
    """A worker process.

    Args:
        line: To the parent.
        page: Where it notes what it is in.
        name: The worker's name.
    """

    def __init__(self, line: Line, page: StatusPen, name: str) -> None:
        self._line, self._channel, self._page = line, line.channel, page
        self._name = f"{name} (pid {os.getpid()})"
        self._pid = os.getpid()
        self._waiting: deque[Frame] = deque()
        self._calls: dict[int, Call | Exception] = {}
        self._frame: Frame | None = None  # the chunk in hand, from the first item on that has not been answered
        self._finished: tuple[list[Any], dict[int, Fault]] = ([], {})  # what of it is finished
        self._sending = False
        self._leaving = 0  # the signal that it is to die of

    def live(self) -> None:
        """Serve until the parent is gone."""
        with suppress(Closed):
            while True:
                if not self._waiting:
                    self._line.rest()
                    self._waiting.extend(self._channel.receive())
                else:
                    self._waiting.extend(self._channel.drain())  # may bring word that a run is over
                    self._forget()
                if self._waiting:
                    self._serve(self._waiting.popleft())

    def _serve(self, frame: Frame) -> None:
        match frame.op:
            case Op.CALL:
                self._calls[frame.call] = self._learn(frame)
            case Op.CHUNK | Op.PARTS:
                self._work(frame)
            case Op.FORGET:
                self._waiting.appendleft(frame)
                self._forget()

    def _learn(self, frame: Frame) -> Call | Exception:
        LOADING.append("the function")
        try:
            return unpack_call(frame.body, frame.fd, settle=True)
        except Exception as error:  # noqa: BLE001  importing the user's module may raise anything
            error.add_note("raised while the function was being loaded in the worker process")
            return error
        finally:
            LOADING.pop()

    def _work(self, frame: Frame) -> None:
        call = self._calls[frame.call]
        if isinstance(call, Exception):
            fault = Fault(call, self._name)
            self._answer(frame, Returned(frame.chunk, [None], self._name, 0.0, {0: fault}))
            return
        if call.announce:
            self._channel.send(frame._replace(op=Op.BEGAN, body=b""))
        self._page.enter(frame.chunk, frame.first, WHOLE)
        if frame.op == Op.PARTS:
            self._run_parts(call, frame)
            return
        LOADING.append("an item")
        try:
            items = self._line.loads(frame.body)
        except Exception:  # noqa: BLE001  the parent sends them one by one, and each answers for itself
            self._channel.send(frame._replace(op=Op.UNREADABLE, body=b""))
            return
        finally:
            LOADING.pop()
        self._run(call, frame, items)

    def _run(self, call: Call, frame: Frame, items: list[Any]) -> None:
        chunk = Chunk(frame.chunk, frame.first, items, frame.attempt)
        for returned in run_in_parts(call, chunk, self._name, note=partial(self._note, frame)):
            self._answer(frame, returned)
            frame = frame._replace(first=frame.first + len(returned.values))

    def _run_parts(self, call: Call, frame: Frame) -> None:
        """Run the items that arrived whole, and answer for each by itself."""
        items, faults = unpack_parts(frame.body, self._name)
        for offset, item in enumerate(items):
            fault = faults.get(offset)
            last = offset == len(items) - 1
            chunk = Chunk(frame.chunk, frame.first + offset, [item], frame.attempt)
            if fault is not None:
                returned = Returned(frame.chunk, [None], self._name, 0.0, {0: fault})
            else:
                [returned] = run_in_parts(call, chunk, self._name, note=partial(self._note, frame))
            more = not last and not (returned.faults and call.halt)
            self._answer(frame._replace(first=chunk.first), replace(returned, more=more))
            if not more:
                return

    def _note(self, frame: Frame, index: int, span: int, values: list[Any], faults: dict[int, Fault]) -> None:
        self._page.enter(frame.chunk, index, span)
        self._frame, self._finished = frame._replace(first=index - len(values)), (values, faults)

    def _answer(self, frame: Frame, returned: Returned) -> None:
        self._sending = True
        self._page.enter(frame.chunk, frame.first, max(1, len(returned.values)))
        self._send(frame, returned)
        self._frame, self._finished = None, ([], {})  # what was sent need not be kept until there is more
        self._page.enter(0, 0, 0)
        self._sending = False
        if self._leaving:
            self._die(self._leaving)

    def _send(self, frame: Frame, returned: Returned) -> None:
        body = pack_returned(replace(returned, nbytes=0), frame.first, self._line.dumps)
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
        self._channel.send(frame._replace(op=Op.PART if returned.more else Op.DONE, body=body))

    def leave(self, number: int, _: object) -> None:
        """Send what is finished of the chunk in hand, then die of the signal *number*."""
        if os.getpid() != self._pid:  # a copy that the user's function has forked
            os._exit(128 + number)
        self._leaving = number
        if self._sending:  # a frame is on its way: it is finished first
            return
        frame, (values, faults) = self._frame, self._finished
        if frame is not None and values:
            finished = {offset: fault for offset, fault in faults.items() if offset < len(values)}
            self._send(frame, Returned(frame.chunk, values, self._name, 0.0, finished, more=True))
        self._die(number)

    def _die(self, number: int) -> None:
        signal.signal(number, signal.SIG_DFL)
        os.kill(self._pid, number)

    def _forget(self) -> None:
        """Drop all that is waiting of the runs that are over."""
        over = {frame.call for frame in self._waiting if frame.op == Op.FORGET}
        if not over:
            return
        for frame in self._waiting:
            if frame.call in over:
                self._line.discard(frame)
        self._waiting = deque(frame for frame in self._waiting if frame.call not in over)
        for call in over:
            self._calls.pop(call, None)
            self._channel.send(Frame(Op.FORGOT, call, 0, 0, 0, b""))


# The parent's end of this pipe is closed by the kernel when the parent ends, however it ends; the worker then
# gets a signal even in the middle of a call, and the signal's default is to end it.
def watch_lifeline(fd: int) -> None:
    """Have the kernel end this process when the other end of *fd* is closed."""
    import fcntl

    asynchronous: Final = getattr(os, "O_ASYNC", getattr(fcntl, "FASYNC", 0))
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(fd, fcntl.F_SETOWN, os.getpid())
    if hasattr(fcntl, "F_SETSIG"):
        fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | asynchronous)
    if select.select([fd], [], [], 0)[0]:  # it was closed before we watched
        raise SystemExit(1)


# An unbuffered stream writes a line in pieces, and between them come those of the other workers.
def print_in_lines() -> None:
    """Have what is printed leave in whole lines, however this interpreter was told to buffer."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper) and stream.write_through:
            lines = open(stream.fileno(), "wb", closefd=False)  # noqa: SIM115  it lives as long as the worker
            setattr(sys, name, io.TextIOWrapper(lines, stream.encoding, stream.errors, line_buffering=True))


def main(ends: Ends, lifeline: int, page: int, name: str, path: list[str]) -> None:
    """Be a worker at the far *ends* of a line; note on *page* what it is in; import what functions need from *path*."""
    # Ctrl-C is for the parent, who ends us. Caught rather than ignored: what the user's function starts
    # would inherit that. The parent had it blocked until here.
    signal.signal(signal.SIGINT, lambda number, frame: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    watch_lifeline(lifeline)
    print_in_lines()
    WORKER.append(name)
    sys.path[:] = path
    line = join_line(ends)
    child = Child(line, StatusPen(page), name)
    faulthandler.enable(page)  # a crash leaves its stack there
    faulthandler.register(DUMP_SIGNAL, page)
    signal.signal(signal.SIGTERM, child.leave)
    child.live()
    line.close()
