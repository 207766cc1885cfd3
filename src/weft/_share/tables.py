"""Whatever has its large parts in buffers, in shared memory: pandas, Arrow, lists of arrays."""

from __future__ import annotations

import sys
from typing import Any, Final

from .._transport.codec import PLACED, dumps_parts, loads
from .._transport.segment import Segment, fill_segment, place_of

ALIGN: Final = 64  # bytes; where each part may begin


def share_parts(value: object, *, writable: bool) -> Any:
    """The like of *value*, its buffers in shared memory."""
    stem, buffers = dumps_parts(value)
    size = sum(-(-buffer.nbytes // ALIGN) * ALIGN for buffer in buffers)
    if not size:
        raise TypeError(
            f"a {type(value).__name__} can't be shared: it has no buffers of its own. For bytes, arrays and tables "
            "there is weft.share(), for the rest weft.Dict() and weft.Actor()"
        )
    parts: list[tuple[int, memoryview]] = []
    end = 0
    for buffer in buffers:
        parts.append((end, buffer))
        end += -(-buffer.nbytes // ALIGN) * ALIGN
    segment = fill_segment(parts, size, writable=writable)
    place_parts()
    whole = memoryview(segment)
    return loads(stem, buffers=[whole[at : at + part.nbytes] for at, part in parts])


def place_parts() -> None:
    """From now on the parts of tables are looked at that are pickled, by weft and by multiprocessing."""
    if "numpy" in sys.modules:
        from .arrays import place_arrays

        place_arrays()
    arrow = sys.modules.get("pyarrow")
    if arrow is not None and arrow.Buffer not in PLACED:
        from multiprocessing.reduction import ForkingPickler

        PLACED[arrow.Buffer] = _reduce_buffer
        ForkingPickler.register(arrow.Buffer, _reduce_in_band)


def _reduce_buffer(buffer: Any, protocol: int = 5) -> Any:
    place = place_of(buffer.address, buffer.size) if buffer.size else None
    return buffer.__reduce_ex__(protocol) if place is None else (_buffer_at, (*place, buffer.size))


def _reduce_in_band(buffer: Any) -> Any:
    """As multiprocessing pickles: by a protocol that has no buffers."""
    return _reduce_buffer(buffer, 4)


def _buffer_at(segment: Segment, at: int, size: int) -> Any:
    import pyarrow as arrow

    place_parts()
    return arrow.py_buffer(memoryview(segment)[at : at + size])
