"""What was declared of a function that can't be measured: that it changes nothing, that threads must not share it."""

from __future__ import annotations

from functools import partial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

PURE: Final = "__weft_pure__"
THREAD_UNSAFE: Final = "__weft_thread_unsafe__"


def is_pure(fn: Callable[..., Any]) -> bool:
    """Whether it was declared to change nothing that anybody would miss."""
    return _says(fn, PURE)


def is_thread_unsafe(fn: Callable[..., Any]) -> bool:
    """Whether it was declared not to bear being called by two threads at once."""
    return _says(fn, THREAD_UNSAFE)


def _says(fn: Any, name: str) -> bool:
    """Whether the function says so, or the one in a partial, or the ``__call__`` of an object's class."""
    while True:
        try:
            if any(getattr(each, name, False) is True for each in (fn, type.__getattribute__(type(fn), "__call__"))):
                return True
        except Exception:  # noqa: BLE001  a user's __getattr__ may do anything
            return False
        if not isinstance(fn, partial):
            return False
        fn = fn.func
