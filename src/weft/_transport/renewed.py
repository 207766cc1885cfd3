"""What is made around functions and pickle refuses, sent as what it is made of and made again.

A function with a cache is sent without what the cache holds, a thread's own namespace without what this thread has in
it: each worker fills its own. What a class's ``cached_property`` has found belongs to its objects, and goes with them.
"""

from __future__ import annotations

import sys
import threading
from functools import _lru_cache_wrapper, cached_property, lru_cache
from types import FunctionType
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary, ref

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

_OF: Final = "_weft_of"


def used_as(use: Any, thing: object, name: str) -> Any:
    """The function *use*, which travels as the attribute *name* of the *thing* that it was made for."""
    if isinstance(use, FunctionType):
        use.__dict__[_OF] = ref(thing), name
    return use


def reduce_used(use: FunctionType) -> Any:
    """How such a function is pickled; ``None`` if it is none, or nobody has its thing any more."""
    if _OF not in use.__dict__:
        return None
    of, name = use.__dict__[_OF]
    thing = of()
    return None if thing is None else (getattr, (thing, name))


def reduce_cached(wrapper: Any) -> Any:
    """How a function with a cache is pickled: by its name where another process has it, or else anew."""
    if _can_be_named(wrapper):
        return wrapper.__qualname__
    own = {name: value for name, value in vars(wrapper).items() if name != "__wrapped__"}
    return _cached, (wrapper.__wrapped__, wrapper.cache_parameters()), own or None


def _can_be_named(wrapper: Any) -> bool:
    from cloudpickle import list_registry_pickle_by_value

    name = wrapper.__module__
    found = sys.modules.get(name)
    if name == "__main__" or any(f"{name}.".startswith(f"{whole}.") for whole in list_registry_pickle_by_value()):
        return False
    for part in wrapper.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is wrapper


def _cached(fn: Callable[..., Any], parameters: dict[str, Any]) -> Any:
    return lru_cache(**parameters)(fn)


def _reduce_property(found: cached_property[Any]) -> Any:
    return _property, (found.func, found.attrname)  # before Python 3.12 it has a lock


def _property(fn: Callable[[Any], Any], name: str | None) -> cached_property[Any]:
    found = cached_property(fn)
    found.attrname = name
    return found


def _reduce_local(_: threading.local) -> Any:
    return threading.local, ()


def _reduce_weak_mapping(mapping: Any) -> Any:
    return type(mapping), (dict(mapping),)


def _reduce_weak_set(members: WeakSet[Any]) -> Any:
    return WeakSet, (list(members),)


REDUCERS: Final[dict[type[Any], Callable[[Any], Any]]] = {
    _lru_cache_wrapper: reduce_cached,
    cached_property: _reduce_property,
    threading.local: _reduce_local,
    WeakKeyDictionary: _reduce_weak_mapping,
    WeakValueDictionary: _reduce_weak_mapping,
    WeakSet: _reduce_weak_set,
}
