"""Whether a function, as far as its code can be read, changes or reaches things that another process would not see.

It looks at the function itself, not at what that calls; it rather says yes once too often. What it decides is
only whether *auto* may use processes: ``on="process"`` does what it is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from types import BuiltinFunctionType, CodeType, FunctionType, MethodDescriptorType, MethodType, ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

_STORES_GLOBAL: Final = {"STORE_GLOBAL", "DELETE_GLOBAL"}
_STORES_CELL: Final = {"STORE_DEREF", "DELETE_DEREF"}
# What follows the loading of X in `X.n = 1`, `del X.n` and `X.n += 1`.
_STORES_ATTRIBUTE: Final = {"STORE_ATTR", "DELETE_ATTR", "COPY"}
_UNCHANGING: Final = (
    bool, int, float, complex, str, bytes, range, frozenset, type(None), type, ModuleType, FunctionType,
    BuiltinFunctionType, MethodDescriptorType, type(Ellipsis),
)  # fmt: skip
_UNCHANGING_MODULES: Final = {
    "datetime", "decimal", "enum", "fractions", "ipaddress", "pathlib", "re", "typing", "uuid", "zoneinfo",
}  # fmt: skip


def reach(fn: Callable[..., Any]) -> str | None:
    """What *fn* could change that the caller may want to see, as the end of a sentence; ``None`` if nothing is seen."""
    if isinstance(fn, partial):
        held = [*fn.args, *fn.keywords.values()]
        return next((f"it is given a {type(part).__name__}" for part in held if _may_change(part)), reach(fn.func))
    if isinstance(fn, MethodType):
        owner = fn.__self__
        if not isinstance(owner, type):
            return f"it is a method of a {type(owner).__name__}, which it may change"
        return reach(fn.__func__)
    if isinstance(fn, FunctionType):
        return _reach_of_code(fn)
    if isinstance(fn, type | BuiltinFunctionType | MethodDescriptorType):
        owner = getattr(fn, "__self__", None)
        unchanging = owner is None or not _may_change(owner)
        return None if unchanging else f"it is a method of a {type(owner).__name__}"
    return f"it is a {type(fn).__name__} object, which it may change"


def _reach_of_code(fn: FunctionType) -> str | None:
    import dis

    own = set(fn.__code__.co_freevars)
    for code in _codes(fn):
        around = own.intersection(code.co_freevars)
        steps = list(dis.get_instructions(code))
        for step, after in zip(steps, [*(later.opname for later in steps[1:]), ""], strict=True):
            if step.opname in _STORES_GLOBAL:
                return f"it assigns to the global {step.argval!r}"
            if step.opname in _STORES_CELL and step.argval in around:
                return f"it assigns to {step.argval!r} of the function around it"
            if step.opname == "LOAD_GLOBAL" and after in _STORES_ATTRIBUTE:
                return f"it assigns to an attribute of the global {step.argval!r}"
    for name, cell in zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=False):
        try:
            if _may_change(cell.cell_contents):
                return f"it can reach {name!r}, a {type(cell.cell_contents).__name__} of the function around it"
        except ValueError:  # the cell is empty
            continue
    for name in _names(fn):
        value = fn.__globals__.get(name)
        if _may_change(value):
            return f"it can reach the global {name!r}, a {type(value).__name__}"
    return None


def _names(fn: FunctionType) -> list[str]:
    """The global names the function's code loads, those of functions inside it too."""
    return [name for code in _codes(fn) for name in code.co_names if name in fn.__globals__]


def _codes(fn: FunctionType) -> Iterator[CodeType]:
    """The function's code and that of functions inside it."""
    codes = [fn.__code__]
    while codes:
        code = codes.pop()
        yield code
        codes += [const for const in code.co_consts if isinstance(const, CodeType)]


def _may_change(value: object) -> bool:
    if isinstance(value, tuple):
        return any(_may_change(part) for part in value)
    return not isinstance(value, _UNCHANGING) and type(value).__module__.partition(".")[0] not in _UNCHANGING_MODULES
