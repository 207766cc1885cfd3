"""weft.pure and weft.thread_unsafe: what of a function can't be measured is declared."""

from __future__ import annotations

from .._model.declared import PURE, THREAD_UNSAFE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    F = TypeVar("F", bound=Callable[..., Any])


def pure(fn: F) -> F:
    """Declare that a function changes nothing outside itself that anybody would miss.

    ``on="auto"`` may then run it in other processes, whatever its code looks like: a cache that it fills, a counter
    that nobody reads. It still has to be sendable. The function itself is returned, and marked.

    Args:
        fn: A function, or anything that takes attributes.

    Raises:
        TypeError: It takes none, as built-in functions don't.
    """
    return _declared(fn, PURE, "pure")


def thread_unsafe(fn: F) -> F:
    """Declare that a function must not be called by two threads of a process at once.

    ``on="auto"`` then never uses threads for it: the work goes to processes, each with a single caller, or stays in
    the caller. ``on="thread"`` does what it is told. The function itself is returned, and marked.

    Args:
        fn: A function, or anything that takes attributes.

    Raises:
        TypeError: It takes none, as built-in functions don't.
    """
    return _declared(fn, THREAD_UNSAFE, "thread_unsafe")


def _declared(fn: F, name: str, decorator: str) -> F:
    try:
        setattr(fn, name, True)
    except (AttributeError, TypeError) as error:
        message = f"weft.{decorator} can't mark {fn!r}: decorate a function of your own that calls it"
        raise TypeError(message) from error
    return fn
