"""Functions on their way to another process: by name where it can import them, by value where it can't."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.machinery import PathFinder
from types import MethodType, ModuleType
from typing import Any, Final

from .codec import dumps_apart

_REGISTERING: Final = threading.Lock()  # cloudpickle's list of modules to send by value is the process's


def dump_with_function(value: object, fn: Callable[..., Any]) -> tuple[bytes, list[memoryview]]:
    """Pickle *value*, which holds the function *fn*, and what large buffers they carry, apart.

    A function of a module that another process could not import under its name (a file loaded by path, a
    test module) travels by value, as those of ``__main__`` do.
    """
    strangers = [module for module in _modules_of(fn) if not importable(module)]
    if not strangers:
        return dumps_apart(value)
    with _sent_by_value(strangers):
        return dumps_apart(value, by_value=True)


def importable(module: ModuleType) -> bool:
    """Whether a new interpreter with this ``sys.path`` would import the same file under the same name."""
    name = module.__name__
    if name == "__main__":
        return True  # the codec sends what is in it by value anyway
    spec = getattr(module, "__spec__", None)
    if spec is None:
        return False
    if spec.origin in {"built-in", "frozen"} or not spec.has_location:
        return True
    parent, _, _ = name.rpartition(".")
    path = None
    if parent:
        package = sys.modules.get(parent)
        if package is None or not importable(package):
            return False
        path = list(getattr(package, "__path__", ()))
    found = PathFinder.find_spec(name, path)
    if found is None:  # another finder brought it, an editable install's for example: workers have it too
        return any(getattr(finder, "__module__", "").startswith("__editable__") for finder in sys.meta_path)
    return bool(found.origin == spec.origin)


def _modules_of(fn: Callable[..., Any]) -> Iterator[ModuleType]:
    """The modules that define what is called."""
    names: set[object] = set()
    while isinstance(fn, partial):
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
