"""weft.share: an array, bytes or a table, in memory that all workers see."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar, overload

if TYPE_CHECKING:
    from numpy import ndarray

A = TypeVar("A", bound="memoryview | ndarray[Any, Any]")


@overload
def share(value: A, writable: bool = False) -> A: ...
@overload
def share(value: bytes | bytearray, writable: bool = False) -> memoryview: ...
@overload
def share(value: Any, writable: bool = False) -> Any: ...
def share(value: Any, writable: bool = False) -> Any:
    """Put *value* into memory that all workers see, once; give back the same thing, lying there.

    What comes back is an ordinary argument for workers of every kind: of weft's, of ``multiprocessing``'s, whatever
    their start method, and of any executor's on this machine. Nothing of it is copied for them. The memory has no
    name: it is free again as soon as nobody uses it, however those who did have ended.

    Args:
        value: A NumPy array of any type but ``object``, which gives an array of the same shape; ``bytes``, a
            ``bytearray``, an ``array.array`` or anything else with a buffer, which gives a ``memoryview``; or
            something whose large parts are such buffers (a pandas DataFrame, an Arrow table, a list of arrays), which
            gives its like.
        writable: Whether workers may write to it, for all others to see. Otherwise nobody can, not even here.

    Raises:
        TypeError: There is nothing in it that could be shared.
        OSError: There is no memory for it.

    Costs one copy, once (0.4 s a GiB into fresh memory), and one descriptor in each process that uses it. Views of a
    shared array are shared as well (``table[1000:]``); results computed from it are not. Two workers that write to the
    same element overwrite each other: use a :class:`weft.Lock`, or a :class:`weft.Counter`.
    """
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ndarray):
        from .arrays import share_array

        return share_array(value, writable=writable)
    try:
        view = memoryview(value)
    except TypeError:
        from .tables import share_parts

        return share_parts(value, writable=writable)
    from .views import share_view

    return share_view(view, writable=writable)
