"""NumPy arrays in shared memory. Loaded where there are some, for it imports NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._transport.codec import PLACED
from .._transport.segment import Segment, create_segment, fill_segment, place_of

_PLAIN = (np.ndarray, np.memmap)


class SharedArray(np.ndarray[Any, Any]):
    """An array that lies in shared memory, as long as it does: what is computed from it is an ordinary one."""

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        return array[()] if return_scalar or not array.shape else np.asarray(array)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return reduce_array(self, protocol)

    def __reduce__(self) -> Any:
        return reduce_array(self, 2)

    def __copy__(self) -> Any:
        return np.array(self, subok=False)

    def __deepcopy__(self, memo: object) -> Any:
        return np.array(self, subok=False)


def share_array(array: Any, *, writable: bool) -> Any:
    """A copy of *array* in shared memory; itself, if it lies there as it is wanted."""
    if array.dtype.hasobject:
        raise TypeError("an array of objects can't be shared: what it holds is pointers. Give it a type of its own")
    if type(array) not in (*_PLAIN, SharedArray):
        from .tables import share_parts

        return share_parts(array, writable=writable)
    place = _place(array)
    if place is not None and place[0].writable == writable:
        return array.view(SharedArray)
    order: Any = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
    if writable:
        segment = create_segment(max(1, array.nbytes))
        shared = SharedArray(array.shape, array.dtype, segment, order=order)
        shared[...] = array
        return shared
    flat = np.asarray(array, order=order).reshape(-1, order=order).view(np.uint8)
    segment = fill_segment([(0, flat.data)], max(1, array.nbytes), writable=False)
    return SharedArray(array.shape, array.dtype, segment, order=order)


def reduce_array(array: Any, protocol: int = 5) -> Any:
    """How an array is pickled: as its place, if it lies in shared memory, else as any."""
    place = _place(array)
    if place is None:
        if type(array) is SharedArray:
            array = np.asarray(array)
        return array.__reduce_ex__(protocol)
    segment, first = place
    low, _ = bounds(array)
    at = first + array.__array_interface__["data"][0] - low
    writeable = bool(array.flags.writeable)
    return _array_at, (type(array), segment, at, array.shape, array.strides, array.dtype, writeable)


def _array_at(  # noqa: PLR0917  it is pickled so
    kind: type[Any],
    segment: Segment,
    at: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    dtype: Any,
    writeable: bool,
) -> Any:
    if kind is not SharedArray:
        place_arrays()
    array = kind(shape, dtype, segment, at, strides)
    if not writeable:
        array.flags.writeable = False
    return array


def place_arrays() -> None:
    """From now on all arrays are looked at that are pickled, by weft and by multiprocessing."""
    if np.ndarray not in PLACED:
        from multiprocessing.reduction import ForkingPickler

        PLACED[np.ndarray] = reduce_array
        ForkingPickler.register(np.ndarray, _reduce_in_band)


def _reduce_in_band(array: Any) -> Any:
    """As multiprocessing pickles: by a protocol that has no buffers."""
    return reduce_array(array, 4)


def _place(array: Any) -> tuple[Segment, int] | None:
    """Where it lies in shared memory."""
    if array.dtype.hasobject:
        return None
    low, high = bounds(array)
    return place_of(low, high - low)


def bounds(array: Any) -> tuple[int, int]:
    """The addresses that it lies between."""
    low = high = array.__array_interface__["data"][0]
    if array.size:
        for length, stride in zip(array.shape, array.strides, strict=True):
            low += min(0, stride * (length - 1))
            high += max(0, stride * (length - 1))
        high += array.itemsize
    return low, high
