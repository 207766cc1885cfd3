"""Calls, as far as they can be followed: functions, methods, classes, and what libraries are known to do."""

from __future__ import annotations

from functools import partial
from types import BuiltinFunctionType, CellType, FunctionType, MethodType, ModuleType

from . import known
from .origins import MISSING, NOTHING, UNKNOWN, Cell, Made, Method, Parent, Root, Site, above, outside
from .reached import Reached, TooMuch, is_array, is_of_library, kind_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import CodeType
    from typing import Any, Final

    from .bytecode import Reading
    from .origins import Atom, Value

DEEPEST_CALL: Final = 30
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


class Callees(Reached):
    """What comes of a call; the user's functions are followed, of others the tables say it."""

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


_EMPTY: Final = CellType()
_PLAIN: Final = {"builtins", "abc", "enum", "typing", "collections.abc", "_collections_abc", "numbers"}
_READS: Final = {
    "get", "keys", "values", "items", "copy", "index", "count", "match", "search", "fullmatch", "findall", "finditer",
    "sub", "split", "format", "encode", "decode", "isoformat", "strftime", "to_dict", "to_json", "as_dict", "__len__",
    "__contains__", "__getitem__", "__iter__", "__str__", "__repr__", "__eq__", "__hash__", "is_set", "exists", "total",
}  # fmt: skip


def _wrapped_by(fn: FunctionType, own: str) -> Value:
    """The user's functions that a library's decorator has put into its own."""
    inside = [cell.cell_contents for cell in fn.__closure__ or () if cell != _EMPTY]
    users = [each for each in inside if isinstance(each, FunctionType) and not known.is_library(each.__code__, own)]
    return frozenset(Root(each.__name__, each) for each in users)


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
        bound = isinstance(value, BuiltinFunctionType) and not is_of_library(value)
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
