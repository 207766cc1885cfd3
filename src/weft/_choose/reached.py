"""What is reached from a value that comes from outside: its attributes, items and parts, and what is done to them."""

from __future__ import annotations

from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType

from . import known
from .origins import MISSING, NOTHING, UNKNOWN, Method, Parent, Root, Site, above, attribute, elements, outside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from .bytecode import Reading
    from .origins import Atom, Value


ITEM: Final = "its argument"  # how the origin of an argument begins: each call has its own


class Changed(Exception):
    """It was found to change something; the message is the end of a sentence.

    Attributes:
        what: That sentence.
        where: The file and line.
        alone: Whether two threads that do it at once may get in each other's way, or it matters who is first.
    """

    def __init__(self, what: str, where: str, *, alone: bool = False) -> None:
        super().__init__(what)
        self.what, self.where, self.alone = what, where, alone


class Unsendable(Changed):
    """It uses something that no other process can have."""


class TooMuch(Exception):
    """There is more code than was looked at."""


class Reached:
    """Objects by origin: what they hold, and a stop to the search where one from outside is changed.

    Args:
        own: The top-level package of the user's function, which is read like the user's own code.
    """

    def __init__(self, own: str) -> None:
        self._own = own
        self._where = ("", 0)
        self._held: dict[Site, dict[str | None, Value]] = {}
        self._looked_into: set[tuple[str, tuple[str, int]]] = set()  # whose items were read, and in which line
        self.changed: Changed | None = None  # the first change that threads may make as well

    def _run(self, fn: FunctionType, args: list[Value], kwargs: dict[str, Value], *, spread: bool) -> Value:
        """Follow a function that an attribute turns out to be; those who know of calls know how."""
        raise NotImplementedError

    def change(self, what: str, *, alone: bool = True) -> None:
        """It changes something: that is the end of the search, unless it may come worse."""
        filename, line = self._where
        found = Changed(what, f"{filename.rpartition('/')[2]}:{line}" if line else "", alone=alone)
        if alone:
            raise found
        self.changed = self.changed or found

    def put(self, site: Site, name: str | None, value: Value) -> None:
        """An object that the function makes has this as its attribute, or, without a name, somewhere in it."""
        held = self._held.setdefault(site, {})
        held[name] = held.get(name, NOTHING) | value

    def attribute_of(self, owner: Value, name: str, reading: Reading) -> Value:
        """The attribute of that name of any of these."""
        return NOTHING.union(*(self._attribute(atom, name, reading) for atom in owner))

    def slice_of(self, owner: Value, copied: Value) -> Value:
        """What a slice gives: of an array a view, of anything else a copy."""
        views = {atom for atom in owner if isinstance(atom, Root) and (atom.value is UNKNOWN or is_array(atom.value))}
        return copied | views

    def item_of(self, owner: Value, key: Value, reading: Reading, *constant: str | int) -> Value:
        """What a subscript gives, with a *constant* if it is one."""
        for atom in owner:
            self._look_into(atom)
            if isinstance(atom, Root) and atom.value is not UNKNOWN and is_a(atom.value, "collections.defaultdict"):
                self.change(f"it may add to {atom.origin}, a defaultdict, by looking into it", alone=False)
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

    def assign(
        self, owner: Value, name: str | None, value: Value, how: str, *, dunder: str = "__setattr__", alone: bool = True
    ) -> None:
        """Something is assigned to an attribute or to an item of any of these."""
        for atom in owner:
            match atom:
                case Root():
                    self._mutate(atom, how, alone=alone)
                case Method(receiver=Root() as root):
                    self._mutate(root, how, alone=alone)
                case Method(receiver=Site() as site) | (Site() as site):
                    self.put(site, name, value)
                    own = above(site.kind, dunder) if site.kind is not None else None
                    if isinstance(own, FunctionType) and not known.is_library(own.__code__, self._own):
                        self._run(own, [frozenset([site]), NOTHING, value], {}, spread=False)
                case Parent(receiver=Root() as root):
                    self._mutate(root, how, alone=alone)

    def changes_in_place(self, owner: Value, sign: str) -> bool:
        """Whether ``+=`` and the like give the object itself, changed; if it is from outside, that ends the search."""
        changes = False
        for atom in owner:
            root = atom.receiver if isinstance(atom, Method) else atom
            if not isinstance(root, Root) or root.value is UNKNOWN or known.is_constant(root.value):
                continue
            if above(type(root.value), _IN_PLACE.get(sign, "")) is not MISSING:
                changes = True
                self._mutate(root, f"it changes in place, by {sign},", alone=is_array(root.value))
        return changes

    def dunders(
        self, owner: Value, names: tuple[str, ...], reading: Reading, given: list[Value] | None = None
    ) -> Value:
        """Run those of these methods that the user's own classes have."""
        found = NOTHING
        for atom in owner:
            kind = kind_of(atom)
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

    def _attribute(self, atom: Atom, name: str, reading: Reading) -> Value:
        match atom:
            case Root(value=value) if value is not UNKNOWN:
                return self._attribute_of_root(atom, name, reading)
            case Root():
                return frozenset([Method(atom, name)])
            case Site():
                return self._attribute_of_site(atom, name, reading)
            case Parent(receiver=receiver, above=klass):
                kind = kind_of(receiver)
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
            trusted = atom.trusted or is_of_library(found)
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
        if is_array(value):  # what is in an array of rows shares its memory
            return frozenset([atom.part(value)]) if value.ndim > 1 else NOTHING  # type: ignore[attr-defined]
        return frozenset([atom.part(UNKNOWN)])

    def _mutate(self, root: Root, how: str, *, alone: bool = True) -> None:
        if root.value is not None:
            own = root.origin.startswith(ITEM) or is_a(root.value, "_thread._local")
            again = (root.origin, self._where) in self._looked_into and "item of" in how  # x[k] = x.get(k, 0) + 1
            self.change(f"{how} {root.origin}", alone=(alone or again or root.trusted) and not own)

    def _look_into(self, atom: Atom) -> None:
        if isinstance(atom, Root):
            self._looked_into.add((atom.origin, self._where))

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


_IN_PLACE: Final = {
    "+=": "__iadd__", "-=": "__isub__", "*=": "__imul__", "/=": "__itruediv__", "//=": "__ifloordiv__", "|=": "__ior__",
    "&=": "__iand__", "^=": "__ixor__", "%=": "__imod__", "**=": "__ipow__", "<<=": "__ilshift__", ">>=": "__irshift__",
    "@=": "__imatmul__",
}  # fmt: skip


def is_of_library(value: object) -> bool:
    """Whether it is a function or an object that a library's module offers under its name."""
    if isinstance(value, BuiltinFunctionType):
        owner = getattr(value, "__self__", None)
        return owner is None or isinstance(owner, ModuleType) or known.is_hidden_random(owner)
    if isinstance(value, MethodType):
        return known.is_hidden_random(value.__self__)
    kind = type(value)
    return kind.__module__ in {"numpy", "operator", "functools"} and kind.__name__ in _FUNCTION_OBJECTS


_FUNCTION_OBJECTS: Final = {"ufunc", "itemgetter", "attrgetter", "_ArrayFunctionDispatcher", "vectorize"}


def is_array(value: object) -> bool:
    return type(value).__name__ == "ndarray" and type(value).__module__ == "numpy"


def is_a(value: object, name: str) -> bool:
    return any(f"{kind.__module__}.{kind.__qualname__}" == name for kind in type(value).__mro__)


def kind_of(atom: Atom) -> type | None:
    if isinstance(atom, Site):
        return atom.kind
    return type(atom.value) if isinstance(atom, Root) and atom.value is not UNKNOWN else None
