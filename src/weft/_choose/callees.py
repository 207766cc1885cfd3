"""Calls, as far as they can be followed: functions, methods, classes, and what is only known from tables."""

from __future__ import annotations

from functools import partial
from types import BuiltinFunctionType, CellType, FunctionType, MethodType, ModuleType

from . import known
from .origins import MISSING, NOTHING, UNKNOWN, Cell, Made, Method, Parent, Root, Site, above, outside
from .reached import is_of_library, kind_of
from .unread import Unread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from .bytecode import Reading
    from .origins import Atom, Value

_EMPTY: Final = CellType()
_PLAIN: Final = {"builtins", "abc", "enum", "typing", "collections.abc", "_collections_abc", "numbers"}


class Callees(Unread):
    """What comes of a call; the user's functions are followed, of others the tables say it."""

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
            inner = frozenset([Root(root.origin, fn.func, trusted=is_of_library(fn.func))])
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
            origin = f"its {type(owner).__name__}" if root.origin == "it" else root.origin
            origin = f"the class {owner.__name__!r}" if isinstance(owner, type) else origin
            method = Method(Root(origin, owner), fn.__name__, getattr(fn, "__func__", fn))
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
            me = Root("itself", fn) if root.origin == "it" else root
            return self._run(own, [frozenset([me]), *args], kwargs, spread=spread)
        if not callable(fn) and not root.trusted and not isinstance(fn, ModuleType) and not known.is_constant(fn):
            self.change(f"it calls something of {root.origin} that it looks up by name")
        if root.trusted or isinstance(fn, FunctionType) or is_of_library(fn) or not callable(fn):
            return self._library(name, args, kwargs, here, reading)
        self.change(f"it calls {root.origin}, a {type(fn).__name__} object, which that may change", alone=False)
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
            kinds = {found for atom in args[0] if (found := kind_of(atom)) is not None}
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


def _wrapped_by(fn: FunctionType, own: str) -> Value:
    """The user's functions that a library's decorator has put into its own."""
    inside = [cell.cell_contents for cell in fn.__closure__ or () if cell != _EMPTY]
    users = [each for each in inside if isinstance(each, FunctionType) and not known.is_library(each.__code__, own)]
    return frozenset(Root(each.__name__, each) for each in users)


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
