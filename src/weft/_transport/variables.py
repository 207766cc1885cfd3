"""Context variables on their way to another process, where one name or one number stands for one variable."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextvars import Context, ContextVar
from importlib import import_module

from .importable import importable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

# What is not found in a module has a number that is its own wherever it has come; caches, for good, as context
# variables are made once and for good themselves.
_NUMBERS: Final[dict[ContextVar[Any], str]] = {}
_BY_NUMBER: Final[dict[str, ContextVar[Any]]] = {}
_HOMES: Final[dict[ContextVar[Any], tuple[str, str]]] = {}


def reduce_variable(variable: ContextVar[Any]) -> tuple[Callable[..., ContextVar[Any]], tuple[Any, ...]]:
    """How *variable* is pickled: as an attribute of a module that another process can import, or by a number."""
    if variable not in _NUMBERS:
        home = _HOMES.get(variable) or _find(variable)
        if home is not None:
            _HOMES[variable] = home
            return _import, home
        _know(variable, os.urandom(16).hex())
    return _make, (_NUMBERS[variable], variable.name, *_default(variable))


def _default(variable: ContextVar[Any]) -> tuple[Any, ...]:
    """What the variable was made with, which is what an empty context has; nothing if it has none."""
    try:
        return (Context().run(variable.get),)
    except LookupError:
        return ()


def _find(variable: ContextVar[Any]) -> tuple[str, str] | None:
    """The module that it is a global of, and its name there."""
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", None) != "__main__" and hasattr(module, "__dict__"):
            names = [name for name, value in list(vars(module).items()) if value is variable]
            if names and importable(module):
                return module.__name__, names[0]
    return None


def _import(module: str, name: str) -> ContextVar[Any]:
    variable: ContextVar[Any] = getattr(import_module(module), name)
    return variable


def _make(number: str, name: str, *default: Any) -> ContextVar[Any]:
    if number not in _BY_NUMBER:
        _know(ContextVar(name, default=default[0]) if default else ContextVar(name), number)
    return _BY_NUMBER[number]


def _know(variable: ContextVar[Any], number: str) -> None:
    _NUMBERS[variable] = number
    _BY_NUMBER[number] = variable
