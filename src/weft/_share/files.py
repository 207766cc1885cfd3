"""Arrays that are files, sent as such: who gets one has that file mapped, and what he writes into it is in the file.

That is what joblib's users know and write results into (joblib's own ``_memmapping_reducer``). Others, as those of
multiprocessing, know copies.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pickle import PickleBuffer

from .._transport.codec import dumps_apart, loads
from .._transport.rooted import dumps_apart_rooted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class ByFile:
    """Pickles to the *value*, whose arrays on files are opened by name where it arrives.

    Args:
        value: What is to be sent.
        rooted: Whether functions share their globals over there, as with an initializer.
    """

    def __init__(self, value: object, *, rooted: bool) -> None:
        self._value, self._rooted = value, rooted

    def __reduce__(self) -> tuple[Any, ...]:
        numpy: Any = sys.modules.get("numpy")
        dumps = dumps_apart_rooted if self._rooted else dumps_apart
        stem, buffers = dumps(self._value, reducers=None if numpy is None else {numpy.memmap: _reduce})
        return _value, (stem, list(map(PickleBuffer, buffers)))


def _value(stem: bytes, buffers: Sequence[Any]) -> Any:
    return loads(stem, buffers=buffers)


def _reduce(array: Any) -> Any:
    """How an array on a file is pickled: as a place in that file, if there is such a file still; else as any."""
    base = _whole(array)
    if base is None or base.mode == "c" or not array.size or array.dtype.hasobject or not _is_there(base):
        return array.__reduce_ex__(5)
    from .arrays import bounds

    low, high = bounds(array)
    first = array.__array_interface__["data"][0] - low
    begin = base.offset + low - bounds(base)[0]
    place = (str(base.filename), begin, high - low, first)
    return _mapped, (*place, array.shape, array.strides, array.dtype, bool(array.flags.writeable))


def _whole(array: Any) -> Any:
    """The array that is the whole mapping, of which *array* is a part, if there is one."""
    from mmap import mmap

    while array is not None and not isinstance(getattr(array, "base", None), mmap):
        array = getattr(array, "base", None)
    return array if getattr(array, "filename", None) is not None else None


def _is_there(base: Any) -> bool:
    """Whether its file still has its name, and all that is mapped of it."""
    with suppress(OSError, ValueError):
        return bool(os.stat(base.filename).st_size >= base.offset + base.nbytes)  # noqa: PTH116  a worker is light
    return False


def _mapped(  # noqa: PLR0917  it is pickled so
    name: str, begin: int, nbytes: int, first: int, shape: Any, strides: Any, dtype: Any, writeable: bool
) -> Any:
    import numpy as np

    whole: Any = np.memmap(name, np.uint8, "r+" if writeable else "r", begin, (nbytes,))
    array: Any = np.ndarray.__new__(np.memmap, shape, dtype, whole, first, strides)
    array._mmap, array.filename, array.mode, array.offset = whole._mmap, whole.filename, whole.mode, begin  # noqa: SLF001  as a view has them
    return array
