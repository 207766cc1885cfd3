"""Functions that are sent again and again by value: pickled once, for as long as nothing they refer to has changed."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import count
from opcode import opmap
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any, Final
from weakref import ref

from .codec import dumps, dumps_by_value, loads

# How many a worker remembers.
REMEMBERED: Final = 64

_ATOMS: Final = (int, float, complex, str, bytes, bool, type(None), ModuleType, BuiltinFunctionType)
_CHANGING: Final = {opmap[name] for name in ("STORE_GLOBAL", "DELETE_GLOBAL")}
_ABSENT: Final = object()
_NUMBERS: Final = count(1)
_SENT: Final[dict[int, Carried]] = {}  # by where the function is, as long as it lives


class Carried:
    """A function on its way, with what must be as it was when it was pickled.

    Args:
        fn: The function.
        refers: To what: where it is looked up, under which name, and what it was.

    Attributes:
        is_packed: Whether it is pickled already: to others this is a function.
        packed: What it is pickled to.
    """

    is_packed = True

    __slots__ = ("_code", "_data", "_defaults", "_fn", "_key", "_refers", "packed")

    def __init__(self, fn: FunctionType, refers: list[tuple[Mapping[str, Any], str, object]]) -> None:
        place = id(fn)
        self._fn = ref(fn, lambda _: _SENT.pop(place, None))
        self._code, self._defaults = fn.__code__, fn.__defaults__
        self._refers = refers
        self._key = os.getpid(), next(_NUMBERS)
        self._data = dumps_by_value(fn)[::-1]  # backwards, or the codec finds "__main__" in it and looks closer
        self.packed = dumps(self)

    def stands_for(self, fn: FunctionType) -> bool:
        """Whether it is *fn* that was pickled, and pickling it again would give the same."""
        if self._fn() is not fn or fn.__code__ is not self._code or fn.__defaults__ is not self._defaults:
            return False
        if fn.__kwdefaults__ or fn.__dict__:
            return False
        for names, name, value in self._refers:  # noqa: SIM110  asked for every call; all() costs twice as much
            if names.get(name, _ABSENT) is not value:
                return False
        return True

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrived, (self._key, self._data)


def carried(fn: Callable[..., Any]) -> Callable[..., Any] | Carried:
    """*fn* as it should be sent: itself, or what stands for it where it travels by value and can't change unseen.

    That is where it refers to nothing but constants, modules and functions of the same kind, and changes no global.
    """
    if type(fn) is not FunctionType or (fn.__module__ != "__main__" and fn.__name__ == fn.__qualname__):
        return fn
    known = _SENT.get(id(fn))
    if known is not None and known.stands_for(fn):
        return known
    refers: list[tuple[Mapping[str, Any], str, object]] = []
    if not _settled(fn, refers, {fn}):
        return fn
    made = _SENT[id(fn)] = Carried(fn, refers)
    return made


def _settled(fn: FunctionType, refers: list[tuple[Mapping[str, Any], str, object]], seen: set[FunctionType]) -> bool:
    """Whether *fn* can't change unseen; adds what it refers to."""
    if fn.__closure__ or fn.__dict__ or fn.__kwdefaults__ or not _constant(fn.__defaults__):
        return False
    for code in _codes(fn.__code__):
        if _CHANGING.intersection(code.co_code[::2]):
            return False
        for name in code.co_names:  # attributes are among them, which does no harm
            value = fn.__globals__.get(name, _ABSENT)
            refers.append((fn.__globals__, name, value))
            if value is _ABSENT or _constant(value):
                continue
            if type(value) is not FunctionType or (value not in seen and not _settled(value, refers, seen | {value})):
                return False
    return True


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _constant(value: object) -> bool:
    if type(value) is tuple:
        return all(map(_constant, value))
    return type(value) in _ATOMS


@lru_cache(REMEMBERED)
def arrived(packed: bytes) -> Any:
    """What was *packed*, unpickled once."""
    return loads(packed)


@lru_cache(REMEMBERED)
def _arrived(key: tuple[int, int], data: bytes) -> Any:
    """The function, unpickled once."""
    return pickle.loads(data[::-1])
