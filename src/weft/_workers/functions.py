"""What can be seen of a function without calling it."""

from __future__ import annotations

from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

# Among a function's flags, as `inspect` has it, which takes 5 ms to import.
COROUTINE: Final = 0x80


def is_coroutine_function(fn: Callable[..., Any]) -> bool:
    """Whether calling *fn* gives a coroutine, as far as can be seen without calling it."""
    while isinstance(fn, partial):
        fn = fn.func
    if type(fn) is FunctionType and not fn.__dict__:  # asked for every call that is submitted
        return bool(fn.__code__.co_flags & COROUTINE)
    if type(fn) is BuiltinFunctionType:
        return False
    import inspect

    return inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(getattr(type(fn), "__call__", None))  # noqa: B004


def is_plain_function(fn: Callable[..., Any]) -> bool:
    """Whether *fn* is known not to need an event loop around it: not a lambda, for that may return a coroutine."""
    while isinstance(fn, partial | MethodType):
        fn = fn.func if isinstance(fn, partial) else fn.__func__
    named = isinstance(fn, FunctionType | BuiltinFunctionType | type) and fn.__name__ != "<lambda>"
    return named and not is_coroutine_function(fn)


def label_of(fn: Callable[..., Any]) -> str:
    """The function's name, for people."""
    while isinstance(fn, partial):
        fn = fn.func
    return str(getattr(fn, "__qualname__", None) or type(fn).__qualname__)
