"""Calls, chunks and what they came to, packed for a worker that does not share memory.

Whatever can't be packed or unpacked costs the item it belongs to and no other: a chunk is taken apart, item
by item, only when that has happened.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from .._model.chunk import Call, Chunk
from .._model.outcome import NO_FAULTS, Fault, Returned
from .._transport.bundle import in_band, open_bundle
from .._transport.callables import dump_with_function
from .._transport.codec import boxed, dump_error, dumps, load_error, loads, not_sendable
from ..errors import NotSendable
from .calls import own_frames

Packed: TypeAlias = bytes | bytearray | memoryview
Dumps: TypeAlias = Callable[[object], bytes]  # the codec's, or a line's, which knows shared memory
Loads: TypeAlias = Callable[[Packed], Any]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What functions may expect to find as it is in the parent: where to import from, and where files are."""

    path: list[str]
    directory: str | None
    environment: dict[str, str]

    @classmethod
    def here(cls) -> Surroundings:
        """Those of this process."""
        try:
            directory: str | None = os.getcwd()  # noqa: PTH109  a string is what travels
        except OSError:  # it was deleted
            directory = None
        return cls(list(map(str, sys.path)), directory, dict(os.environ))

    def apply(self) -> None:
        """Make this process's the same."""
        sys.path[:] = self.path
        if self.directory is not None and os.path.isdir(self.directory):  # noqa: PTH112
            os.chdir(self.directory)
        if dict(os.environ) != self.environment:
            os.environ.clear()
            os.environ.update(self.environment)


def pack_call(call: Call, apart: Callable[[list[memoryview]], list[Any]] = in_band) -> bytes:
    """The call and its surroundings; *apart* says where the large buffers are that the function carries.

    Raises:
        NotSendable: The function can't travel; it says which part of it can't.
    """
    bare = replace(call, context=None)
    try:
        packed, buffers = dump_with_function(bare, call.fn)
    except Exception as error:
        raise not_sendable(call.fn, f"function {call.label}", error) from error
    return dumps((Surroundings.here(), packed, apart(buffers)))


def unpack_call(data: Packed, bundle: int = -1, *, settle: bool) -> Call:
    """The call, with what its *bundle* has; to *settle* is to make this process's surroundings those it came from."""
    surroundings, packed, spans = loads(data)
    buffers = open_bundle(bundle, spans)
    if settle:
        surroundings.apply()
    call: Call = loads(packed, buffers=buffers)
    return call


def pack_items(chunk: Chunk, dumps: Dumps = dumps) -> bytes | None:
    """The chunk's items in one piece; ``None`` if one of them can't travel."""
    try:
        return dumps(boxed(chunk.items))
    except Exception:  # noqa: BLE001  which one it is is found out by packing them one by one
        return None


def pack_parts(chunk: Chunk) -> bytes:
    """The chunk's items one by one, an error in the place of each that can't travel."""
    return dumps([_pack_part(chunk.first + offset, item) for offset, item in enumerate(chunk.items)])


def _pack_part(index: int, item: object) -> tuple[bytes | None, bytes]:
    try:
        return dumps(item), b""
    except Exception as error:  # noqa: BLE001  any refusal is this item's error
        refused = not_sendable(item, f"item {index}", error)
        return None, dump_error(refused, "the caller", None)


def unpack_parts(data: Packed, worker: str) -> tuple[list[Any], Mapping[int, Fault]]:
    """The items that arrived whole, and by offset why the others did not."""
    items: list[Any] = []
    faults: dict[int, Fault] = {}
    for offset, (part, refusal) in enumerate(loads(data)):
        try:
            items.append(loads(part) if part is not None else None)
            if part is None:
                faults[offset] = Fault(load_error(refusal), worker)
        except Exception as error:  # noqa: BLE001  whatever unpickling raises is this item's error
            items.append(None)
            error.add_note("raised while the item was unpickled in the worker")
            faults[offset] = Fault(error, worker)
    return items, faults


def pack_returned(returned: Returned, first: int, dumps: Dumps = dumps) -> bytes:
    """What a chunk came to; a value that can't travel becomes its item's error."""
    faults = [(at, dump_error(f.error, f.worker, own_frames(f.error))) for at, f in returned.faults.items()]
    rest = (returned.chunk, returned.worker, returned.seconds, returned.cpu, returned.nbytes, returned.more)
    try:
        return dumps((boxed(returned.values), faults, *rest))
    except Exception:  # noqa: BLE001  which value it is is found out below
        values = list(returned.values)
        for offset, value in enumerate(values):
            refused = _refusal(value, first + offset)
            if refused is not None:
                values[offset] = None
                faults.append((offset, dump_error(refused, returned.worker, None)))
        return dumps((boxed(values), faults, *rest))


def _refusal(value: object, index: int) -> NotSendable | None:
    try:
        dumps(value)
    except Exception as error:  # noqa: BLE001  any refusal is this value's
        return not_sendable(value, f"result of item {index}", error)
    return None


def unpack_returned(data: Packed, loads: Loads = loads) -> Returned:
    """What a chunk came to, its errors with their place in the worker as their cause."""
    values, packed, chunk, worker, seconds, cpu, nbytes, more = loads(data)
    faults = {offset: Fault(load_error(error), worker) for offset, error in packed} or NO_FAULTS
    return Returned(chunk, values, worker, seconds, faults, cpu, nbytes, more)
