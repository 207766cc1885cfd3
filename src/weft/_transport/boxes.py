"""Boxes for what pickle is slow with: large bytes, and many arrays that differ in nothing but their content.

What is at the top of a list is boxed before the list is pickled, and comes out of the pickle as what it was.
"""

from __future__ import annotations

import sys
from _pickle import PickleBuffer
from copyreg import dispatch_table

from .codec import APART, PLACED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Final

_PLAIN: Final = (bytes, bytearray)

# What is neither, and is asked about most.
_NEITHER: Final = frozenset({int, float, bool, type(None), str, tuple, list, dict})

# The arrays that are their shape, their type and their bytes: bool, integers, floats, complex numbers.
_NUMBERS: Final = "biufc"


def boxed(values: Sequence[Any]) -> Any:
    """What to pickle in place of *values*; what comes out of that are the *values*.

    Judged by the first of them, for they tend to be alike.
    """
    if not values:
        return values
    kind = type(values[0])
    if kind in _NEITHER:
        return values
    if kind in _PLAIN:
        return [_Box(value) if type(value) in _PLAIN and len(value) >= APART else value for value in values]
    if kind is _ndarray() and _alike(values):
        return _Arrays(values)
    return values


class _Box:
    """Pickles to the ``bytes`` or ``bytearray`` in it, as a buffer: so that it may travel apart."""

    __slots__ = ("content",)

    def __init__(self, content: bytes | bytearray) -> None:
        self.content = content

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self.content), (PickleBuffer(self.content),)


# NumPy's own way costs 2 µs an array to pickle and 1 µs to unpickle, for each says again what it is; this way a
# quarter of that. bench/process/data.py, 10,000 arrays of 64 KiB.
class _Arrays:
    """Pickles to the list of the arrays in it: what they are said once, and of each its buffer."""

    __slots__ = ("arrays",)

    def __init__(self, arrays: Sequence[Any]) -> None:
        self.arrays = arrays

    def __reduce__(self) -> tuple[Any, ...]:
        first = self.arrays[0]
        return _arrays, (type(first), first.shape, first.dtype.str, list(map(PickleBuffer, self.arrays)))


def _arrays(kind: Any, shape: tuple[int, ...], dtype: str, buffers: Sequence[Any]) -> list[Any]:
    """An array on each of *buffers*, which is read-only where its buffer is."""
    return [kind(shape, dtype, buffer) for buffer in buffers]


def _ndarray() -> Any:
    """NumPy's, if anybody has imported it and nobody has said how it is to be pickled."""
    kind = getattr(sys.modules.get("numpy"), "ndarray", None)
    return None if kind in dispatch_table or kind in PLACED else kind


def _alike(arrays: Sequence[Any]) -> bool:
    """Whether they can travel in one box. One that is there twice is left to pickle, which sends it once."""
    kind, shape, dtype = type(arrays[0]), arrays[0].shape, arrays[0].dtype
    if dtype.kind not in _NUMBERS or len(set(map(id, arrays))) < len(arrays):
        return False
    return all(
        type(a) is kind
        and a.shape == shape
        and a.flags.c_contiguous
        and a.dtype == dtype
        and a.dtype.metadata is None  # which is no part of what a type is when two are compared
        for a in arrays
    )
