"""What a stage of a pipeline does with an item, where that is more than to call one function with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from .._model.stage import EACH, FILTER, FLAT, STAR, TAP
from .sealed import put

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

PLACE: Final = "__weft_place__"  # where an error keeps which of several functions raised it


class Dropped:
    """Stands for an item that goes no further."""

    def __reduce__(self) -> str:
        return "DROPPED"  # there is one in each process


DROPPED: Final = Dropped()


class Passing:
    """Stands for a failed item that was kept: it goes past all later stages.

    Args:
        number: Its own.
    """

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> tuple[type[Passing], tuple[int]]:
        return Passing, (self.number,)


def is_passing(item: object) -> bool:
    """Whether it is such a stand-in."""
    return type(item) is Passing


def through(hows: Sequence[str], *given: Any) -> Any:
    """Call functions with an item, one after another; what goes on.

    Args:
        hows: What is done with the result of each.
        *given: The functions, then the item.
    """
    item = given[-1]
    if type(item) is Passing:
        return item
    for place, how in enumerate(hows):
        try:
            fn = given[place]
            value = fn(*item) if how == STAR else fn(item)
            item = _goes_on(how, item, value)
        except BaseException as error:
            put(error, PLACE, place)
            raise
        if item is DROPPED:
            break
    return item


async def through_awaiting(hows: Sequence[str], *given: Any) -> Any:
    """The same for functions of which some give awaitables."""
    from inspect import isawaitable

    item = given[-1]
    if type(item) is Passing:
        return item
    for place, how in enumerate(hows):
        try:
            fn = given[place]
            value = fn(*item) if how == STAR else fn(item)
            if isawaitable(value):
                value = await value
            item = await _all_of(value) if how == FLAT and hasattr(value, "__aiter__") else _goes_on(how, item, value)
        except BaseException as error:
            put(error, PLACE, place)
            raise
        if item is DROPPED:
            break
    return item


def same(item: Any) -> Any:
    """What goes on where nothing is done."""
    return item


def _goes_on(how: str, item: Any, value: Any) -> Any:
    if how == FILTER:
        return item if value else DROPPED
    if how == TAP:
        return item
    if how == EACH:
        return DROPPED
    return list(value) if how == FLAT else value


async def _all_of(values: Any) -> list[Any]:
    return [value async for value in values]


def stage_function(
    hows: Sequence[str], fns: Sequence[Callable[..., Any]], *, awaits: bool
) -> Callable[..., Any] | Callable[..., Awaitable[Any]]:
    """One function for a stage's several, or for one whose result is not simply what goes on."""
    return partial(through_awaiting if awaits else through, tuple(hows), *fns)
