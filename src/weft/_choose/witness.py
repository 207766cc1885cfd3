"""What a function can reach, before and after its first items: whether it is still the same.

What reading its code misses shows here: what C code changes, or code that is found only when it runs. It is bounded,
so that a run that is over at once does not pay for it: so many objects are looked at, of a large container its
size and both its ends.
"""

from __future__ import annotations

from functools import partial
from itertools import islice
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType

from .known import CONSTANTS, HARMLESS, is_constant, is_library, is_stream, is_users, name_of_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, Final, TypeAlias

    Look: TypeAlias = "Callable[[], object]"

# bench/choose/price.py: both looks take 19 µs in the middle, and 60 to 75 where so many objects are looked at.
MOST: Final = 300  # objects, all together
EACH: Final = 16  # objects at each end of a container
DEEPEST: Final = 4
FUNCTIONS: Final = 24  # functions whose globals count
_ABSENT: Final = object()


class Witness:
    """A look at what *fn* can reach, taken before it is called.

    Args:
        fn: The function.
        item: The first item, which it may change too.
    """

    def __init__(self, fn: Callable[..., Any], item: object = None) -> None:
        self._places: list[tuple[str, Look]] = [("its first item", lambda: item), *_places(fn)]
        self._before = self._look()

    def changed(self) -> str | None:
        """What is no longer what it was, as the end of a sentence; ``None`` if nothing is seen."""
        for (name, look), before, after in zip(self._places, self._before, self._look(), strict=True):
            made = before == _NOTHING_YET and look() is not None and "default" not in name
            if before != after and not made:
                return f"the first items changed {name}, which those in another process would not"
        return None

    def _look(self) -> list[int]:
        left = [MOST]
        return [_print(look(), 0, left, set()) for _, look in self._places]


# ── what it can reach ─────────────────────────────────────────────────────────────────────────────────────


def _places(fn: Any) -> Iterator[tuple[str, Look]]:
    own = (getattr(fn, "__module__", None) or "").partition(".")[0]
    waiting: list[Any] = [fn]
    seen: set[int] = set()
    named: set[str] = set()
    while waiting and len(seen) < FUNCTIONS:
        each = waiting.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, partial):
            yield from ((f"what a partial of it holds ({type(part).__name__})", _same(part)) for part in each.args)
            yield from ((f"{name!r} of a partial of it", _same(part)) for name, part in each.keywords.items())
            waiting.append(each.func)
        elif isinstance(each, MethodType):
            yield f"the {type(each.__self__).__name__} that it is a method of", _same(each.__self__)
            waiting.append(each.__func__)
        elif isinstance(each, BuiltinFunctionType) and not isinstance(each.__self__, ModuleType | type(None)):
            yield f"the {type(each.__self__).__name__} that it is a method of", _same(each.__self__)
        elif isinstance(each, FunctionType):
            for place in _places_of_function(each, own, waiting):
                if place[0] not in named:
                    named.add(place[0])
                    yield place
        elif isinstance(each, type):
            waiting += [part for part in vars(each).values() if isinstance(part, FunctionType)]
        elif not isinstance(each, CONSTANTS):
            yield f"the {type(each).__name__} object that it is", _same(each)
            waiting.append(vars(type(each)).get("__call__"))


def _places_of_function(fn: FunctionType, own: str, waiting: list[Any]) -> Iterator[tuple[str, Look]]:
    space = fn.__globals__
    if is_library(fn.__code__, own):  # its own affairs; but it may be a decorator's
        inside = map(_content, fn.__closure__ or ())
        waiting += [value for value in inside if isinstance(value, FunctionType)]
        return
    for name, cell in zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=False):
        value = _content(cell)
        if isinstance(value, FunctionType | type | MethodType):
            waiting.append(value)
        yield f"{name!r} of the function around it", partial(_content, cell)
    for value in (*(fn.__defaults__ or ()), *(fn.__kwdefaults__ or {}).values()):
        if not isinstance(value, CONSTANTS):
            yield "a default of its arguments", _same(value)
    if fn.__dict__:
        yield "its own attributes", _same(fn.__dict__)
    for name in _names(fn.__code__):
        if name not in space:
            continue
        value = space[name]
        if isinstance(value, FunctionType) and value.__globals__ is not space and not is_users(value.__module__, own):
            continue
        if isinstance(value, FunctionType):
            waiting.append(value)
            yield f"the attributes of {name}()", _same(value.__dict__)
        elif isinstance(value, type):
            if is_users(value.__module__, own):
                waiting.append(value)
                yield f"the class {name!r}", partial(_data_of, value)
        elif isinstance(value, ModuleType):
            if is_users(value.__name__, own):
                yield f"the module {name!r}", partial(_data_of, value)
        else:
            yield f"the global {name!r}", partial(space.get, name)


def _names(code: CodeType) -> Iterator[str]:
    codes = [code]
    for each in codes:
        yield from each.co_names
        codes += [const for const in each.co_consts if isinstance(const, CodeType)]


def _same(value: object) -> Look:
    return lambda: value


def _content(cell: Any) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # it is empty
        return None


def _data_of(owner: Any) -> dict[str, object]:
    """What a class or a module holds that is neither code nor its own business."""
    return {
        name: value
        for name, value in list(vars(owner).items())
        if not name.startswith("__") and not isinstance(value, _CODE) and type(value).__name__ not in _SLOTS
    }


_CODE: Final = (FunctionType, BuiltinFunctionType, ModuleType, type, staticmethod, classmethod, property)
_SLOTS: Final = {"member_descriptor", "getset_descriptor", "cached_property", "_lru_cache_wrapper"}


# ── whether it is the same ────────────────────────────────────────────────────────────────────────────────


def _print(value: Any, depth: int, left: list[int], seen: set[int]) -> int:
    """A number that is another one when the value has changed, as far as is looked."""
    kind = type(value)
    if kind in _HASHED:
        return hash((kind, value))
    if kind in _LONG:
        return hash((kind, len(value), value[:64], value[-64:]))
    left[0] -= 1
    if depth >= DEEPEST or left[0] < 0 or id(value) in seen:
        return hash((kind, _size(value)))
    seen.add(id(value))
    parts = (_print(part, depth + 1, left, seen) for part in _parts(value, kind))
    if kind in {set, frozenset}:
        return hash((kind, len(value), frozenset(parts)))
    return hash((kind, _size(value), tuple(parts)))


def _size(value: Any) -> object:
    kind = type(value)
    if kind in _SIZED:
        return len(value)
    if kind.__module__ == "_io" and kind.__name__ in {"StringIO", "BytesIO"} and not value.closed:
        return value.tell()
    if kind.__module__ == "numpy" and kind.__name__ == "ndarray":
        return value.shape, value.strides
    return id(value)


def _parts(value: Any, kind: type) -> Iterable[object]:
    if kind in {list, tuple} or kind.__name__ == "deque":
        count = len(value)
        return [*islice(value, EACH), *(value[at] for at in range(max(EACH, count - EACH), count))]
    if kind in {set, frozenset}:
        return list(islice(value, 2 * EACH))
    if isinstance(value, dict):
        ends = [*islice(dict.items(value), EACH), *islice(reversed(dict.items(value)), EACH)]
        return [part for pair in ends for part in pair]
    if kind is bytearray:
        return [bytes(value[:64]), bytes(value[-64:])]
    if kind.__module__ == "numpy" and kind.__name__ == "ndarray":
        return [_sample_of_array(value)]
    if isinstance(value, type | ModuleType | FunctionType) or is_stream(value) or name_of_type(value) in HARMLESS:
        return ()
    return () if is_constant(value) else _fields(value)


def _sample_of_array(value: Any) -> bytes:
    if value.dtype.hasobject or not value.size:
        return b""
    step = max(1, value.size // 64)
    data: bytes = value.flat[::step][:65].tobytes() + value.flat[-1:].tobytes()
    return data


def _fields(value: Any) -> list[object]:
    """What an object keeps of its own, without running its code; what a library's keeps to itself are its caches."""
    found: list[object] = []
    private = is_users(type(value).__module__, "")
    try:
        inside = object.__getattribute__(value, "__dict__")
        if type(inside) is dict:
            named = ((name, part) for name, part in inside.items() if private or not str(name).startswith("_"))
            found += [part for pair in islice(named, 2 * EACH) for part in pair]
    except AttributeError:
        pass
    for base in type(value).__mro__:
        for name, slot in islice(base.__dict__.items(), 64):
            told = private or not name.startswith("_")
            if told and type(slot).__name__ == "member_descriptor" and base.__module__ != "builtins":
                try:
                    found.append(slot.__get__(value))
                except Exception:  # noqa: BLE001  a slot that is empty
                    continue
    if isinstance(value, list | tuple):
        found += islice(value, 2 * EACH)
    return found


_HASHED: Final = {int, float, bool, complex, type(None)}
_LONG: Final = {str, bytes}
_SIZED: Final = {list, dict, tuple, set, frozenset, bytearray}
# Of a place that held nothing before: something that is made when first needed is there now, and stays.
_NOTHING_YET: Final = hash((type(None), None))
