"""A visit of a worklist: the function is called with an item and with what takes more of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    Asking: TypeAlias = Callable[[Any], Any] | None
    Visited: TypeAlias = tuple[Any, list[tuple[Any, Any, Any]]]


class More:
    """Takes items that a visit finds, as long as it lasts."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: list[Any] | None = []

    def __call__(self, item: Any, /) -> None:
        """*item* is to be visited too."""
        if self._found is None:
            raise RuntimeError("more() was called when its visit was over: what it was given would be lost")
        self._found.append(item)

    def close(self) -> list[Any]:
        """The visit is over; what it has found."""
        found, self._found = self._found or [], None
        return found


def described(key: Asking, priority: Asking, item: Any) -> tuple[Any, Any, Any]:
    """An item with its key and its priority."""
    return item, None if key is None else key(item), None if priority is None else priority(item)


def visit(fn: Callable[..., Any], key: Asking, priority: Asking, item: Any) -> Visited:
    """Visit one item; the result, and what it has found."""
    more = More()
    value = fn(item, more)
    return value, [described(key, priority, found) for found in more.close()]


async def visit_awaiting(fn: Callable[..., Any], key: Asking, priority: Asking, item: Any) -> Visited:
    """The same where the function may give something to await."""
    from inspect import isawaitable

    more = More()
    value = fn(item, more)
    if isawaitable(value):
        value = await value
    return value, [described(key, priority, found) for found in more.close()]


def visiting(fn: Callable[..., Any], key: Asking, priority: Asking, *, awaits: bool) -> Callable[[Any], Any]:
    """A visit as a function of an item alone."""
    return partial(visit_awaiting if awaits else visit, fn, key, priority)
