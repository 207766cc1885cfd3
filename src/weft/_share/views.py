"""Bytes in shared memory: memoryviews, which can't be pickled otherwise."""

from __future__ import annotations

import copyreg
from typing import Any

from .._transport.codec import PLACED
from .._transport.segment import Segment, address_of, create_segment, fill_segment, place_of


def share_view(view: memoryview, *, writable: bool) -> memoryview:
    """A copy of *view* in shared memory; itself, if it lies there as it is wanted."""
    if not view.c_contiguous:
        view = _cast(memoryview(view.tobytes(order="C")), view.format, view.shape)
    place = _place(view)
    if place is not None and place[0].writable == writable:
        return view
    raw = memoryview(view).cast("B") if view.nbytes else memoryview(b"")
    if writable:
        segment = create_segment(max(1, raw.nbytes))
        segment[: raw.nbytes] = raw
    else:
        segment = fill_segment([(0, raw)], max(1, raw.nbytes), writable=False)
    return _view_at(segment, 0, view.nbytes, view.format, view.shape, readonly=not writable)


def place_views() -> None:
    """From now on memoryviews can be pickled, those that lie in shared memory."""
    if memoryview not in PLACED:
        PLACED[memoryview] = _reduce_or_copy
        copyreg.pickle(memoryview, _reduce)


def _view_at(  # noqa: PLR0917  it is pickled so
    segment: Segment,
    at: int,
    nbytes: int,
    format: str,
    shape: tuple[int, ...] | None,
    readonly: bool,
) -> memoryview:
    place_views()
    view = _cast(memoryview(segment)[at : at + nbytes], format, shape)
    return view.toreadonly() if readonly else view


def _cast(raw: memoryview, format: str, shape: tuple[int, ...] | None) -> memoryview:
    """Bytes as what they are."""
    cast: Any = raw.cast
    view: memoryview = cast(format) if shape is None or len(shape) == 1 else cast(format, list(shape))
    return view


def _reduce(view: memoryview) -> Any:
    placed = _placed(view)
    if placed is None:
        raise TypeError("cannot pickle 'memoryview' object")  # as without us
    return placed


def _reduce_or_copy(view: memoryview) -> Any:
    """As cloudpickle does it with those that are not shared."""
    return _placed(view) or (memoryview, (view.tobytes(),))


def _placed(view: memoryview) -> Any:
    place = _place(view)
    if place is None:
        return None
    return _view_at, (*place, view.nbytes, view.format, view.shape, view.readonly)


def _place(view: memoryview) -> tuple[Segment, int] | None:
    return place_of(address_of(view), view.nbytes) if view.c_contiguous and view.nbytes else None
