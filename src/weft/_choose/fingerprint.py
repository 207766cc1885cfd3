"""A short hash that stands for a function and the shape of what it is given, the same in every process.

It is of the code and not of the name alone, so that what was learned of a function is forgotten when it is changed;
sizes count by powers of four, so that a little more data is the same work. What goes in can't be told from it.
"""

from __future__ import annotations

import os
import sys
from functools import cache, partial
from types import CodeType, FunctionType, MethodType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any, Final

    from .machine import Machine

KEY: Final = 16  # bytes
DEEPEST: Final = 3  # functions in functions: decorators, partials, methods
WIDEST: Final = 4  # parts of an argument whose shapes count


def key_of(
    fn: Callable[..., Any],
    item: object,
    machine: Machine,
    *,
    star: bool = False,
    then: Sequence[Callable[..., Any]] = (),
    asked: str = "",
) -> bytes:
    """The key for what is learned of *fn* when it is given items like this one, on this machine.

    *then* are the functions that its results go through, and *asked* is what was said of the workers.
    """
    from _blake2 import blake2b

    digest = blake2b(digest_size=KEY, person=b"weft auto")
    others = [part for each in then for part in ("then", *_function(each, 0))]
    for part in (*_machine(machine), asked, *_function(fn, 0), *others, *_shape(item, 0 if star else 1)):
        data = part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(4, "little") + data)
    key: bytes = digest.digest()
    return key


def _machine(machine: Machine) -> Iterator[object]:
    yield from (_machine_id(), machine.cpus, machine.gil, sys.version_info[:2], sys.implementation.name)


@cache
def _machine_id() -> str:
    try:
        with open("/etc/machine-id") as file:  # noqa: PTH123
            return file.read(64)
    except (OSError, ValueError):
        return os.uname().nodename if hasattr(os, "uname") else ""


def _function(fn: Any, depth: int) -> Iterator[object]:
    if depth > DEEPEST:
        return
    yield getattr(fn, "__module__", None)
    yield getattr(fn, "__qualname__", None) or type(fn).__qualname__
    if isinstance(fn, partial):
        yield from _function(fn.func, depth + 1)
        for part in (*fn.args, *fn.keywords.values()):
            yield from _shape(part, 1)
    elif isinstance(fn, MethodType):
        yield type(fn.__self__).__qualname__
        yield from _function(fn.__func__, depth + 1)
    elif isinstance(fn, FunctionType):
        yield from _code(fn.__code__)
        for cell in fn.__closure__ or ():
            try:
                inside = cell.cell_contents
            except ValueError:  # it is empty
                continue
            yield from _function(inside, depth + 1) if isinstance(inside, FunctionType) else _shape(inside, 1)
    else:
        called = getattr(type(fn), "__call__", None)  # noqa: B004  its code is wanted
        if isinstance(called, FunctionType):
            yield from _code(called.__code__)


def _code(code: CodeType) -> Iterator[object]:
    yield from (code.co_code, code.co_names, code.co_argcount)
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from _code(const)
        elif isinstance(const, frozenset):  # in an order that depends on the process
            yield sorted(map(repr, const))
        else:
            yield repr(const)


def _shape(value: Any, depth: int) -> Iterator[object]:
    """Types and sizes, a little way down; no code of the user's is run."""
    kind = type(value)
    yield f"{kind.__module__}.{kind.__qualname__}"
    if kind in _SIZED:
        yield _magnitude(len(value))
    elif kind.__module__ == "numpy" and kind.__name__ == "ndarray":
        yield from (value.dtype.str, _magnitude(value.nbytes))
    if kind in {list, tuple} and depth < 2:
        for part in value[:WIDEST]:
            yield from _shape(part, depth + 1)


def _magnitude(size: int) -> int:
    return (size.bit_length() + 1) // 2


_SIZED: Final = {str, bytes, bytearray, list, tuple, dict, set, frozenset}
