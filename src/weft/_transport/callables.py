"""Functions on their way to another process: by name where it can import them, by value where it can't."""

from __future__ import annotations

import _pickle as pickle
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from types import FunctionType, MethodType, ModuleType

from .._model.copies import free_in_copies
from .._model.locks import Lock
from .codec import PROTOCOL, dumps_apart
from .importable import importable
from .plainly import NotPlain, dumps_plainly, goes_by_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

_REGISTERING: Final = free_in_copies(Lock())  # cloudpickle's list of modules by value is the process's


def dump_with_function(
    value: object, fn: Callable[..., Any], *, rooted: bool = False
) -> tuple[bytes, list[memoryview]]:
    """Pickle *value*, which holds the function *fn*, and what large buffers they carry, apart.

    What is *rooted* shares its globals with others that are, see :mod:`weft._transport.rooted`.

    A function of a module that another process could not import under its name (a file loaded by path, a
    test module) travels by value, as those of ``__main__`` do.
    """
    if rooted:
        from .rooted import dumps_apart_rooted

        with sent_whole(fn) as by_value:
            return dumps_apart_rooted(value, by_value=by_value)
    if getattr(type(fn), "is_packed", False):
        return dumps_apart(value)
    strangers = [module for module in _modules_of(fn) if not importable(module)]
    if isinstance(fn, FunctionType) and (strangers or goes_by_value(fn)):
        with suppress(NotPlain, pickle.PicklingError, AttributeError):
            return dumps_plainly(value, fn, PROTOCOL), []
    if not strangers:
        return dumps_apart(value)
    with _sent_by_value(strangers):
        return dumps_apart(value, by_value=True)


@contextmanager
def sent_whole(fn: Callable[..., Any]) -> Iterator[bool]:
    """Meanwhile cloudpickle sends *fn* by value if another process could not import it; whether that is so."""
    strangers = [module for module in _modules_of(fn) if not importable(module)]
    if not strangers:
        yield False
    else:
        with _sent_by_value(strangers):
            yield True


def _modules_of(fn: Callable[..., Any]) -> Iterator[ModuleType]:
    """The modules that define what is called."""
    names: set[object] = set()
    while isinstance(fn, partial):
        for part in fn.args:
            if isinstance(part, FunctionType | MethodType | partial):  # a stage's, in weft's own around it
                yield from _modules_of(part)
        fn = fn.func
    if isinstance(fn, MethodType):
        names.add(type(fn.__self__).__module__)
        names.add(fn.__func__.__module__)
    names.add(getattr(fn, "__module__", None))
    names.add(type(fn).__module__)
    for name in names:
        if isinstance(name, str) and name in sys.modules:
            yield sys.modules[name]


@contextmanager
def _sent_by_value(modules: list[ModuleType]) -> Iterator[None]:
    import cloudpickle

    with _REGISTERING:
        before = set(cloudpickle.list_registry_pickle_by_value())
        for module in modules:
            cloudpickle.register_pickle_by_value(module)
        try:
            yield
        finally:
            for module in modules:
                if module.__name__ not in before:
                    cloudpickle.unregister_pickle_by_value(module)
