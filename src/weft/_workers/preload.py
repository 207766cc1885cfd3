"""What a server had better import before it forks, so that its workers need not, one by one."""

from __future__ import annotations

import sys
from types import FunctionType, MethodType, ModuleType

from .._transport.plainly import goes_by_value, goes_plainly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Final

# Dear to import, and known to bear being forked after it. No module of the user's, however dear: it may make
# connections, or random generators that every worker would then have a copy of.
DEAR: Final = ("numpy", "pandas")


def worth_preloading(fn: Callable[..., Any]) -> tuple[str, ...]:
    """Which of the modules in DEAR a worker will import when it gets *fn*, as far as that can be seen."""
    loaded = [name for name in DEAR if name in sys.modules]
    if not loaded:
        return ()
    used = {value.__name__.partition(".")[0] for value in _globals_of(_innermost(fn)) if isinstance(value, ModuleType)}
    return tuple(name for name in loaded if name in used)


def needs_cloudpickle(fn: Callable[..., Any]) -> bool:
    """Whether *fn* plainly can't be imported and is more than its code: both sides will need what sends it whole."""
    return goes_by_value(_innermost(fn)) and not goes_plainly(fn)


def _innermost(fn: Callable[..., Any]) -> Callable[..., Any]:
    if type(fn) is FunctionType:
        return fn
    from functools import partial

    while isinstance(fn, partial | MethodType):
        fn = fn.func if isinstance(fn, partial) else fn.__func__
    return fn


def _globals_of(fn: Callable[..., Any]) -> Iterator[object]:
    """What loading *fn* brings along: all that its module has, or what it uses itself if it goes by value."""
    if isinstance(fn, FunctionType) and goes_by_value(fn):
        yield from (fn.__globals__[name] for name in fn.__code__.co_names if name in fn.__globals__)
    else:
        module = sys.modules.get(getattr(fn, "__module__", None) or "")
        yield from list(vars(module).values()) if module is not None else ()
