"""Functions that are little more than their code, by value without cloudpickle, which takes 25 ms to import.

Both sides would have to, the program and the server. What such a function is made of arrives as cloudpickle would
have it: it sees a copy of what it uses of its module's globals, and nothing else of them.
"""

from __future__ import annotations

import marshal
import sys
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType

from .importable import importable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Final, TypeAlias

    # Code; name, qualified name and module; defaults, those of keywords, and annotations.
    Record: TypeAlias = tuple[bytes, str, str, str, Any, Any, dict[str, Any]]
    Parts: TypeAlias = tuple[list[Record], dict[str, int], dict[str, str], dict[str, Any]]

_CONSTANTS: Final = (type(None), bool, int, float, complex, str, bytes)
_BY_NAME: Final = (FunctionType, BuiltinFunctionType, type)
_OF_ITS_MODULE: Final[tuple[str, ...]] = ("__name__", "__package__", "__file__")  # what cloudpickle sends along


class NotPlain(Exception):
    """There is more to a function than can be sent like this."""


def goes_by_value(fn: Callable[..., Any]) -> bool:
    """Whether *fn* plainly can't be imported under its name."""
    name = getattr(fn, "__qualname__", "")
    return getattr(fn, "__module__", None) == "__main__" or (isinstance(name, str) and "<" in name)


def goes_plainly(fn: Callable[..., Any]) -> bool:
    """Whether *fn* is little more than its code."""
    try:
        return type(fn) is FunctionType and bool(take_apart(fn))
    except NotPlain:
        return False


def dumps_plainly(value: object, fn: FunctionType, protocol: int) -> bytes:
    """Pickle *value*, with the function *fn* in it by value.

    Raises:
        NotPlain: The function has a closure or attributes, or uses objects of its module.
    """
    import _pickle as pickle
    from io import BytesIO

    parts = take_apart(fn)

    class Pickler(pickle.Pickler):
        def reducer_override(self, obj: object) -> Any:
            return (put_together, parts) if obj is fn else NotImplemented

    with BytesIO() as file:
        Pickler(file, protocol).dump(value)
        return file.getvalue()


def take_apart(fn: FunctionType) -> Parts:
    """What *fn* is made of: itself and the functions beside it that it uses, by name; modules; constants.

    Raises:
        NotPlain: There is more to it.
    """
    found = [fn]
    functions: dict[str, int] = {}
    modules: dict[str, str] = {}
    constants: dict[str, Any] = {name: fn.__globals__[name] for name in _OF_ITS_MODULE if name in fn.__globals__}
    for each in found:  # which grows on the way
        for name in _names_in(each.__code__):
            if name not in each.__globals__:
                continue
            value = each.__globals__[name]
            if type(value) is FunctionType and value.__globals__ is fn.__globals__:
                if value not in found:
                    found.append(value)
                functions[name] = found.index(value)
            elif type(value) is ModuleType and not hasattr(value, "__path__") and importable(value):
                modules[name] = value.__name__
            else:
                constants[name] = value
    if not all(map(_goes_as_it_is, constants.values())):
        raise NotPlain
    return list(map(_record, found)), functions, modules, constants


def put_together(
    records: list[Record], functions: dict[str, int], modules: dict[str, str], constants: dict[str, Any]
) -> FunctionType:
    """The function that was taken apart, with globals of its own."""
    space: dict[str, Any] = {"__builtins__": __builtins__, **constants}
    for name, module in modules.items():
        __import__(module)
        space[name] = sys.modules[module]
    made = [_made(record, space) for record in records]
    space.update((name, made[place]) for name, place in functions.items())
    return made[0]


def _record(fn: FunctionType) -> Record:
    extras = (fn.__closure__, fn.__dict__, getattr(fn, "__type_params__", ()))
    held = (*(fn.__defaults__ or ()), *(fn.__kwdefaults__ or {}).values(), *fn.__annotations__.values())
    if any(extras) or not all(map(_goes_as_it_is, held)) or fn.__doc__ not in {None, *fn.__code__.co_consts[:1]}:
        raise NotPlain
    names = fn.__name__, fn.__qualname__, fn.__module__
    return marshal.dumps(fn.__code__), *names, fn.__defaults__, fn.__kwdefaults__, fn.__annotations__


def _made(record: Record, space: dict[str, Any]) -> FunctionType:
    code, name, qualname, module, defaults, of_keywords, annotations = record
    fn = FunctionType(marshal.loads(code), space, name, defaults)
    fn.__qualname__, fn.__module__ = qualname, module
    fn.__kwdefaults__, fn.__annotations__ = of_keywords, annotations
    return fn


def _names_in(code: CodeType) -> Iterator[str]:
    """The names of globals and attributes that the code uses, or code inside it."""
    yield from code.co_names
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from _names_in(const)


def _goes_as_it_is(value: object) -> bool:
    """Whether plain pickle sends it: a constant, or what another process imports under its name."""
    if type(value) in _BY_NAME:
        module = sys.modules.get(getattr(value, "__module__", None) or "")
        return module is not None and module.__name__ != "__main__" and importable(module)
    return type(value) in _CONSTANTS
