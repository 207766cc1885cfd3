"""Where a value in a function comes from: from outside, made here, a constant; as far as reading the code can tell."""

from __future__ import annotations

from types import FunctionType, ModuleType

from .known import is_constant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType
    from typing import Any, Final, TypeAlias

    Atom: TypeAlias = "Root | Site | Made | Method | Parent"
    Value: TypeAlias = frozenset["Atom"]  # where it may come from; empty where nothing outside can be changed by it

NOTHING: Final[frozenset[Any]] = frozenset()
DEEPEST: Final = 5  # how many parts of parts of an object are told apart


class _Unknown:
    def __repr__(self) -> str:
        return "unknown"


UNKNOWN: Final = _Unknown()


class Root:
    """Something from outside the function, or a part of it.

    Args:
        origin: What it is, for people.
        value: The object itself, or ``UNKNOWN``.
        depth: How many steps lead to it from what the code names.
        trusted: Whether it is what a library's module offers: its functions change nothing unless a table says so.
    """

    __slots__ = ("depth", "origin", "trusted", "value")

    def __init__(self, origin: str, value: object, depth: int = 0, *, trusted: bool = False) -> None:
        self.origin, self.value, self.depth, self.trusted = origin, value, depth, trusted

    def __hash__(self) -> int:
        return hash((self.origin, id(self.value)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Root) and self.origin == other.origin and self.value is other.value

    def part(self, value: object) -> Root:
        """A part of it that is *value*."""
        depth = self.depth + 1
        return Root(self.origin, value if depth < DEEPEST else UNKNOWN, depth, trusted=self.trusted)


class Site:
    """An object that the function makes, known by the place where it does.

    Args:
        place: That place.
        kind: The user's class that it is of, if it is of one.
    """

    __slots__ = ("kind", "place")

    def __init__(self, place: object, kind: type | None = None) -> None:
        self.place, self.kind = place, kind

    def __hash__(self) -> int:
        return hash((self.place, self.kind))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Site) and self.place == other.place and self.kind is other.kind


class Made:
    """A function that the function makes: its code, and the cells of the one around it by name."""

    __slots__ = ("cells", "code", "defaults", "space")

    def __init__(self, code: CodeType, space: dict[str, Any], cells: dict[str, Cell]) -> None:
        self.code, self.space, self.cells = code, space, cells
        self.defaults: Value = NOTHING

    def __hash__(self) -> int:
        return hash(self.code)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Made) and self.code is other.code and self.cells is other.cells


class Method:
    """An attribute that is about to be called, of whatever it is an attribute of."""

    __slots__ = ("fn", "name", "receiver")

    def __init__(self, receiver: Root | Site, name: str, fn: object = UNKNOWN) -> None:
        self.receiver, self.name, self.fn = receiver, name, fn

    def __hash__(self) -> int:
        return hash((self.receiver, self.name))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Method) and self.receiver == other.receiver and self.name == other.name


class Parent:
    """What ``super()`` gives: an object seen from the classes above one of its own."""

    __slots__ = ("above", "receiver")

    def __init__(self, receiver: Root | Site, above: type) -> None:
        self.receiver, self.above = receiver, above

    def __hash__(self) -> int:
        return hash((self.receiver, self.above))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Parent) and self.receiver == other.receiver and self.above is other.above


class Cell:
    """A variable that functions share with those inside them; *real* if it is a closure's and exists."""

    __slots__ = ("real", "value")

    def __init__(self, value: Value = NOTHING, *, real: bool = False) -> None:
        self.value, self.real = value, real


MISSING: Final = _Unknown()
NULL: Final[Value] = frozenset([Root("", None)])  # what calls have on the stack where there is no `self`


def attribute(value: object, name: str) -> tuple[str, object]:
    """The attribute, without running any code of its class.

    What it is: ``"value"``, ``"method"``, ``"of class"`` (a class method), ``"property"``, ``"descriptor"``,
    ``"fallback"`` (the class has a ``__getattr__``) or ``"unknown"``; and the thing itself.
    """
    if isinstance(value, ModuleType):
        found = vars(value).get(name, MISSING)
        return ("unknown", UNKNOWN) if found is MISSING else ("value", found)
    if isinstance(value, type):
        found = above(value, name)
        if found is not MISSING:
            return _unwrapped(found)
    raw = above(type(value), name)
    if isinstance(raw, property):
        return "property", raw.fget
    try:
        inside = object.__getattribute__(value, "__dict__")
    except AttributeError:
        inside = {}
    if name == "__dict__":
        return "value", inside
    if type(inside) is dict and name in inside:
        return "value", inside[name]
    if raw is not MISSING:
        return _bound(raw, value)
    fallback = above(type(value), "__getattr__")
    return ("fallback", fallback) if isinstance(fallback, FunctionType) else ("unknown", UNKNOWN)


def above(kind: type, name: str, after: type | None = None) -> object:
    """The attribute of a class as it or one above it holds it; only those *after* one of them, if that is said."""
    order = type.__dict__["__mro__"].__get__(kind)
    if after is not None and after in order:
        order = order[order.index(after) + 1 :]
    for base in order:
        if name in base.__dict__:
            found: object = base.__dict__[name]
            return found
    return MISSING


def _unwrapped(raw: object) -> tuple[str, object]:
    if isinstance(raw, staticmethod):
        return "value", raw.__func__
    if isinstance(raw, classmethod):
        return "of class", raw.__func__
    return "value", raw


def _bound(raw: object, value: object) -> tuple[str, object]:
    if isinstance(raw, staticmethod | classmethod):
        return _unwrapped(raw)
    if type(raw).__name__ == "member_descriptor":  # of __slots__
        try:
            return "value", raw.__get__(value)  # type: ignore[attr-defined]
        except AttributeError:
            return "unknown", UNKNOWN
    if type(raw).__name__ == "getset_descriptor":
        return "unknown", UNKNOWN
    if type(raw).__name__ == "cached_property":
        return "property", getattr(raw, "func", None)
    if isinstance(above(type(raw), "__get__"), FunctionType):
        return "descriptor", raw
    return ("method", raw) if callable(raw) and not isinstance(raw, type) else ("value", raw)


def elements(value: object) -> Iterator[object]:
    """Some of what a plain container holds, where looking at it runs no code."""
    from itertools import islice

    if type(value) in {list, tuple, set, frozenset}:
        yield from islice(value, 3)  # type: ignore[call-overload]
    elif type(value) is dict:
        yield from islice(value, 2)
        yield from islice(value.values(), 3)


def outside(origin: str, value: object, *, trusted: bool = False) -> Value:
    """A value from outside; nothing if it can't change and can't be called."""
    if is_constant(value) and not callable(value):
        return NOTHING
    return frozenset([Root(origin, value, trusted=trusted)])
