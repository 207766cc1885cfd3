"""Functions sent by value that share their module's globals over there, as they do here.

Each function that cloudpickle sends has globals of its own where it arrives. An initializer that sets a global, and the
functions that use it, would never meet. These come to one namespace for each module that the worker could not import;
what is there stays there, whatever the parent's value is by then. Functions are renewed: in a notebook they change.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import cache, partial
from types import FunctionType

from .codec import by_value_pickler, dumps_apart, dumps_by_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

# In a worker: the namespaces, by the module's name, and the functions that were last put there by an arrival.
_NAMESPACES: Final[dict[str, dict[str, Any]]] = {}
_ARRIVED: Final[dict[str, dict[str, Any]]] = {}

# Whether modules of this process that can't be imported are the parent's, as it is a forked copy.
_COPY: Final[list[bool]] = []

_ABSENT: Final = object()


def be_a_copy() -> None:
    """This process has the parent's modules, its ``__main__`` among them."""
    _COPY[:] = [True]


def dumps_rooted(value: object, reducers: Mapping[Any, Any] | None = None) -> bytes:
    """Pickle *value*; with *reducers* of somebody else's besides."""
    return dumps_by_value(value, None, _rooted() if reducers is None else _reducing(reducers))


def dumps_apart_rooted(
    value: object, *, by_value: bool = False, reducers: Mapping[type[Any], Any] | None = None
) -> tuple[bytes, list[memoryview]]:
    """As :func:`weft._transport.codec.dumps_apart` does."""
    return dumps_apart(value, by_value=by_value, pickler=_rooted(), reducers=reducers)


class _Namespace:
    """Pickles to the namespace of the module *name*.

    Args:
        name: The module's.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __reduce__(self) -> tuple[Any, ...]:
        return _namespace, (self._name,)


def _namespace(name: str) -> dict[str, Any]:
    if _COPY and name in sys.modules:
        return vars(sys.modules[name])
    return _NAMESPACES.setdefault(name, {"__name__": name})


@cache
def _rooted() -> type[Any]:
    class Rooted(by_value_pickler()):  # type: ignore[misc]
        def _dynamic_function_reduce(self, func: Any) -> tuple[Any, ...]:
            name = func.__globals__.get("__name__") or "__main__"
            self.globals_ref.setdefault(id(func.__globals__), _Namespace(name))
            reduced: tuple[Any, ...] = super()._dynamic_function_reduce(func)
            return (*reduced[:5], partial(_settle_in, name))

    return Rooted


def _reducing(reducers: Mapping[Any, Any]) -> type[Any]:
    from collections import ChainMap

    table = ChainMap(dict(reducers), _rooted().dispatch_table)
    return type("Reducing", (_rooted(),), {"dispatch_table": table})


def _settle_in(name: str, fn: Callable[..., Any], state: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Give a function that has arrived its state; what its namespace has got otherwise stays."""
    from cloudpickle.cloudpickle import _function_setstate

    here, arrived = fn.__globals__, _ARRIVED.setdefault(name, {})
    fresh = {}
    for known, value in state[1]["__globals__"].items():
        present = here.get(known, _ABSENT)
        if present is _ABSENT or (isinstance(value, FunctionType) and present is arrived.get(known, _ABSENT)):
            fresh[known] = arrived[known] = value
    state[1]["__globals__"] = fresh
    _function_setstate(fn, state)
