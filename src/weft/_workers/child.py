"""A worker's whole life: take a frame, call, answer. Ends when the parent does.

It never imports the user's ``__main__``: what is defined there arrives by value.
"""

from __future__ import annotations

import _signal as signal  # the standard library's makes enums of it, which takes 3 ms
import os
from collections import deque
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from time import perf_counter_ns

from .._model.chunk import Call, Chunk
from .._model.copies import at_fork
from .._model.current import AT_WORK_HERE, LOADING, AtCall
from .._model.noun import replace
from .._model.outcome import Returned
from .._transport.boxes import boxed
from .._transport.carried import arrived
from .._transport.channel import Closed, Frame, SharedChannel
from .._transport.codec import dumps_apart, not_sendable
from .._transport.culprit import REFUSED
from .._transport.line import RING, Line
from .._transport.passage import Passage
from .._transport.spin import Spin
from .ahead import Permits
from .calls import FLUSH, apply_alone, patience_after, run_in_parts
from .in_hand import InHand
from .leaving import leave_copy
from .memory import name_refusals, set_hard_limit
from .ops import Op
from .parcel import pack_returned, unpack_call, unpack_parts
from .saying import Speech
from .sealed import note_unloaded, note_unread
from .shears import Shears
from .status import WHOLE, StatusPen
from .unsent import Unsent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from contextvars import Context
    from typing import Any, Final, TypeVar

    T = TypeVar("T")

# A worker that no run has had for so long leaves by itself.
RESTS: Final = 60.0  # seconds

NANO: Final = 1e9  # in a second


class Child:
    """A worker process.

    Args:
        channel: To the parent, for any thread.
        line: The whole of what there is to the parent.
        page: Where it notes what it is in.
        name: The worker's name.
        permits: How many calls of those that came ahead of their turn may be begun.

    Attributes:
        speech: Its standard streams, which are this process's from now on.
    """

    _kind, _own = "process", True  # whether the process is there for nothing else

    def __init__(self, channel: SharedChannel, line: Line, page: StatusPen, name: str, permits: Permits) -> None:
        self._channel, self._line, self._page = channel, line, page
        self._unsent = Unsent(channel, page)
        self._permits = permits
        self._took = 0.0  # seconds, the last chunk
        self._recalling = False  # whether what is ahead was taken back
        self._name = f"{name} (pid {os.getpid()})" if self._own else name
        self._pid = os.getpid()
        self._waiting: deque[Frame] = deque()
        self._calls: dict[int, Call | BaseException] = {}
        self.speech = Speech(self._say)
        self._hand = InHand(page, self._name)
        self._shears = Shears()
        self._limited: int | None = None  # the limit of memory in force
        self._spin = Spin()
        self._spins = False  # whether the next call may come at once
        self._sending = False
        self._leaving = 0  # the signal that it is to die of
        if self._own:
            at_fork(after_in_child=self._be_a_copy)

    @property
    def resting(self) -> bool:
        """Whether no run has it."""
        return not self._calls

    def live(self) -> None:
        """Serve until the parent is gone."""
        with suppress(Closed):
            while True:
                if not self._waiting:
                    self._waiting.extend((self._spins and self._look()) or self._channel.receive())
                elif self._waiting[0].op != Op.AHEAD:
                    self._waiting.extend(self._channel.drain())  # may bring word that a run is over
                    self._forget()
                if self._waiting:
                    self._serve(self._waiting.popleft())

    def _look(self) -> list[Frame]:
        """What comes in a moment."""
        self._line.expect()
        return self._spin.until(self._line.glance) or self._line.desert()

    def _serve(self, frame: Frame) -> None:
        match frame.op:
            case Op.ALONE:  # first: where these come, they come one by one
                self._call(frame)
            case Op.AHEAD:
                if self._may_begin(frame):
                    self._call(frame)
            case Op.CHUNK_AHEAD:
                if self._may_begin(frame):
                    self._work(frame._replace(op=Op.CHUNK))
            case Op.CALL:
                self._calls[frame.call] = self._learn(frame)
                self._spin.let_pass()  # the caller, whom it may have interrupted, has others to tell
            case Op.CHUNK | Op.PARTS:
                self._work(frame)
            case Op.PREPARE:
                self._prepare(frame)
            case Op.RECALL:
                self._recalling = False
                self._channel.send(frame._replace(op=Op.RECALLED))
            case Op.FORGET:
                self._waiting.appendleft(frame)
                self._forget()
            case _:
                assert frame.op == RING
                self._waiting.extendleft(self._line.desert())

    def _learn(self, frame: Frame) -> Call | BaseException:
        self.speech.listen()
        LOADING.append("the function")
        try:
            if self._limited is not None:
                set_hard_limit(None)  # what the function carries is not counted: it is there before the limit is
            call = unpack_call(frame.body, frame.fd, settle=True, own=self._own, anew=not frame.first)
            if call.memory is not None:
                set_hard_limit(call.memory)
            self._limited = call.memory
            return call
        except REFUSED as error:  # importing the user's module may raise anything
            note_unloaded(error, self._kind)
            return self._unloadable(error)
        finally:
            LOADING.pop()

    def _prepare(self, frame: Frame) -> None:
        """Call the initializer; if that fails, no call of this crew can be made here."""
        from .heritage import initialize

        failed = initialize(frame, self._name, logs=self._own)
        if failed is not None:
            self._calls[frame.call] = failed

    def _work(self, frame: Frame) -> None:
        try:
            self._take(frame)
            return
        except MemoryError as error:  # there was too little left even to say so
            self._give_in(frame, error)
        set_hard_limit(self._limited)  # anew, now that what the error held is free

    def _give_in(self, frame: Frame, error: MemoryError) -> None:
        """Blame the item in hand for an *error* that came where nobody has an eye on the item any more."""
        set_hard_limit(None)
        call = self._calls[frame.call]
        if self._hand.frame is not frame or isinstance(call, BaseException):
            raise error  # it is not known which: each will be tried alone
        first, returned = self._hand.blamed(frame, error, all_known=self._sending)
        name_refusals(call, returned, first)
        self._answer(frame, first, returned)

    def _take(self, frame: Frame) -> None:
        call = self._calls[frame.call]
        if isinstance(call, BaseException):
            self._answer(frame, frame.first, Returned.failed(frame.chunk, self._name, call))
            return
        if call.announce:
            self._channel.send(frame._replace(op=Op.BEGAN, body=b""))
        self._page.enter(frame.chunk, frame.first, WHOLE)
        if frame.op == Op.PARTS:
            self._run_parts(call, frame)
            return
        try:
            items = self._load(call, self._line.loads, frame.body)
        except REFUSED:  # the parent sends them one by one, and each answers for itself
            self._channel.send(frame._replace(op=Op.UNREADABLE, body=b""))
            return
        self._run(call, frame, items)

    @staticmethod
    def _load(call: Call, loads: Callable[..., T], *given: Any) -> T:
        """What *loads* makes of what was *given*: items. They are weighed and not refused: the parent has them too."""
        if call.memory is not None:
            set_hard_limit(None)
        LOADING.append("an item")
        try:
            return loads(*given)
        finally:
            LOADING.pop()
            if call.memory is not None:
                set_hard_limit(call.memory)

    def _may_begin(self, frame: Frame) -> bool:
        """Whether what came ahead of its turn has not been taken back since."""
        if not self._recalling and self._permits.use():
            return True
        self._recalling = True  # it was one of the last
        self._line.discard(frame)
        return False

    def _call(self, frame: Frame) -> None:
        """A call that is no item of a longer input."""
        unfit = self._calls[frame.call]
        if isinstance(unfit, BaseException):
            return self._fail(frame, unfit)
        self._spins, packed_before = bool(frame.first & 1), frame.first >> 1
        self._channel.quiet = self._spins and frame.op == Op.ALONE  # then the caller looks for the answer
        began = perf_counter_ns()
        self._page.enter(frame.chunk, 0, 1)
        try:
            LOADING.append("a call")
            try:
                if packed_before:
                    unpacked, kwargs = self._line.loads(frame.body)
                    fn = arrived(bytes(frame.body[-packed_before:]))
                else:
                    fn, unpacked, kwargs = self._line.loads(frame.body)
            finally:
                LOADING.pop()
        except REFUSED as error:
            note_unread(error, "the call")
            return self._fail(frame, error)
        args = tuple(unpacked)
        try:
            value = copy_context().run(apply_alone, AtCall(self._kind, self._name, args, 0), fn, args, kwargs)
        except BaseException as error:  # noqa: BLE001  whatever it is, it is the call's
            return self._fail(frame, error)
        if self._hand.copied:
            leave_copy([])
        self._sending = True
        with Passage() as along:
            try:
                packed = dumps_apart(boxed((value,)))
            except REFUSED as error:
                return self._fail(frame, not_sendable(value, "the call's result", error))
            self._deliver(frame, Op.VALUE, perf_counter_ns() - began, packed, along)
        self._settle()
        return None

    def _fail(self, frame: Frame, error: BaseException) -> None:
        returned = Returned.failed(frame.chunk, self._name, error)
        call = self._calls[frame.call]
        if isinstance(call, Call):
            self._explain(call, returned, 0)
        self._answer(frame, 0, returned)

    def _run(self, call: Call, frame: Frame, items: list[Any]) -> None:
        chunk = Chunk(frame.chunk, frame.first, items, frame.attempt)
        first = frame.first
        for returned in self._parts(call, chunk, frame):
            self._answer(frame, first, returned)
            first += len(returned.values)

    def _parts(self, call: Call, chunk: Chunk, frame: Frame) -> Generator[Returned]:
        """Run the chunk in a copy of the call's context."""
        context = copy_context() if call.context is None else call.context.copy()
        if call.threads > 1 and len(chunk.items) > 1:
            yield self._abreast(call, chunk, frame, context)
            return
        patience, note = patience_after(self._took), partial(self._hand.note, frame)
        parts = run_in_parts(
            call,
            chunk,
            self._name,
            kind=self._kind,
            note=note,
            flush=FLUSH,
            patience=patience,
            shears=self._shears,
        )
        first, began = chunk.first, perf_counter_ns()
        try:
            while (returned := context.run(next, parts, None)) is not None:
                if returned.faults:
                    self._explain(call, returned, first)
                first += len(returned.values)
                yield returned
        finally:
            context.run(parts.close)
            self._took = (perf_counter_ns() - began) / NANO

    def _explain(self, call: Call, returned: Returned, first: int) -> None:
        """Say of errors what they mean here."""
        name_refusals(call, returned, first)

    def _unloadable(self, error: BaseException) -> BaseException:
        """Why there is no function, as items are to hear it."""
        return error

    def _abreast(self, call: Call, chunk: Chunk, frame: Frame, context: Context) -> Returned:
        """Run the chunk's items in several threads."""
        from .abreast import run_abreast

        self._page.enter(frame.chunk, chunk.first, len(chunk.items))
        returned = context.run(run_abreast, call, chunk, self._name)
        if returned.faults:
            name_refusals(call, returned, chunk.first)
        return returned

    def _run_parts(self, call: Call, frame: Frame) -> None:
        """Run the items that arrived whole, and answer for each by itself."""
        items, faults = self._load(call, unpack_parts, frame.body, self._name, self._line.loads)
        for offset, item in enumerate(items):
            fault = faults.get(offset)
            last = offset == len(items) - 1
            chunk = Chunk(frame.chunk, frame.first + offset, [item], frame.attempt)
            if fault is not None:
                returned = Returned(frame.chunk, [None], self._name, 0.0, {0: fault})
            else:
                [returned] = self._parts(call, chunk, frame)
            more = not last and not (returned.faults and call.halt)
            self._answer(frame, chunk.first, replace(returned, more=more))
            if not more:
                return

    def _answer(self, frame: Frame, first: int, returned: Returned) -> None:
        if self._hand.copied:
            leave_copy([fault.error for fault in returned.faults.values()])
        self._sending = True
        self._page.enter(frame.chunk, first, max(1, len(returned.values)))
        self._send(frame, first, returned)
        self._settle()

    def _be_a_copy(self) -> None:
        """A function has forked this: the parent hears nothing of the copy, and does not miss the worker's own end."""
        self._hand.copied = True
        self._page.part()
        self._line.part()

    def _settle(self) -> None:
        """What was in hand has been answered."""
        self._hand.frame, self._hand.finished = None, ([], {})  # what was sent is not kept until there is more
        self._page.enter(0, 0, 0)
        self._sending = False
        if self._leaving:
            self._unsent.send()
            self._die(self._leaving)

    def _send(self, frame: Frame, first: int, returned: Returned) -> None:
        with Passage() as along:
            packed = pack_returned(returned, first, dumps_apart)
            self._deliver(frame, Op.PART if returned.more else Op.DONE, first, packed, along)

    def _deliver(
        self, frame: Frame, op: int, first: int, packed: tuple[bytes, list[memoryview]], along: Passage
    ) -> None:
        body = self._line.stow(*packed)
        self.speech.pause()
        answer = Frame(op, frame.call, frame.chunk, first, frame.attempt, body, along.envelope())
        if op == Op.PART and not self._leaving:
            self._unsent.keep(answer)
        elif not (op == Op.VALUE and self._line.hand(answer)):
            self._unsent.send(answer)

    def leave(self, number: int, _: object) -> None:
        """Send what is finished of the chunk in hand, then die of the signal *number*."""
        if os.getpid() != self._pid:  # a copy that the user's function has forked
            os._exit(128 + number)
        self._leaving = number
        if self._sending or self._channel.busy:  # a frame is on its way: it is finished first
            return
        if (part := self._hand.part()) is not None:
            self._send(*part)
        self._unsent.send()
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
        self._recalling = False
        if not self._calls:
            self.speech.hush()
        for call in over:
            self._channel.send(Frame(Op.FORGOT, call, 0, 0, 0, b""))

    def _say(self, voice: int, body: bytes) -> None:
        """Send what was said, with the index of the item in hand; from any thread."""
        here = AT_WORK_HERE[:]  # threads of this process may come and go meanwhile
        index = here[0].index if here else None
        self._channel.send(Frame(Op.SAID, 0, voice, index or 0, index is not None, body))
        if self._leaving and not self._sending:  # asked to while this was on its way
            os.kill(self._pid, self._leaving)
