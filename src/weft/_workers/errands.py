"""What a worker of this process is handed that tells by itself what became of it: a call, or inputs to draw from."""

from __future__ import annotations

from .._model.chunk import Call
from .._model.current import AT_WORK, AtCall
from .._model.outcome import Failure
from .calls import apply, plain
from .sealed import leave_our_frames

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context
    from typing import Any, TypeAlias

    from .._model.protocols import Draw, Promise
    from ..errors import InitializerFailed
    from .calls import Stop

    Item: TypeAlias = tuple[Context, Callable[..., Any], tuple[Any, ...], dict[str, Any]]


def make_call(item: Item, promise: Promise, worker: str, unfit: InitializerFailed | None) -> None:
    """Make the call that *item* is, and keep the *promise*."""
    if unfit is not None:
        promise.refuse(unfit)
        return
    if not promise.begin():
        return
    context, fn, args, kwargs = item
    at_work = AtCall("thread", worker, args, 0)
    try:
        value, failed = context.run(_apply_at, at_work, fn, args, kwargs), None
    except BaseException as error:  # noqa: BLE001  whatever it is, it is the call's
        leave_our_frames(error)
        value, failed = None, error
    at_work.forget()
    try:
        promise.settle(value, failed)
    finally:
        del failed  # or the traceback keeps this frame and this frame the error


def _apply_at(at_work: AtCall, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call *fn* where *at_work* is what is in hand."""
    AT_WORK.set(at_work)
    return apply(fn, args, kwargs)


def draw_on(call: Call, draw: Draw, worker: str, unfit: InitializerFailed | None, stop: Stop) -> None:
    """Draw items and call the function on each, in a copy of the call's context, until there are none."""
    if unfit is not None:
        draw.refuse(unfit)
        return
    assert call.context is not None
    fn, star = plain(call, 0), call.star
    own, at_work = call.context.copy(), AtCall("thread", worker)
    own.run(AT_WORK.set, at_work)
    copy, draw_one, put = own.copy, draw.draw, draw.put
    try:
        while not stop() and (drawn := draw_one()) is not None:
            at_work.index, at_work.item = drawn
            index, item = drawn
            try:
                value = copy().run(fn, *item) if star else copy().run(fn, item)
            except BaseException as error:  # noqa: BLE001  whatever it is, it is the item's
                leave_our_frames(error)
                draw.put_failure(Failure(index, item, error, 1, worker))
            else:
                put(index, value)
                del value
            del drawn, item  # or they live on while it waits for the next
    finally:
        at_work.forget()
