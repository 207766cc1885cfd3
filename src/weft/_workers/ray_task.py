"""A chunk on a Ray worker, from its arrival to its answer. This module is imported there."""

from __future__ import annotations

import os
import threading
from _pickle import PickleBuffer
from collections.abc import Iterator, Sequence
from contextvars import copy_context
from platform import node
from time import monotonic
from typing import Any, Final, TypeAlias

from .._model.chunk import Call, Chunk
from .._model.current import CPUS, LOADING, WORKER, AtCall
from .._model.locks import Lock
from .._model.noun import dataclass, replace
from .._model.outcome import Returned
from .._transport.codec import dumps_apart, loads
from .._transport.culprit import REFUSED
from .._transport.heap import keep_freed_memory
from .calls import apply_alone, run_chunk
from .initializer import prepare
from .parcel import pack_returned, unpack_call, unpack_parts
from .sealed import note_unread
from .shears import Shears

# What a worker knows of a call it forgets when it has had no chunk of it for so long: it may hold large objects in
# the store, and nobody tells it when a run is over.
REMEMBERED: Final = 5.0  # seconds

# The answer of a worker that could not read its chunk, and wants its items one by one.
UNREADABLE: Final = b""

# How the items of a chunk are packed.
TOGETHER: Final = "together"
APART: Final = "apart"
ALONE: Final = "alone"

Known: TypeAlias = Call | BaseException  # or why it can't be had
Body: TypeAlias = bytes | tuple[bytes, list[Any], list[bool]]  # what was pickled; its buffers, and which may be written


@dataclass(frozen=True, slots=True, eq=False)
class Errand:
    """A chunk on its way: all but its large buffers.

    Attributes:
        token: That of its call.
        along: The call itself, and what to call before, if they are small.
        number: The chunk's number.
        first: The position of its first item in the input.
        attempt: As the chunk has it.
        form: How its items are packed.
        patience: Seconds until it goes back unfinished.
        cpus: How many processors are the worker's own.
        writable: Which of the buffers are for the function to write into.
    """

    token: str
    along: tuple[bytes, bytes]
    number: int
    first: int
    attempt: int
    form: str
    stem: bytes
    patience: float
    cpus: int
    writable: Sequence[bool]


def run(errand: bytes, stored: list[Any], buffers: Sequence[Any] = ()) -> Body:
    """Run a chunk; what came of it."""
    told: Errand = loads(errand)
    return _run(told, _call_of(told, stored), buffers)


def run_and_tell(errand: bytes, stored: list[Any], buffers: Sequence[Any] = ()) -> Iterator[str | Body]:
    """The same; but first, who begins with it now."""
    told: Errand = loads(errand)
    call = _call_of(told, stored)
    yield _name()
    yield _run(told, call, buffers)


def packed(stem: bytes, buffers: list[memoryview]) -> Body:
    """What is pickled, and its large buffers as Ray carries them: apart."""
    if not buffers:
        return stem
    return stem, list(map(PickleBuffer, buffers)), [not buffer.readonly for buffer in buffers]


# ── the call ──────────────────────────────────────────────────────────────────────────────────────────────


class _Memory:
    """The calls that this worker knows; forgotten when they have not been used for a while."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: dict[str, tuple[Known, float]] = {}
        self._sweeping = False

    def recall(self, token: str) -> Known | None:
        """The call, if it is known."""
        with self._lock:
            known = self._known.get(token)
            if known is None:
                return None
            self._known[token] = known[0], monotonic()
            return known[0]

    def keep(self, token: str, known: Known) -> None:
        """Know the call from now on."""
        with self._lock:
            self._known[token] = known, monotonic()
            if self._sweeping:
                return
            self._sweeping = True
        self._sweep_later()

    def _sweep_later(self) -> None:
        timer = threading.Timer(REMEMBERED, self._sweep)
        timer.daemon = True
        timer.start()

    def _sweep(self) -> None:
        until = monotonic() - REMEMBERED
        with self._lock:
            forgotten = [token for token, (_, used) in self._known.items() if used < until]
            dropped = [self._known.pop(token) for token in forgotten]
            self._sweeping = bool(self._known)
        del dropped  # what the user's objects do at their end, they do without the lock
        if self._sweeping:
            self._sweep_later()


MEMORY: Final = _Memory()
SHEARS: Final = Shears(wary=True)


def _call_of(errand: Errand, stored: list[Any]) -> Known:
    CPUS[:] = [errand.cpus]
    known = MEMORY.recall(errand.token)
    if known is None:
        keep_freed_memory()
        known = _learn(errand, stored)
        MEMORY.keep(errand.token, known)
    return known


def _learn(errand: Errand, stored: list[Any]) -> Known:
    LOADING.append("the function")
    try:
        if stored:
            import ray

            content, heritage, buffers = ray.get(stored[0])
        else:
            (content, heritage), buffers = errand.along, []
        call = unpack_call(content, settle=False, buffers=buffers)
        if not heritage:
            return call
        initializer, initargs = loads(heritage)
    except REFUSED as error:  # importing the user's module may raise anything
        error.add_note("raised while the function was being loaded in the Ray worker")
        return error
    finally:
        LOADING.pop()
    return prepare(initializer, initargs, _name()) or call


# ── the chunk ─────────────────────────────────────────────────────────────────────────────────────────────


def _name() -> str:
    """This worker's, as failures tell it; it has another one when its process is another."""
    if not WORKER:
        WORKER[:] = [f"ray@{node()} (pid {os.getpid()})"]
    return WORKER[0]


def _run(errand: Errand, call: Known, buffers: Sequence[Any]) -> Body:
    name = _name()
    if isinstance(call, BaseException):
        returned = Returned.failed(errand.number, name, call)
        return packed(*pack_returned(returned, errand.first, dumps_apart))
    own = _own(buffers, errand.writable)
    match errand.form:
        case "alone":
            return _call(errand, name, own)
        case "apart":
            returned = _run_apart(errand, call, name)
        case _:
            try:
                items = _load(errand.stem, own)
            except REFUSED:
                return UNREADABLE
            chunk = Chunk(errand.number, errand.first, items, errand.attempt)
            del items, own
            returned = _run_chunk(call, chunk, name, errand.patience)
    return packed(*pack_returned(returned, errand.first, dumps_apart))


def _own(buffers: Sequence[Any], writable: Sequence[bool]) -> list[Any]:
    """The buffers: those that may be written as copies, for what is in the store is nobody's to write."""
    return [bytearray(buffer) if may else buffer for buffer, may in zip(buffers, writable, strict=True)]


def _load(stem: bytes, buffers: list[Any]) -> Any:
    LOADING.append("an item")
    try:
        return loads(stem, buffers=buffers)
    finally:
        LOADING.pop()


def _run_chunk(call: Call, chunk: Chunk, name: str, patience: float) -> Returned:
    context = copy_context() if call.context is None else call.context.copy()
    return context.run(
        run_chunk, call, chunk, name, passing=KeyboardInterrupt, kind="ray", patience=patience, shears=SHEARS
    )  # Ray's way to cancel is its own, and not an item's error


def _run_apart(errand: Errand, call: Call, name: str) -> Returned:
    """Run the items that arrived whole, each by itself; all together is the answer."""
    items, faults = unpack_parts(errand.stem, name, loads)
    found, values, seconds, cpu, nbytes = dict(faults), list[Any](), 0.0, 0.0, 0.0
    for offset, item in enumerate(items):
        if offset not in faults:
            chunk = Chunk(errand.number, errand.first + offset, [item], errand.attempt)
            one = _run_chunk(call, chunk, name, errand.patience)
            if one.faults:
                found[offset] = one.faults[0]
            values += one.values
            seconds, cpu, nbytes = seconds + one.seconds, cpu + (one.cpu or 0.0), max(nbytes, one.nbytes)
        else:
            values.append(None)
        if call.halt and offset in found:
            break
    told = {offset: fault for offset, fault in found.items() if offset < len(values)}
    return Returned(errand.number, values, name, seconds, told, cpu, nbytes)


def _call(errand: Errand, name: str, buffers: list[Any]) -> Body:
    """One call that is no item of a longer input."""
    returned = Returned(errand.number, [None], name, 0.0)
    try:
        fn, unpacked, kwargs = _load(errand.stem, buffers)
    except REFUSED as error:
        note_unread(error, "the call")
        return _failed(returned, error)
    args = tuple(unpacked)
    try:
        value = copy_context().run(apply_alone, AtCall("ray", name, args, 0), fn, args, kwargs)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  whatever it is, it is the call's
        return _failed(returned, error)
    return packed(*pack_returned(replace(returned, values=[value]), 0, dumps_apart, "the call's result"))


def _failed(returned: Returned, error: BaseException) -> Body:
    failed = Returned.failed(returned.chunk, returned.worker, error)
    return packed(*pack_returned(failed, 0, dumps_apart))
