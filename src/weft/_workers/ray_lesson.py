"""A call, packed once for all of a cluster: in the errand while it is small, in the object store else."""

from __future__ import annotations

from _pickle import PickleBuffer
from itertools import count
from typing import Any, Final
from uuid import uuid4

from .._model.chunk import Call
from .._transport.codec import dumps
from .parcel import pack_call

# A call that is smaller goes along with every chunk: a place in the store costs a worker more than so many bytes.
ALONG: Final = 16 * 1024  # bytes

_ORIGIN: Final = uuid4().hex
_NUMBERS: Final = count(1)


class RayLesson:
    """A call, packed.

    Args:
        call: The call.
        ray: Ray, connected.

    Attributes:
        token: Its own, in all of the cluster; workers remember it by that.
        along: What goes with every chunk; empty if it is elsewhere.
        stored: Where it is in the object store, in a list, for what is in a list Ray does not fetch unasked.
        known: Whether chunks of it have come back, so that others are made as long as is worth their price.

    Raises:
        NotSendable: The function can't be sent.
    """

    def __init__(self, call: Call, ray: Any) -> None:
        self.token = f"{_ORIGIN}-{next(_NUMBERS)}"
        self.known = False
        buffers: list[memoryview] = []

        def aside(large: list[memoryview]) -> list[Any]:
            buffers.extend(large)
            return []

        packed = pack_call(call, apart=aside, bare=True)
        heritage = b"" if call.initializer is None else dumps((call.initializer, call.initargs))
        if buffers or len(packed) + len(heritage) > ALONG:
            self.along, self.stored = (b"", b""), [ray.put(stored(packed, heritage, buffers))]
        else:
            self.along, self.stored = (packed, heritage), []


def stored(packed: bytes, heritage: bytes, buffers: list[memoryview]) -> tuple[Any, ...]:
    """What is put into the object store: everything in it is a buffer, which whoever gets it has in place."""
    return PickleBuffer(packed), heritage, list(map(PickleBuffer, buffers))
