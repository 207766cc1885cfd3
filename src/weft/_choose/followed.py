"""Functions whose code can be read are followed: which argument goes where, and what comes back."""

from __future__ import annotations

from .origins import NOTHING, Cell, Site, outside
from .reached import Reached, TooMuch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FunctionType
    from typing import Any, Final

    from .origins import Made, Value

DEEPEST_CALL: Final = 30


class Followed(Reached):
    """What comes of a call of a function that can be read; each is read once with the same arguments."""

    def __init__(self, own: str) -> None:
        super().__init__(own)
        self._depth = 0
        self._known: dict[Any, Value] = {}
        self._ran: set[CodeType] = set()
        self.functions: dict[FunctionType, None] = {}  # whose code was looked at, in the order it was

    def _read(self, code: CodeType, space: dict[str, Any], cells: dict[str, Cell], given: dict[str, Value]) -> Value:
        """Follow code with these globals, cells and arguments; the search does."""
        raise NotImplementedError

    def run_if_never_run(self, made: Made) -> None:
        """A function that was made and called by nobody we know: somebody may."""
        if made.code not in self._ran:
            self._run_made(made, [], {}, spread=False)

    def _run(self, fn: FunctionType, args: list[Value], kwargs: dict[str, Value], *, spread: bool) -> Value:
        code = fn.__code__
        self.functions[fn] = None
        cells = {}
        for name, cell in zip(code.co_freevars, fn.__closure__ or (), strict=False):
            try:
                value = cell.cell_contents
            except ValueError:  # it is empty
                value = None
            self._refuse(value, f"it uses {name!r} of the function around it")
            cells[name] = Cell(outside(f"{name!r} of the function around it", value), real=True)
        defaults = dict(
            zip(reversed(code.co_varnames[: code.co_argcount]), reversed(fn.__defaults__ or ()), strict=False)
        )
        defaults |= fn.__kwdefaults__ or {}
        fallback = {name: outside(f"the default of its argument {name!r}", value) for name, value in defaults.items()}
        return self._follow(
            code, fn.__globals__, cells, _bound(code, args, kwargs, fallback, spread=spread), self._put_rest
        )

    def _run_made(self, made: Made, args: list[Value], kwargs: dict[str, Value], *, spread: bool) -> Value:
        self._ran.add(made.code)
        count = made.code.co_argcount + made.code.co_kwonlyargcount
        fallback = dict.fromkeys(made.code.co_varnames[:count], made.defaults)
        given = _bound(made.code, args, kwargs, fallback, spread=spread)
        return self._follow(made.code, made.space, made.cells, given, self._put_rest)

    def _put_rest(self, code: CodeType, name: str, value: Value) -> Value:
        site = Site((code, name))
        self.put(site, None, value)
        return frozenset([site])

    def _follow(
        self, code: CodeType, space: dict[str, Any], cells: dict[str, Cell], given: dict[str, Value],
        rest: Callable[..., Value],
    ) -> Value:  # fmt: skip
        for name in _names_of_rest(code):
            given[name] = rest(code, name, given.get(name, NOTHING))
        seen = tuple((name, cell.value) for name, cell in cells.items())
        key = (code, id(space), tuple(given.items()), seen)
        if key in self._known:
            return self._known[key]
        if self._depth >= DEEPEST_CALL:
            raise TooMuch
        self._known[key] = NOTHING  # for a function that calls itself
        self._depth += 1
        where = self._where
        try:
            found = self._known[key] = self._read(code, space, cells, given)
        finally:
            self._depth -= 1
        self._where = where
        return found


def _names_of_rest(code: CodeType) -> list[str]:
    """The names of ``*args`` and ``**kwargs``."""
    place = code.co_argcount + code.co_kwonlyargcount
    count = bool(code.co_flags & 0x4) + bool(code.co_flags & 0x8)
    return list(code.co_varnames[place : place + count])


def _bound(
    code: CodeType, args: list[Value], kwargs: dict[str, Value], fallback: dict[str, Value], *, spread: bool
) -> dict[str, Value]:
    """Which argument goes where; if they were *spread* any may go anywhere."""
    names = code.co_varnames[: code.co_argcount]
    only = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    rest = _names_of_rest(code)
    if spread:
        everything = NOTHING.union(*args, *kwargs.values())
        return {name: everything | fallback.get(name, NOTHING) for name in (*names, *only, *rest)}
    given = dict(fallback)
    given.update(zip(names, args, strict=False))
    given.update((name, value) for name, value in kwargs.items() if name in names or name in only)
    over = NOTHING.union(*args[len(names) :], *(value for name, value in kwargs.items() if name not in {*names, *only}))
    given.update(dict.fromkeys(rest, over))
    return {name: given.get(name, NOTHING) for name in (*names, *only, *rest)}
