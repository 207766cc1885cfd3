"""What a function may change outside itself, found by following its code and that of what it calls."""

from __future__ import annotations

import sys
from functools import partial
from types import BuiltinFunctionType, CellType, FunctionType, MethodType, ModuleType

from . import known
from .bytecode import Listing, Reading
from .origins import (
    MISSING,
    NOTHING,
    UNKNOWN,
    Cell,
    Made,
    Method,
    Parent,
    Root,
    Site,
    above,
    attribute,
    elements,
    outside,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from dis import Instruction
    from types import CodeType
    from typing import Any, Final

    from .origins import Atom, Value

# Steps of bytecode that are looked at, at most. bench/choose/effects.py: so many take about 20 ms here.
MOST: Final = 6_000
DEEPEST_CALL: Final = 12
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


class Changed(Exception):
    """It was found to change something; the message is the end of a sentence."""

    def __init__(self, what: str, where: str) -> None:
        super().__init__(what)
        self.what, self.where = what, where


class Unsendable(Changed):
    """It uses something that no other process can have."""


class TooMuch(Exception):
    """There is more code than was looked at."""


class Search:
    """A look at one function.

    Args:
        fn: The function.
    """

    null_first: Final = sys.version_info < (3, 13)
    attr_has_bit: Final = sys.version_info >= (3, 12)
    always_named: Final = sys.version_info >= (3, 14)

    def __init__(self, fn: Callable[..., Any]) -> None:
        self._own = _package_of(fn)
        self._left = MOST
        self._depth = 0
        self._where = ("", 0)
        self._held: dict[Site, dict[str | None, Value]] = {}
        self._known: dict[Any, Value] = {}
        self._ran: set[CodeType] = set()
        self.functions: dict[FunctionType, None] = {}  # whose code was looked at, in the order it was
        self.used: dict[tuple[int, str], tuple[dict[str, Any], str]] = {}  # globals that can change and were read

    def look(self, fn: Callable[..., Any], given: list[Value]) -> None:
        """Follow a call of the function with arguments from outside.

        Raises:
            Changed: It changes something.
            TooMuch: There is more code than was looked at.
        """
        root = frozenset([Root("it", fn)])
        self.call(root, given, {}, ("the call", 0), None)

    # ── what a reading asks ───────────────────────────────────────────────────────────────────────────────

    def listing(self, code: CodeType) -> Listing:
        """The code's steps."""
        listing = LISTINGS.get(code)
        if listing is None:
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

    def change(self, what: str) -> None:
        """It changes something: that is the end of the search."""
        filename, line = self._where
        raise Changed(what, f"{filename.rpartition('/')[2]}:{line}" if line else "")

    def put(self, site: Site, name: str | None, value: Value) -> None:
        """An object that the function makes has this as its attribute, or, without a name, somewhere in it."""
        held = self._held.setdefault(site, {})
        held[name] = held.get(name, NOTHING) | value

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
        return outside(f"the global {name!r}", value, trusted=_of_library(value))

    def imported(self, name: str) -> Value:
        """A module that is imported inside the function."""
        module = sys.modules.get(name, UNKNOWN)
        top = sys.modules.get(name.partition(".")[0], module)
        trusted = not known.is_users(name, self._own)
        return frozenset(Root(f"the module {name!r}", each, trusted=trusted) for each in (module, top))

    def attribute_of(self, owner: Value, name: str, reading: Reading) -> Value:
        """The attribute of that name of any of these."""
        return NOTHING.union(*(self._attribute(atom, name, reading) for atom in owner))

    def slice_of(self, owner: Value, copied: Value) -> Value:
        """What a slice gives: of an array a view, of anything else a copy."""
        views = {atom for atom in owner if isinstance(atom, Root) and (atom.value is UNKNOWN or _is_array(atom.value))}
        return copied | views

    def item_of(self, owner: Value, key: Value, reading: Reading, *constant: str | int) -> Value:
        """What a subscript gives, with a *constant* if it is one."""
        for atom in owner:
            if isinstance(atom, Root) and atom.value is not UNKNOWN and _is_a(atom.value, "collections.defaultdict"):
                self.change(f"it may add to {atom.origin}, a defaultdict, by looking into it")
        called = self.dunders(owner, ("__getitem__", "__missing__", "__class_getitem__"), reading, [key])
        return NOTHING.union(*(self._item(atom, constant) for atom in owner)) | called

    def parts(self, value: Value) -> Value:
        """What is in any of these."""
        return NOTHING.union(*map(self._parts, value))

    def iterate(self, value: Value, here: Any, reading: Reading) -> Value:
        """An iterator over any of these."""
        for atom in value:
            if isinstance(atom, Root):
                self._refuse_iterator(atom)
        given = self.dunders(value, ("__iter__",), reading)
        site = Site(here)
        self.put(site, None, self.parts(value) | self.parts(given))
        return frozenset([site])

    def assign(self, owner: Value, name: str | None, value: Value, how: str, dunder: str = "__setattr__") -> None:
        """Something is assigned to an attribute or to an item of any of these."""
        for atom in owner:
            match atom:
                case Root():
                    self._mutate(atom, how)
                case Method(receiver=Root() as root):
                    self._mutate(root, how)
                case Method(receiver=Site() as site) | (Site() as site):
                    self.put(site, name, value)
                    own = above(site.kind, dunder) if site.kind is not None else None
                    if isinstance(own, FunctionType) and not known.is_library(own.__code__, self._own):
                        self._run(own, [frozenset([site]), NOTHING, value], {}, spread=False)
                case Parent(receiver=Root() as root):
                    self._mutate(root, how)

    def changes_in_place(self, owner: Value, sign: str) -> bool:
        """Whether ``+=`` and the like give the object itself, changed; if it is from outside, that ends the search."""
        changes = False
        for atom in owner:
            root = atom.receiver if isinstance(atom, Method) else atom
            if not isinstance(root, Root) or root.value is UNKNOWN or known.is_constant(root.value):
                continue
            if above(type(root.value), _IN_PLACE.get(sign, "")) is not MISSING:
                changes = True
                self._mutate(root, f"it changes in place, by {sign},")
        return changes

    def dunders(
        self, owner: Value, names: tuple[str, ...], reading: Reading, given: list[Value] | None = None
    ) -> Value:
        """Run those of these methods that the user's own classes have."""
        found = NOTHING
        for atom in owner:
            kind = _kind_of(atom)
            if kind is None or kind.__module__ == "builtins":
                continue
            for name in names:
                fn = above(kind, name)
                if isinstance(fn, FunctionType) and not known.is_library(fn.__code__, self._own):
                    found |= self._run(fn, [frozenset([atom]), *(given or [NOTHING])], {}, spread=False)
        return found

    def parents(self, receiver: Value, klass: Value) -> Value:
        """What ``super()`` gives."""
        classes = [atom.value for atom in klass if isinstance(atom, Root) and isinstance(atom.value, type)]
        fit = (Root, Site)
        return frozenset(Parent(atom, each) for atom in receiver if isinstance(atom, fit) for each in classes)

    def run_if_never_run(self, made: Made) -> None:
        """A function that was made and called by nobody we know: somebody may."""
        if made.code not in self._ran:
            self._run_made(made, [], {}, spread=False)

    def call(
        self, callee: Value, args: list[Value], kwargs: dict[str, Value], here: Any, reading: Reading | None, *,
        spread: bool = False,
    ) -> Value:  # fmt: skip
        """Call any of these; what comes back."""
        where, found = self._where, NOTHING
        for atom in callee:
            match atom:
                case Made():
                    found |= self._run_made(atom, args, kwargs, spread=spread)
                case Root():
                    found |= self._call_object(atom, args, kwargs, here, reading, spread=spread)
                case Method():
                    found |= self._call_method(atom, args, kwargs, here, reading, spread=spread)
                case Site():
                    found |= self._call_site(atom, args, kwargs, here, reading, spread=spread)
                case Parent():
                    pass
            self._where = where
        return found if callee else self._library("", args, kwargs, here, reading)

    # ── attributes and parts ──────────────────────────────────────────────────────────────────────────────

    def _attribute(self, atom: Atom, name: str, reading: Reading) -> Value:
        match atom:
            case Root(value=value) if value is not UNKNOWN:
                return self._attribute_of_root(atom, name, reading)
            case Root():
                return frozenset([Method(atom, name)])
            case Site():
                return self._attribute_of_site(atom, name, reading)
            case Parent(receiver=receiver, above=klass):
                kind = _kind_of(receiver)
                fn = MISSING if kind is None else above(kind, name, klass)
                fn = getattr(fn, "__func__", fn)
                return frozenset([Method(receiver, name, UNKNOWN if fn is MISSING else fn)])
            case Method(receiver=receiver):  # an attribute of an attribute that nobody knows
                return frozenset([Method(receiver, name)])
            case _:
                return NOTHING

    def _attribute_of_root(self, atom: Root, name: str, reading: Reading) -> Value:
        if name == "__class__":
            return frozenset([Root(f"the class of {atom.origin}", type(atom.value))])
        how, found = attribute(atom.value, name)
        match how:
            case "value":
                return self._part_of_root(atom, name, found)
            case "method":
                return frozenset([Method(atom, name, found)])
            case "of class":
                kind = atom.value if isinstance(atom.value, type) else type(atom.value)
                return frozenset([Method(Root(f"the class {kind.__name__!r}", kind), name, found)])
            case "descriptor":
                return self._run_descriptor(found, atom)
            case "property" | "fallback":
                if isinstance(found, FunctionType) and not known.is_library(found.__code__, self._own):
                    return self._run(found, [frozenset([atom])], {}, spread=False)
                return frozenset([atom.part(UNKNOWN)])
        return frozenset([Method(atom, name)])

    def _part_of_root(self, atom: Root, name: str, found: object) -> Value:
        self._refuse(found, f"it uses {name!r} of {atom.origin}")
        if known.is_constant(found) and not callable(found):
            return NOTHING
        if isinstance(found, ModuleType):
            users = known.is_users(found.__name__, self._own)
            return frozenset([Root(f"the module {found.__name__!r}", found, trusted=not users)])
        if isinstance(atom.value, ModuleType):
            trusted = atom.trusted or _of_library(found)
            return frozenset([Root(f"{name!r} of {atom.origin}", found, trusted=trusted)])
        if isinstance(found, type | FunctionType):
            return frozenset([Root(f"{name!r} of {atom.origin}", found)])
        return frozenset([atom.part(found)])

    def _attribute_of_site(self, site: Site, name: str, reading: Reading) -> Value:
        if name == "__class__" and site.kind is not None:
            return frozenset([Root(f"the class {site.kind.__name__!r}", site.kind)])
        stored = self._held.get(site, {}).get(name)
        if stored is not None:
            return stored
        raw = MISSING if site.kind is None else above(site.kind, name)
        match raw:
            case FunctionType():
                return frozenset([Method(site, name, raw)])
            case property(fget=FunctionType() as getter) if not known.is_library(getter.__code__, self._own):
                return self._run(getter, [frozenset([site])], {}, spread=False)
            case staticmethod():
                return frozenset([Root(name, raw.__func__)])
            case classmethod() if site.kind is not None:
                return frozenset([Method(Root(f"the class {site.kind.__name__!r}", site.kind), name, raw.__func__)])
        if isinstance(above(type(raw), "__get__"), FunctionType):
            return self._run_descriptor(raw, site)
        if site.kind is None or raw is MISSING or above(type(raw), "__get__") is not MISSING:
            return frozenset([Method(site, name)])
        return outside(f"the class attribute {name!r} of {site.kind.__name__}", raw)

    def _run_descriptor(self, descriptor: object, owner: Root | Site) -> Value:
        fn = above(type(descriptor), "__get__")
        if isinstance(fn, FunctionType) and not known.is_library(fn.__code__, self._own):
            me = outside(f"a descriptor of class {type(descriptor).__name__}", descriptor)
            return self._run(fn, [me, frozenset([owner]), NOTHING], {}, spread=False)
        return frozenset([Method(owner, getattr(fn, "__name__", ""))])

    def _parts(self, atom: Atom) -> Value:
        match atom:
            case Root(value=value) if value is UNKNOWN:
                return frozenset([atom])
            case Root(value=value):
                return self._parts_of_root(atom, value)
            case Site():
                return NOTHING.union(*self._held.get(atom, {}).values())
            case Method(receiver=receiver):
                return self._parts(receiver) if isinstance(receiver, Site) else frozenset([receiver.part(UNKNOWN)])
            case _:
                return NOTHING

    def _item(self, atom: Atom, constant: tuple[str | int, ...]) -> Value:
        value = getattr(atom, "value", None)
        if constant and isinstance(atom, Root) and type(value) in {dict, list, tuple}:
            try:
                found = value[constant[0]]  # type: ignore[index]
            except (KeyError, IndexError, TypeError):
                return frozenset([atom.part(UNKNOWN)])
            self._refuse(found, f"it uses a part of {atom.origin}")
            return NOTHING if known.is_constant(found) and not callable(found) else frozenset([atom.part(found)])
        return self._parts(atom)

    def _parts_of_root(self, atom: Root, value: object) -> Value:
        if known.is_constant(value):
            return NOTHING
        if type(value) in {list, tuple, dict, set, frozenset}:
            found = list(elements(value))
            if not found:
                return NOTHING if isinstance(value, tuple) else frozenset([atom.part(UNKNOWN)])
            return frozenset(atom.part(part) for part in found if not known.is_constant(part) or callable(part))
        if isinstance(value, bytearray | type | FunctionType):
            return NOTHING
        if _is_array(value):  # what is in an array of rows shares its memory
            return frozenset([atom.part(value)]) if value.ndim > 1 else NOTHING  # type: ignore[attr-defined]
        return frozenset([atom.part(UNKNOWN)])

    # ── changes ───────────────────────────────────────────────────────────────────────────────────────────

    def _mutate(self, root: Root, how: str) -> None:
        if root.value is not None:
            self.change(f"{how} {root.origin}")

    def _refuse(self, value: object, how: str) -> None:
        said = known.unsendable(value)
        if said is not None:
            filename, line = self._where
            raise Unsendable(f"{how}, {said}", f"{filename.rpartition('/')[2]}:{line}" if line else "")

    def _refuse_iterator(self, root: Root) -> None:
        if root.value is UNKNOWN or isinstance(root.value, type) or known.is_stream(root.value):
            return
        if above(type(root.value), "__next__") is not MISSING:
            self.change(f"it takes from {root.origin}, an iterator")

    # ── calls ─────────────────────────────────────────────────────────────────────────────────────────────

    def _call_object(
        self, root: Root, args: list[Value], kwargs: dict[str, Value], here: Any, reading: Reading | None, *,
        spread: bool,
    ) -> Value:  # fmt: skip
        fn = root.value
        if fn is UNKNOWN:
            return self._library("", args, kwargs, here, reading)
        if isinstance(fn, type):
            return self._construct(fn, args, kwargs, here, reading, spread=spread)
        if isinstance(fn, partial):
            held = [outside(f"what a partial of {root.origin} holds", part) for part in fn.args]
            more = {name: outside(f"{name!r} of a partial", part) for name, part in fn.keywords.items()}
            inner = frozenset([Root(root.origin, fn.func, trusted=_of_library(fn.func))])
            return self.call(inner, [*held, *args], {**more, **kwargs}, here, reading, spread=spread)
        if type(fn).__name__ == known.COUNTING:
            return self.call(frozenset([Root(root.origin, fn.__wrapped__)]), args, kwargs, here, reading, spread=spread)  # type: ignore[attr-defined]
        name = known.name_of_function(fn)
        if isinstance(fn, FunctionType):
            if not known.is_library(fn.__code__, self._own):
                return self._run(fn, args, kwargs, spread=spread)
            self._callbacks([*args, *kwargs.values(), _wrapped_by(fn, self._own)], here, reading)
        owner = getattr(fn, "__self__", None)
        bound = owner is not None and not isinstance(owner, ModuleType) and not known.is_hidden_random(owner)
        if (
            bound
            and isinstance(fn, MethodType | BuiltinFunctionType)
            and not (root.trusted and isinstance(owner, type))
        ):
            method = Method(Root(root.origin, owner), fn.__name__, getattr(fn, "__func__", fn))
            return self.call(frozenset([method]), args, kwargs, here, reading, spread=spread)
        if type(fn).__name__ in {"method_descriptor", "wrapper_descriptor"} and args:  # list.append and its like
            if fn.__objclass__ in known.CONSTANTS:  # type: ignore[attr-defined]
                return NOTHING
            fit = frozenset(Method(atom, fn.__name__, fn) for atom in args[0] if isinstance(atom, Root | Site))  # type: ignore[attr-defined]
            return self.call(fit, args[1:], kwargs, here, reading)
        if type(fn).__name__ == "methodcaller":
            called = fn.__reduce__()[1][0]
            got = NOTHING.union(*(self._attribute(atom, called, reading) for arg in args[:1] for atom in arg))  # type: ignore[arg-type]
            return self.call(got, args[1:], kwargs, here, reading)
        own = above(type(fn), "__call__")
        if isinstance(own, FunctionType) and not known.is_library(own.__code__, self._own):
            return self._run(own, [frozenset([root]), *args], kwargs, spread=spread)
        if not callable(fn) and not root.trusted and not isinstance(fn, ModuleType) and not known.is_constant(fn):
            self.change(f"it calls something of {root.origin} that it looks up by name")
        if root.trusted or isinstance(fn, FunctionType) or _of_library(fn) or not callable(fn):
            return self._library(name, args, kwargs, here, reading)
        self.change(f"it calls {root.origin}, a {type(fn).__name__} object, which that may change")
        return NOTHING

    def _call_method(
        self, method: Method, args: list[Value], kwargs: dict[str, Value], here: Any, reading: Reading | None, *,
        spread: bool,
    ) -> Value:  # fmt: skip
        receiver, name, fn = method.receiver, method.name, method.fn
        users = isinstance(fn, FunctionType) and not known.is_library(fn.__code__, self._own)
        if users:
            return self._run(fn, [frozenset([receiver]), *args], kwargs, spread=spread)  # type: ignore[arg-type]
        if isinstance(receiver, Site):
            self.put(receiver, None, NOTHING.union(*args, *kwargs.values()))
            self._callbacks([*args, *kwargs.values()], here, reading)
            return self._given_by(receiver, name, here)
        if isinstance(receiver.value, ModuleType) or (receiver.trusted and receiver.value is UNKNOWN):
            module = receiver.value.__name__ if isinstance(receiver.value, ModuleType) else receiver.origin[12:-1]
            return self._library(f"{module}.{name}", args, kwargs, here, reading)
        if isinstance(fn, FunctionType) and isinstance(receiver.value, type) and receiver.trusted:
            return self._library(name, args, kwargs, here, reading)
        self._ask(receiver, name, kwargs)
        self._callbacks([*args, *kwargs.values()], here, reading)
        return self._given_by(receiver, name, here)

    def _ask(self, root: Root, name: str, kwargs: dict[str, Value]) -> None:
        """Whether a method that can't be read changes its object: the tables say, or the name does."""
        value = root.value
        called = f"it calls .{name}() of"
        if value is UNKNOWN or root.trusted:
            if name in known.MUTATORS and not known.is_stream(value):
                self._mutate(root, called)
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
            if name in known.MUTATORS or "inplace" in kwargs or "out" in kwargs:
                self._mutate(root, called)
            return
        if name in _READS:
            return
        self.change(f"{called} {root.origin}, a {type(value).__name__}, which that may change")

    def _given_by(self, receiver: Root | Site, name: str, here: Any) -> Value:
        parts = self._parts(receiver)
        site = Site((here, name))
        self.put(site, None, parts)
        if name not in known.VIEWS:
            return frozenset([site])
        if isinstance(receiver, Root) and _is_array(receiver.value):
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

    def _call_site(
        self, site: Site, args: list[Value], kwargs: dict[str, Value], here: Any, reading: Reading | None, *,
        spread: bool,
    ) -> Value:  # fmt: skip
        own = above(site.kind, "__call__") if site.kind is not None else None
        if isinstance(own, FunctionType):
            return self._run(own, [frozenset([site]), *args], kwargs, spread=spread)
        inner = frozenset(atom for atom in self._parts(site) if _is_callable(atom))
        if not inner:
            return self._library("", args, kwargs, here, reading)
        others = self._parts(site) - inner
        return self.call(inner, [*args, others], kwargs, here, reading, spread=True)

    def _construct(
        self, kind: type, args: list[Value], kwargs: dict[str, Value], here: Any, reading: Reading | None, *,
        spread: bool,
    ) -> Value:  # fmt: skip
        if kind is super and reading is not None and not args:
            first = reading.code.co_varnames[:1]
            klass = reading.cells.get("__class__", Cell()).value
            return self.parents(reading.load(first[0]) if first else NOTHING, klass)
        if kind is type and len(args) == 1:
            kinds = {found for atom in args[0] if (found := _kind_of(atom)) is not None}
            return frozenset(Root(f"the class {each.__name__!r}", each) for each in kinds)
        meta = above(type(kind), "__call__")
        if isinstance(meta, FunctionType) and not known.is_library(meta.__code__, self._own):
            self._run(meta, [frozenset([Root(f"the class {kind.__name__!r}", kind)]), *args], kwargs, spread=spread)
        if not known.is_class_of_users(kind, self._own) or issubclass(kind, BaseException):
            return self._library(f"{kind.__module__}.{kind.__qualname__}", args, kwargs, here, reading)
        site = Site(here, kind)
        me = frozenset([site])
        if any(not known.is_class_of_users(base, self._own) and base.__module__ not in _PLAIN for base in kind.__mro__):
            for fn in [*vars(kind).values()]:  # a library may call any of them
                if isinstance(fn, FunctionType) and not known.is_library(fn.__code__, self._own):
                    self._run(fn, [me], {}, spread=False)
        ran = False
        for name in ("__new__", "__init__"):
            fn = above(kind, name)
            fn = getattr(fn, "__func__", fn)
            if isinstance(fn, FunctionType) and not known.is_library(fn.__code__, self._own):
                given = me if name == "__init__" else frozenset([Root(f"the class {kind.__name__!r}", kind)])
                self._run(fn, [given, *args], kwargs, spread=spread)
                ran = True
        if not ran:
            self.put(site, None, NOTHING.union(*args, *kwargs.values()))
        return me

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
                    self._mutate(root, f"{name.rpartition('.')[2]}() changes")
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
        if key in self._known or self._depth >= DEEPEST_CALL:
            return self._known.get(key, NOTHING)
        self._known[key] = NOTHING  # for a function that calls itself
        self._depth += 1
        where = self._where
        try:
            found = self._known[key] = Reading(self, code, space, cells, given).run()
        finally:
            self._depth -= 1
        self._where = where
        return found


LISTINGS: Final[dict[CodeType, Listing]] = {}
_IN_PLACE: Final = {
    "+=": "__iadd__", "-=": "__isub__", "*=": "__imul__", "/=": "__itruediv__", "//=": "__ifloordiv__", "|=": "__ior__",
    "&=": "__iand__", "^=": "__ixor__", "%=": "__imod__", "**=": "__ipow__", "<<=": "__ilshift__", ">>=": "__irshift__",
    "@=": "__imatmul__",
}  # fmt: skip
_PLAIN: Final = {"builtins", "abc", "enum", "typing", "collections.abc", "_collections_abc", "numbers"}
_READS: Final = {
    "get", "keys", "values", "items", "copy", "index", "count", "match", "search", "fullmatch", "findall", "finditer",
    "sub", "split", "format", "encode", "decode", "isoformat", "strftime", "to_dict", "to_json", "as_dict", "__len__",
    "__contains__", "__getitem__", "__iter__", "__str__", "__repr__", "__eq__", "__hash__", "is_set", "exists", "total",
}  # fmt: skip


def _package_of(fn: Any) -> str:
    while isinstance(fn, partial):
        fn = fn.func
    fn = getattr(fn, "__func__", fn)
    module = getattr(fn, "__module__", None) or type(fn).__module__ or ""
    top: str = module.partition(".")[0]
    return "" if known.is_standard(top) else top


def _of_library(value: object) -> bool:
    """Whether it is a function or an object that a library's module offers under its name."""
    if isinstance(value, BuiltinFunctionType):
        owner = getattr(value, "__self__", None)
        return owner is None or isinstance(owner, ModuleType) or known.is_hidden_random(owner)
    if isinstance(value, MethodType):
        return known.is_hidden_random(value.__self__)
    kind = type(value)
    return kind.__module__ in {"numpy", "operator", "functools"} and kind.__name__ in _FUNCTION_OBJECTS


_EMPTY: Final = CellType()
_FUNCTION_OBJECTS: Final = {"ufunc", "itemgetter", "attrgetter", "_ArrayFunctionDispatcher", "vectorize"}


def _wrapped_by(fn: FunctionType, own: str) -> Value:
    """The user's functions that a library's decorator has put into its own."""
    inside = [cell.cell_contents for cell in fn.__closure__ or () if cell != _EMPTY]
    users = [each for each in inside if isinstance(each, FunctionType) and not known.is_library(each.__code__, own)]
    return frozenset(Root(each.__name__, each) for each in users)


def _is_array(value: object) -> bool:
    return type(value).__name__ == "ndarray" and type(value).__module__ == "numpy"


def _is_a(value: object, name: str) -> bool:
    return any(f"{kind.__module__}.{kind.__qualname__}" == name for kind in type(value).__mro__)


def _kind_of(atom: Atom) -> type | None:
    if isinstance(atom, Site):
        return atom.kind
    return type(atom.value) if isinstance(atom, Root) and atom.value is not UNKNOWN else None


def _is_class(atom: Atom) -> bool:
    return isinstance(atom, Root) and isinstance(atom.value, type)


def _is_callable(atom: Atom) -> bool:
    match atom:
        case Made():
            return True
        case Root(value=value):
            return value is not UNKNOWN and callable(value)
        case Method(fn=fn):
            return fn is not UNKNOWN
        case Site(kind=kind):
            return kind is not None and above(kind, "__call__") is not MISSING
    return False


def _is_callback(atom: Atom) -> bool:
    """Whether somebody who is given it may call it, and code of the user's would run."""
    if isinstance(atom, Root):
        value = atom.value
        if value is UNKNOWN or isinstance(value, type):
            return False
        bound = isinstance(value, BuiltinFunctionType) and not _of_library(value)
        return bound or isinstance(value, FunctionType | MethodType | partial)
    return isinstance(atom, Made | Method) and (isinstance(atom, Made) or atom.fn is not UNKNOWN)


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
