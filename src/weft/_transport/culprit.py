"""Which part of a value can't be pickled: the way from the value to the part, in words."""

from __future__ import annotations

import functools
import types
from itertools import islice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Final

DEPTH: Final = 12  # steps into the value
BREADTH: Final = 10_000  # parts of one container that are tried

# What pickling and unpickling a user's value may come to; it is that value's trouble and nobody else's. An exit in
# the middle of it is no more than that. Ctrl-C is.
REFUSED: Final = (Exception, SystemExit)


def find_culprit(value: object, dumps: Callable[[object], bytes]) -> tuple[str, str]:
    """The path from *value* to a part that *dumps* refuses, and that part's type.

    The path reads like code where it can (``.session.lock``, ``['db']``, ``[3]``) and like words where it
    must (``closure variable 'lock'``).
    """
    path, seen = "", {id(value)}
    for _ in range(DEPTH):
        try:
            step = _refused_part(value, dumps, seen)
        except Exception:  # noqa: BLE001  a user's value may refuse to be looked at: then it is the culprit itself
            break
        if step is None:
            break
        name, value = step
        seen.add(id(value))
        path += name if path or not name.startswith(" ") else name[1:]
    return path, f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")


def _refused_part(value: object, dumps: Callable[[object], bytes], seen: set[int]) -> tuple[str, object] | None:
    for name, part in islice(_parts(value), BREADTH):
        if id(part) in seen:  # the way has led here from there
            continue
        try:
            dumps(part)
        except REFUSED:
            return name, part
    return None


def _parts(value: Any) -> Iterator[tuple[str, object]]:
    match value:
        case types.FunctionType():
            yield from _parts_of_function(value)
        case types.MethodType():
            yield " bound object", value.__self__
            if isinstance(value.__func__, types.FunctionType):
                yield from _parts_of_function(value.__func__)
        case functools.partial():
            yield " function", value.func
            yield from ((f" argument {n}", part) for n, part in enumerate(value.args))
            yield from ((f" argument {name!r}", part) for name, part in value.keywords.items())
        case dict():
            yield from ((f"[{_short(key)}]", part) for key, part in value.items())
            yield from ((f" key {_short(key)}", key) for key in value)
        case list() | tuple():
            yield from ((f"[{n}]", part) for n, part in enumerate(value))
        case set() | frozenset():
            yield from ((" member", part) for part in value)
        case _:
            for holder in (getattr(value, "__dict__", None),):
                if isinstance(holder, dict):
                    yield from ((f".{name}", part) for name, part in holder.items())
            for cls in type(value).__mro__:
                slots = cls.__dict__.get("__slots__", ())
                for name in (slots,) if isinstance(slots, str) else slots:
                    if hasattr(value, name):
                        yield f".{name}", getattr(value, name)


def _parts_of_function(fn: types.FunctionType) -> Iterator[tuple[str, object]]:
    for name, cell in zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=False):
        try:
            yield f" closure variable {name!r}", cell.cell_contents
        except ValueError:  # the cell is empty
            continue
    for n, part in enumerate(fn.__defaults__ or ()):
        yield f" default argument {n}", part
    for name, part in (fn.__kwdefaults__ or {}).items():
        yield f" default argument {name!r}", part
    for name in fn.__code__.co_names:
        if name in fn.__globals__ and not isinstance(fn.__globals__[name], types.ModuleType):
            yield f" global {name!r}", fn.__globals__[name]


def _short(key: object) -> str:
    text = repr(key) if isinstance(key, str | int | float | bytes | tuple | type(None)) else type(key).__name__
    return text if len(text) <= 40 else text[:37] + "…"
