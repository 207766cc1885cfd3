"""What a function may change outside itself, found by following its code and that of what it calls."""

from __future__ import annotations

import sys
from functools import partial
from types import FunctionType, ModuleType

from . import known
from .bytecode import Listing, Reading
from .callees import Callees
from .origins import NOTHING, UNKNOWN, Root, outside
from .reached import Changed, TooMuch, Unsendable, is_of_library

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from dis import Instruction
    from types import CodeType
    from typing import Any, Final

    from .origins import Cell, Value

__all__ = ["Changed", "Search", "TooMuch", "Unsendable"]

# Steps of bytecode that are looked at, at most. bench/choose/price.py: a step takes some 5 µs, so 20 ms at the most.
MOST: Final = 4_000


class Search(Callees):
    """A look at one function.

    Args:
        fn: The function.
    """

    null_first: Final = sys.version_info < (3, 13)
    attr_has_bit: Final = sys.version_info >= (3, 12)
    always_named: Final = sys.version_info >= (3, 14)

    def __init__(self, fn: Callable[..., Any]) -> None:
        super().__init__(_package_of(fn))
        self._left = MOST
        self.used: dict[tuple[int, str], tuple[dict[str, Any], str]] = {}  # globals that can change and were read

    def look(self, fn: Callable[..., Any], given: list[Value]) -> None:
        """Follow a call of the function with arguments from outside.

        Raises:
            Changed: It changes something; what threads had better not do at once, if it does that too.
            TooMuch: There is more code than was looked at.
        """
        root = frozenset([Root("it", fn)])
        self.call(root, given, {}, ("the call", 0), None)
        if self.changed is not None:
            raise self.changed

    def _read(self, code: CodeType, space: dict[str, Any], cells: dict[str, Cell], given: dict[str, Value]) -> Value:
        return Reading(self, code, space, cells, given).run()

    def listing(self, code: CodeType) -> Listing:
        """The code's steps."""
        listing = LISTINGS.get(code)
        if listing is None:
            self._left -= len(code.co_code) // 8  # to list a step costs as much as to take one; some of it are caches
            if self._left < 0:
                raise TooMuch
            if len(LISTINGS) > 500:
                LISTINGS.clear()
            listing = LISTINGS[code] = Listing(code)
        return listing

    def step(self, code: CodeType, step: Instruction) -> None:
        """A reading takes a step."""
        self._left -= 1
        if self._left < 0:
            raise TooMuch
        line = getattr(step.positions, "lineno", None)
        if line:
            self._where = (code.co_filename, line)

    def global_(self, space: dict[str, Any], name: str) -> Value:
        """What a global name stands for."""
        if name not in space:
            builtins = space.get("__builtins__", {})
            builtins = vars(builtins) if isinstance(builtins, ModuleType) else builtins
            return frozenset([Root(name, builtins[name], trusted=True)]) if name in builtins else NOTHING
        value = space[name]
        self._refuse(value, f"it uses the global {name!r}")
        if isinstance(value, ModuleType):
            users = known.is_users(value.__name__, self._own)
            return frozenset([Root(f"the module {name!r}", value, trusted=not users)])
        if not known.is_constant(value) and not isinstance(value, type | FunctionType):
            self.used[id(space), name] = (space, name)
        return outside(f"the global {name!r}", value, trusted=is_of_library(value))

    def imported(self, name: str) -> Value:
        """A module that is imported inside the function."""
        module = sys.modules.get(name, UNKNOWN)
        top = sys.modules.get(name.partition(".")[0], module)
        trusted = not known.is_users(name, self._own)
        return frozenset(Root(f"the module {name!r}", each, trusted=trusted) for each in (module, top))


LISTINGS: Final[dict[CodeType, Listing]] = {}


def _package_of(fn: Any) -> str:
    while isinstance(fn, partial):
        fn = fn.func
    fn = getattr(fn, "__func__", fn)
    module = getattr(fn, "__module__", None) or type(fn).__module__ or ""
    top: str = module.partition(".")[0]
    return "" if known.is_standard(top) else top
