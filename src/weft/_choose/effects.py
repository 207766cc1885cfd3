"""Whether a function changes or uses things here that another process would not see.

First its code is read, and that of what it calls; then what it can reach is compared with what it was before the first
items (:mod:`.witness`). What this decides is only whether *auto* may use processes: ``on="process"`` does what it is
told. docs/design/effects.md says what it can't see.
"""

from __future__ import annotations

import sys
from types import CodeType, FunctionType, ModuleType

from .._model.declared import is_pure
from .._model.noun import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Final

    from .origins import Value
    from .search import Search

NOT_GIVEN: Final = object()


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """What was found of a function.

    Attributes:
        verdict: ``"none"`` if nothing was seen that another process would not do as well; ``"declared"`` if it was
            declared pure; else ``"changes"`` (it changes something here), ``"unsendable"`` (it uses something that no
            other process can have), ``"differs"`` (it reads what another process would have another of) or
            ``"unseen"`` (its code can't be followed to its end).
        what: That in words, as the end of a sentence.
        where: The file and line, if there is one.
        alone: Whether threads that do it at once may get in each other's way (``total += f(x)``), or it matters who
            comes first; not so of what is done at once, such as ``append``.
    """

    verdict: str
    what: str = ""
    where: str = ""
    alone: bool = False

    @property
    def stays(self) -> bool:
        """Whether the function had better stay in this process."""
        return self.verdict not in {"none", "declared"}

    @property
    def reason(self) -> str | None:
        """Why it stays, as the end of a sentence; ``None`` if it need not."""
        if not self.stays:
            return None
        where = f" ({self.where})" if self.where else ""
        return f"{self.what}{where}{_SO[self.verdict]}"

    @property
    def alone_because(self) -> str | None:
        """Why threads had better not share it, as the end of a sentence; ``None`` if they may."""
        where = f" ({self.where})" if self.where else ""
        return f"{self.what}{where}, where threads would get in each other's way" if self.alone else None


_SO: Final = {
    "changes": ", which another process would not do here",
    "unsendable": ", which no other process can have",
    "differs": "",
    "unseen": ", so nobody knows what it changes",
}


def reach(
    fn: Callable[..., Any],
    item: object = NOT_GIVEN,
    *,
    star: bool = False,
    imported: Callable[[ModuleType], bool] | None = None,
) -> str | None:
    """Why *fn* had better stay in this process, as the end of a sentence; ``None`` if nothing is seen."""
    return effects_of(fn, item, star=star, imported=imported).reason


def cannot_travel(*values: object) -> str | None:
    """What one of them is, if no other process can have it, even where pickle would send something in its place."""
    from .known import unsendable

    return next((said for said in map(unsendable, values) if said is not None), None)


def effects_of(
    fn: Callable[..., Any],
    item: object = NOT_GIVEN,
    *,
    star: bool = False,
    imported: Callable[[ModuleType], bool] | None = None,
) -> Effects:
    """What *fn* changes, as far as its code and that of what it calls can be followed.

    Args:
        fn: The function.
        item: An item that it will be called with, if there is one: the methods that it calls of it are then known.
        star: Whether the item is a tuple of arguments.
        imported: Whether another process would import a module, and not be sent what is used of it; all, by default.
    """
    return Study(fn, item, star=star).effects(imported)


class Study:
    """A function, and what it calls, followed once.

    Args:
        fn: The function.
        item: An item that it will be called with, if there is one.
        star: Whether the item is a tuple of arguments.
    """

    def __init__(self, fn: Callable[..., Any], item: object = NOT_GIVEN, *, star: bool = False) -> None:
        self._search: Search | None = None  # where it was followed to its end, and changes nothing
        self._effects = Effects("declared") if is_pure(fn) else self._told(lambda: self._follow(fn, item, star=star))

    def effects(self, imported: Callable[[ModuleType], bool] | None = None) -> Effects:
        """What it changes; for another process that would import the modules that are *imported*: all, by default."""
        search = self._search
        if search is None:
            return self._effects
        return self._told(lambda: _as_it_was_imported(search, imported) or self._effects)

    def _follow(self, fn: Callable[..., Any], item: object, *, star: bool) -> Effects:
        from .search import Search

        search = Search(fn)
        search.look(fn, _arguments(fn, item, star=star))
        self._search = search
        return Effects("none")

    @staticmethod
    def _told(look: Callable[[], Effects]) -> Effects:
        """What a *look* finds, or where it ends."""
        from .search import Changed, TooMuch, Unsendable

        try:
            return look()
        except Unsendable as found:
            return Effects("unsendable", found.what, found.where)
        except Changed as found:
            return Effects("changes", found.what, found.where, found.alone)
        except TooMuch:
            return Effects("unseen", "there is more code behind it than was followed")
        except RecursionError:
            return Effects("unseen", "its code is nested too deeply to be followed")
        except Exception as error:  # noqa: BLE001  objects of the user's may do anything when they are looked at
            return Effects("unseen", f"its code can't be followed ({type(error).__name__}: {error})")


def _arguments(fn: Callable[..., Any], item: object, *, star: bool) -> list[Value]:
    from .origins import UNKNOWN, Root, outside
    from .reached import ITEM

    if item is NOT_GIVEN:
        return [frozenset([Root(f"{ITEM}", UNKNOWN)])] * 8
    given = list(item) if star and isinstance(item, tuple | list) else [item]
    return [outside(f"{ITEM} of type {type(part).__name__}", part) for part in given]


# ── globals that are not what they were when their module was imported ────────────────────────────────────


def _as_it_was_imported(search: Search, imported: Callable[[ModuleType], bool] | None) -> Effects | None:
    """Whether it reads a global that other functions of its module change: workers import the module anew."""
    others: dict[int, list[tuple[FunctionType, set[str]]]] = {}  # functions of a module, and all names in them
    for space, name in search.used.values():
        module = sys.modules.get(space.get("__name__", ""))
        if module is None or module.__name__ == "__main__" or (imported is not None and not imported(module)):
            continue  # what is in there travels by value, as it is now
        if id(space) not in others:
            there = (function for function in _functions_of(space) if function not in search.functions)
            others[id(space)] = [(function, _all_names(function.__code__)) for function in there]
        for function, names in others[id(space)]:
            if name in names and _writes(function, name):
                what = f"it uses the global {name!r}, which {function.__name__}() changes: a worker has it as imported"
                return Effects("differs", what)
    return None


def _functions_of(space: dict[str, Any]) -> Iterator[FunctionType]:
    for value in list(space.values()):
        if isinstance(value, FunctionType) and value.__globals__ is space:
            yield value
        elif isinstance(value, type) and value.__module__ == space.get("__name__"):
            methods = (getattr(part, "__func__", part) for part in vars(value).values())
            yield from (part for part in methods if isinstance(part, FunctionType) and part.__globals__ is space)


def _all_names(code: CodeType) -> set[str]:
    names = set(code.co_names)
    for const in code.co_consts:
        if isinstance(const, CodeType):
            names |= _all_names(const)
    return names


def _writes(fn: FunctionType, name: str) -> bool:
    """Whether the function plainly assigns to the global, or changes what it holds."""
    import dis

    from .known import MUTATORS

    codes = [fn.__code__]
    for code in codes:
        codes += [const for const in code.co_consts if isinstance(const, CodeType)]
        steps = [step for step in dis.get_instructions(code) if step.opname not in {"CACHE", "PUSH_NULL", "PRECALL"}]
        for place, step in enumerate(steps):
            if step.argval != name:
                continue
            if step.opname in {"STORE_GLOBAL", "DELETE_GLOBAL"}:
                return True
            if step.opname == "LOAD_GLOBAL":
                after = steps[place + 1 : place + 4]
                if any(
                    later.opname in {"STORE_ATTR", "DELETE_ATTR", "STORE_SUBSCR", "DELETE_SUBSCR"} for later in after
                ):
                    return True
                if after and after[0].opname in {"LOAD_METHOD", "LOAD_ATTR"} and after[0].argval in MUTATORS:
                    return True
    return False
