"""What is called and can't be read: libraries, C code, methods of objects. Tables say what it does, or names do."""

from __future__ import annotations

from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType

from . import known
from .followed import Followed
from .origins import NOTHING, UNKNOWN, Made, Method, Root, Site, above
from .reached import is_array, is_of_library

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Final

    from .bytecode import Reading
    from .origins import Atom, Value

_CALLED_BY: Final[dict[str, tuple[str, ...]]] = {  # which methods of its argument a builtin calls
    "len": ("__len__",), "str": ("__str__",), "repr": ("__repr__",), "print": ("__str__",), "int": ("__int__",),
    "float": ("__float__",), "bool": ("__bool__", "__len__"), "hash": ("__hash__",), "iter": ("__iter__",),
    "list": ("__iter__",), "tuple": ("__iter__",), "set": ("__iter__",), "sum": ("__iter__",), "max": ("__iter__",),
    "min": ("__iter__",), "sorted": ("__iter__",), "next": ("__next__",), "abs": ("__abs__",), "dict": ("__iter__",),
    "enumerate": ("__iter__",), "zip": ("__iter__",), "format": ("__format__",), "reversed": ("__reversed__",),
}  # fmt: skip
_DRAWS: Final = {
    "random.Random",
    "random.SystemRandom",
    "numpy.random._generator.Generator",
    "numpy.random.mtrand.RandomState",
}
_READS: Final = {
    "get", "keys", "values", "items", "copy", "index", "count", "match", "search", "fullmatch", "findall", "finditer",
    "sub", "split", "format", "encode", "decode", "isoformat", "strftime", "to_dict", "to_json", "as_dict", "__len__",
    "__contains__", "__getitem__", "__iter__", "__str__", "__repr__", "__eq__", "__hash__", "is_set", "exists", "total",
}  # fmt: skip


class Unread(Followed):
    """What comes of a call of something that can't be read, and of what it is given and may call."""

    def call(
        self, callee: Value, args: list[Value], kwargs: dict[str, Value], here: Any, reading: Reading | None, *,
        spread: bool = False,
    ) -> Value:  # fmt: skip
        """Call any of these, as :class:`weft._choose.callees.Callees` does."""
        raise NotImplementedError

    def _ask(self, root: Root, name: str, kwargs: dict[str, Value]) -> None:
        """Whether a method that can't be read changes its object: the tables say, or the name does."""
        value = root.value
        called = f"it calls .{name}() of"
        if name == "get":
            self._look_into(root)
        if value is UNKNOWN or root.trusted:
            if name in known.MUTATORS and not known.is_stream(value):
                self._mutate(root, called, alone=name not in known.AT_ONCE)
            return
        self._refuse(value, f"it uses {root.origin}")
        if known.is_constant(value) or known.is_stream(value) or isinstance(value, type | FunctionType):
            return
        kinds = [f"{kind.__module__}.{kind.__qualname__}" for kind in type(value).__mro__]
        if not known.HARMLESS.isdisjoint(kinds):
            return
        if not _DRAWS.isdisjoint(kinds):
            self.change(f"it draws from {root.origin}, a generator of random numbers")
        packages = {kind.partition(".")[0] for kind in kinds}
        if not known.CONTAINERS.isdisjoint(kinds) or not known.CONTAINER_PACKAGES.isdisjoint(packages):
            named = name in known.MUTATORS or (name in known.PACKAGE_MUTATORS and kinds[0] not in known.CONTAINERS)
            if named or "inplace" in kwargs or "out" in kwargs:
                self._mutate(root, called, alone=name not in known.AT_ONCE)
            return
        if name in _READS:
            return
        self.change(f"{called} {root.origin}, a {type(value).__name__}, which that may change", alone=False)

    def _given_by(self, receiver: Root | Site, name: str, here: Any) -> Value:
        parts = self._parts(receiver)
        site = Site((here, name))
        self.put(site, None, parts)
        if name not in known.VIEWS:
            return frozenset([site])
        if isinstance(receiver, Root) and is_array(receiver.value):
            return frozenset([receiver])
        self.put(site, None, self._pairs(parts, here))
        unknown = frozenset([receiver]) if isinstance(receiver, Root) and receiver.value is UNKNOWN else NOTHING
        return parts | unknown | {site}

    def _pairs(self, parts: Value, here: Any) -> Value:
        """What may hold parts of parts: rows of ``zip``, ``enumerate``, ``.items()``."""
        if not parts:
            return NOTHING
        site = Site((here, "pairs"))
        self.put(site, None, parts)
        return frozenset([site])

    def _library(
        self, name: str, args: list[Value], kwargs: dict[str, Value], here: Any, reading: Reading | None
    ) -> Value:
        """Call something that is not read: what it changes the tables say."""
        given = [*args, *kwargs.values()]
        if name in known.CHANGES_PROCESS:
            self.change(f"it changes {known.CHANGES_PROCESS[name]} ({name}())")
        if name in known.OPAQUE:
            self.change(f"it runs code that can't be looked into ({name.partition('.')[2]}())")
        if name == "builtins.globals" and reading is not None:
            return frozenset([Root("its globals", reading.space)])
        place = known.CHANGES_ARGUMENT.get(name)
        changed = [*args[place : place + 1]] if place is not None else []
        changed += [kwargs["out"]] if "out" in kwargs else []
        if name.endswith((".at", ".writer", ".DictWriter")):
            changed += args[:1]
        for value in changed:
            for atom in value:
                root = atom.receiver if isinstance(atom, Method) else atom
                if isinstance(root, Root) and not known.is_stream(root.value) and not known.is_constant(root.value):
                    self._mutate(root, f"{name.rpartition('.')[2]}() changes", alone=name not in known.AT_ONCE)
        for value in given:
            for atom in value:
                if isinstance(atom, Root) and not callable(atom.value):
                    self._refuse_iterator(atom)
        if reading is not None:
            dunders = _CALLED_BY.get(name.removeprefix("builtins."))
            if dunders:
                self.dunders(NOTHING.union(*given), dunders, reading)
        back = self._callbacks(given, here, reading)
        if name == "builtins.__build_class__":
            self._run_hooks(args)
        if name in known.COPIES_DEEPLY:
            return NOTHING
        parts = self.parts(NOTHING.union(*given))
        passed = NOTHING.union(*args) | parts if name in known.PASSES_ON else NOTHING
        site = Site((here, name))
        self.put(site, None, parts | back | self._pairs(parts, here))
        if name == "builtins.dict":
            self.put(site, None, NOTHING.union(*kwargs.values()))
        if not name.startswith("builtins.") or name in {"builtins.zip", "builtins.map"}:
            kinds = frozenset(atom for value in given for atom in value if _is_class(atom))
            self.put(site, None, NOTHING.union(*given) - kinds)
            if kinds:  # as a defaultdict calls them
                self.put(site, None, frozenset([Site((here, "made"))]))
        return passed | {site}

    def _run_hooks(self, bases: list[Value]) -> None:
        """What the user's classes do when a class is made of them."""
        for atom in NOTHING.union(*bases):
            if isinstance(atom, Root) and isinstance(atom.value, type):
                fn = getattr(above(atom.value, "__init_subclass__"), "__func__", None)
                if isinstance(fn, FunctionType) and not known.is_library(fn.__code__, self._own):
                    self._run(fn, [NOTHING], {}, spread=False)

    def _callbacks(self, given: Iterable[Value], here: Any, reading: Reading | None) -> Value:
        """Functions that are given to somebody else, who may call them with whatever else was given."""
        given = list(given)
        called = frozenset(atom for value in given for atom in value if _is_callback(atom))
        if not called:
            return NOTHING
        rest = NOTHING.union(*given) - called
        everything = rest | self.parts(rest) | self.parts(self.parts(rest))
        return self.call(called, [everything], {}, (here, "back"), reading, spread=True)


def _is_class(atom: Atom) -> bool:
    return isinstance(atom, Root) and isinstance(atom.value, type)


def _is_callback(atom: Atom) -> bool:
    """Whether somebody who is given it may call it, and code of the user's would run."""
    if isinstance(atom, Root):
        value = atom.value
        if value is UNKNOWN or isinstance(value, type):
            return False
        bound = isinstance(value, BuiltinFunctionType) and not is_of_library(value)
        return bound or isinstance(value, FunctionType | MethodType | partial)
    return isinstance(atom, Made | Method) and (isinstance(atom, Made) or atom.fn is not UNKNOWN)
