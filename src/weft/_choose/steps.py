"""What each step of the bytecode does to the stack and the variables, as far as it moves values."""

from __future__ import annotations

from types import CodeType

from .origins import NOTHING, NULL, Made, Root, Site

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from dis import Instruction
    from typing import Final, TypeAlias

    from .bytecode import Reading
    from .origins import Value

    Step: TypeAlias = Callable[["Reading", Instruction], "Value | None"]

_CONSTANTS: Final = {"LOAD_CONST", "LOAD_SMALL_INT", "LOAD_CONST_IMMORTAL", "LOAD_CONST_MORTAL"}


def _nothing(reading: Reading, step: Instruction) -> None:
    return None


def _pop(count: int) -> Step:
    def take(reading: Reading, step: Instruction) -> None:
        reading.pop(count)

    return take


def _push(value: Value) -> Step:
    return lambda reading, step: value


def _load(reading: Reading, step: Instruction) -> Value:
    return reading.load(step.argval)


def _load_and_clear(reading: Reading, step: Instruction) -> Value:
    return reading.variables.pop(step.argval, NOTHING)


def _load_two(reading: Reading, step: Instruction) -> Value:
    first, second = step.argval
    reading.stack.append(reading.load(first))
    return reading.load(second)


def _store(reading: Reading, step: Instruction) -> None:
    reading.store(step.argval, reading.top())


def _store_and_load(reading: Reading, step: Instruction) -> Value:
    stored, loaded = step.argval
    reading.store(stored, reading.top())
    return reading.load(loaded)


def _store_two(reading: Reading, step: Instruction) -> None:
    for name in step.argval:
        reading.store(name, reading.top())


def _load_global(reading: Reading, step: Instruction) -> Value:
    value = reading.global_(step.argval)
    if step.arg is not None and step.arg & 1:
        if reading.search.null_first:
            reading.stack.append(NULL)
            return value
        reading.stack.append(value)
        return NULL
    return value


def _load_name(reading: Reading, step: Instruction) -> Value:
    if step.opname in {"LOAD_FROM_DICT_OR_GLOBALS", "LOAD_FROM_DICT_OR_DEREF"}:
        reading.top()
    name = step.argval
    return reading.load(name) if name in reading.variables or name in reading.cells else reading.global_(name)


def _store_global(reading: Reading, step: Instruction) -> None:
    reading.top()
    if not reading.listing.guards(step.argval, step.offset) or not _is_set(reading.space.get(step.argval)):
        reading.search.change(f"it assigns to the global {step.argval!r}")


def _is_set(value: object) -> bool:
    """Whether what was ``None`` or empty before the first items ran is that no more: then it stays as it is."""
    plain = type(value) in {bool, int, float, str, bytes, list, dict, set, tuple}
    return bool(value) if plain else value is not None


def _delete_global(reading: Reading, step: Instruction) -> None:
    reading.search.change(f"it deletes the global {step.argval!r}")


def _store_cell(reading: Reading, step: Instruction) -> None:
    value = reading.top() if step.opname == "STORE_DEREF" else NOTHING
    cell = reading.cells.get(step.argval)
    if cell is not None and cell.real:
        settled = reading.listing.guards(step.argval, step.offset) and bool(cell.value)
        if not settled:
            reading.search.change(f"it assigns to {step.argval!r} of the function around it")
    elif cell is not None:
        cell.value |= value


def _make_cell(reading: Reading, step: Instruction) -> None:
    cell = reading.cells.get(step.argval)
    if cell is not None:
        cell.value |= reading.variables.get(step.argval, NOTHING)


def _make_function(reading: Reading, step: Instruction) -> Value:
    reading.top()
    code = reading.before(step)
    flags = step.arg or 0 if reading.search.null_first else 0
    extras = reading.pop((flags & 0xF).bit_count())
    if not isinstance(code, CodeType):
        return NOTHING
    made = next((known for known in reading.made if known.code is code), None)
    if made is None:
        made = Made(
            code, reading.space, {name: reading.cells[name] for name in code.co_freevars if name in reading.cells}
        )
        reading.made.append(made)
    if flags & 0x3:
        made.defaults = made.defaults.union(*extras, *map(reading.search.parts, extras))
    return frozenset([made])


def _set_function_attribute(reading: Reading, step: Instruction) -> Value:
    extra, function = reading.pop(2)
    if (step.arg or 0) & 0x3:
        for atom in function:
            if isinstance(atom, Made):
                atom.defaults |= extra | reading.search.parts(extra)
    return function


def _load_attribute(reading: Reading, step: Instruction) -> Value:
    found = reading.search.attribute_of(reading.top(), step.argval, reading)
    if step.opname == "LOAD_METHOD" or (reading.search.attr_has_bit and step.arg is not None and step.arg & 1):
        if reading.search.null_first:
            reading.stack.append(NULL)
            return found
        reading.stack.append(found)
        return NULL
    return found


def _load_super(reading: Reading, step: Instruction) -> Value:
    _, klass, receiver = reading.pop(3)
    found = reading.search.attribute_of(reading.search.parents(receiver, klass), step.argval, reading)
    if step.arg is not None and step.arg & 1:
        reading.stack += [NULL, found] if reading.search.null_first else [found, NULL]
        return reading.stack.pop()
    return found


def _load_special(reading: Reading, step: Instruction) -> Value:
    owner = reading.top()
    name = ("__enter__", "__exit__", "__aenter__", "__aexit__")[(step.arg or 0) & 3]
    reading.stack.append(reading.search.attribute_of(owner, name, reading))
    return NULL


def _store_attribute(reading: Reading, step: Instruction) -> None:
    value, owner = reading.pop(2)
    reading.search.assign(owner, step.argval, value, "it assigns to an attribute of")


def _delete_attribute(reading: Reading, step: Instruction) -> None:
    reading.search.assign(reading.top(), step.argval, NOTHING, "it deletes an attribute of")


def _store_item(reading: Reading, step: Instruction) -> None:
    value, owner, *_ = reading.pop(4 if step.opname == "STORE_SLICE" else 3)
    before = reading.listing.steps[reading.listing.at[step.offset] - 1]
    augmented = before.opname == "SWAP"  # as `x[k] += 1` ends: what was there was read before
    reading.search.assign(owner, None, value, "it assigns to an item of", dunder="__setitem__", alone=augmented)


def _delete_item(reading: Reading, step: Instruction) -> None:
    owner, _ = reading.pop(2)
    reading.search.assign(owner, None, NOTHING, "it deletes an item of", dunder="__delitem__")


def _item(reading: Reading, step: Instruction) -> Value:
    owner, *keys = reading.pop(3 if step.opname == "BINARY_SLICE" else 2)
    before = reading.listing.steps[reading.listing.at[step.offset] - 1]
    sliced = step.opname == "BINARY_SLICE" or before.opname == "BUILD_SLICE" or isinstance(before.argval, slice)
    if sliced:
        return reading.search.slice_of(owner, reading.site(step, reading.search.parts(owner)))
    constant = before.opname in _CONSTANTS and isinstance(before.argval, str | int)
    return reading.search.item_of(owner, keys[0], reading, *([before.argval] if constant else []))


def _operate(reading: Reading, step: Instruction) -> Value | None:
    sign = step.argrepr
    if sign.startswith("["):
        return _item(reading, step)
    one, other = reading.pop(2)
    if sign.endswith("=") and reading.search.changes_in_place(one, sign):
        return one
    for atom in one:
        if isinstance(atom, Site) and sign.endswith("="):
            reading.search.put(atom, None, reading.search.parts(other))
    reading.search.dunders(one | other, ("__add__", "__radd__", "__sub__", "__mul__", "__truediv__", "__or__"), reading)
    if not one and not other:
        return NOTHING
    return reading.site(step, reading.search.parts(one) | reading.search.parts(other)) | {
        atom for atom in one if isinstance(atom, Site) and sign.endswith("=")
    }


def _compare(reading: Reading, step: Instruction) -> Value:
    one, other = reading.pop(2)
    if step.opname == "CONTAINS_OP":
        reading.search.dunders(other, ("__contains__", "__iter__"), reading)
    elif step.opname == "COMPARE_OP":
        reading.search.dunders(one | other, ("__eq__", "__lt__", "__gt__", "__le__", "__ge__", "__ne__"), reading)
    return NOTHING


def _build(reading: Reading, step: Instruction) -> Value:
    count = (step.arg or 0) * (2 if step.opname == "BUILD_MAP" else 1) + (step.opname == "BUILD_CONST_KEY_MAP")
    parts = reading.pop(count)
    return reading.site(step, NOTHING.union(*parts))


def _build_text(reading: Reading, step: Instruction) -> Value:
    reading.pop(step.arg or 0)
    return NOTHING


def _put_in(reading: Reading, step: Instruction) -> None:
    count = 2 if step.opname == "MAP_ADD" else 1
    values = reading.pop(count)
    whole = step.opname in {"LIST_EXTEND", "SET_UPDATE", "DICT_UPDATE", "DICT_MERGE"}
    put = NOTHING.union(*(reading.search.parts(value) if whole else value for value in values))
    below = reading.stack[-(step.arg or 1)] if len(reading.stack) >= (step.arg or 1) else NOTHING
    for atom in below:
        if isinstance(atom, Site):
            reading.search.put(atom, None, put)


def _iterate(reading: Reading, step: Instruction) -> Value:
    return reading.search.iterate(reading.top(), (reading.code, step.offset), reading)


def _next(reading: Reading, step: Instruction) -> Value:
    return reading.search.parts(reading.stack[-1] if reading.stack else NOTHING)


def _unpack(reading: Reading, step: Instruction) -> None:
    count = step.arg or 0
    count = (count & 0xFF) + (count >> 8) + 1 if step.opname == "UNPACK_EX" else count
    reading.stack += [reading.search.parts(reading.top())] * count


def _return(reading: Reading, step: Instruction) -> None:
    reading.returns |= reading.top()


def _yield(reading: Reading, step: Instruction) -> Value:
    reading.yields |= reading.top()
    return NOTHING


def _with(reading: Reading, step: Instruction) -> Value:
    owner = reading.top()
    entered = NOTHING
    for name in ("__enter__", "__exit__", "__aenter__", "__aexit__"):
        method = frozenset(
            atom for atom in reading.search.attribute_of(owner, name, reading) if getattr(atom, "fn", None) is not None
        )
        got = reading.search.call(method, [], {}, (reading.code, step.offset), reading)
        entered |= got if name.endswith("enter__") else NOTHING
    reading.stack.append(NOTHING)
    return entered | owner


def _import(reading: Reading, step: Instruction) -> Value:
    reading.pop(2)
    return reading.search.imported(step.argval)


def _import_from(reading: Reading, step: Instruction) -> Value:
    return reading.search.attribute_of(reading.stack[-1] if reading.stack else NOTHING, step.argval, reading)


def _swap(reading: Reading, step: Instruction) -> None:
    at = step.arg or 1
    if len(reading.stack) >= at:
        reading.stack[-1], reading.stack[-at] = reading.stack[-at], reading.stack[-1]


def _copy(reading: Reading, step: Instruction) -> Value:
    at = step.arg or 1
    return reading.stack[-at] if len(reading.stack) >= at else NOTHING


def _name_arguments(reading: Reading, step: Instruction) -> None:
    argval = step.argval
    reading.named = argval if isinstance(argval, tuple) else reading.code.co_consts[step.arg or 0]


def _call(reading: Reading, step: Instruction) -> Value:
    named, reading.named = reading.named, ()
    if step.opname == "CALL_KW":
        reading.top()
        named = reading.before(step)
    return reading.call(reading.pop(step.arg or 0), named, step)


def _call_spread(reading: Reading, step: Instruction) -> Value:
    search = reading.search
    given = [search.parts(reading.top())] if (step.arg or 0) & 1 or search.always_named else []
    given.append(search.parts(reading.top()))
    return reading.call(given, (), step, spread=True)


def _build_class(reading: Reading, step: Instruction) -> Value:
    return frozenset([Root("builtins", __build_class__, trusted=True)])


STEPS: Final[dict[str, Step]] = {
    **dict.fromkeys(("NOP", "RESUME", "PRECALL", "COPY_FREE_VARS", "EXTENDED_ARG", "NOT_TAKEN", "TO_BOOL"), _nothing),
    **dict.fromkeys(("SETUP_ANNOTATIONS", "GEN_START", "CHECK_EXC_MATCH", "DELETE_FAST", "DELETE_NAME"), _nothing),
    **dict.fromkeys(("POP_TOP", "END_FOR", "POP_ITER", "POP_EXCEPT"), _pop(1)),
    **dict.fromkeys(("LOAD_CONST", "LOAD_SMALL_INT", "LOAD_COMMON_CONSTANT"), _push(NOTHING)),
    **dict.fromkeys(("LOAD_CONST_IMMORTAL", "LOAD_CONST_MORTAL"), _push(NOTHING)),
    **dict.fromkeys(("LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_FAST_BORROW", "LOAD_DEREF", "LOAD_CLOSURE"), _load),
    **dict.fromkeys(("LOAD_FAST_LOAD_FAST", "LOAD_FAST_BORROW_LOAD_FAST_BORROW"), _load_two),
    **dict.fromkeys(("STORE_DEREF", "DELETE_DEREF"), _store_cell),
    **dict.fromkeys(
        ("LOAD_NAME", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_GLOBALS", "LOAD_FROM_DICT_OR_DEREF"), _load_name
    ),
    **dict.fromkeys(("LOAD_ATTR", "LOAD_METHOD"), _load_attribute),
    **dict.fromkeys(("STORE_SUBSCR", "STORE_SLICE"), _store_item),
    **dict.fromkeys(("BINARY_SUBSCR", "BINARY_SLICE"), _item),
    **dict.fromkeys(("COMPARE_OP", "CONTAINS_OP", "IS_OP"), _compare),
    **dict.fromkeys(("BUILD_LIST", "BUILD_TUPLE", "BUILD_SET", "BUILD_MAP", "BUILD_CONST_KEY_MAP"), _build),
    **dict.fromkeys(("BUILD_STRING", "BUILD_SLICE"), _build_text),
    **dict.fromkeys(("LIST_APPEND", "SET_ADD", "MAP_ADD"), _put_in),
    **dict.fromkeys(("LIST_EXTEND", "SET_UPDATE", "DICT_UPDATE", "DICT_MERGE"), _put_in),
    **dict.fromkeys(("GET_ITER", "GET_YIELD_FROM_ITER", "GET_AITER"), _iterate),
    **dict.fromkeys(("UNPACK_SEQUENCE", "UNPACK_EX"), _unpack),
    **dict.fromkeys(("BEFORE_WITH", "BEFORE_ASYNC_WITH"), _with),
    **dict.fromkeys(("CALL", "CALL_KW"), _call),
    "PUSH_NULL": _push(NULL),
    "LOAD_FAST_AND_CLEAR": _load_and_clear,
    "STORE_FAST": _store,
    "STORE_NAME": _store,
    "STORE_FAST_LOAD_FAST": _store_and_load,
    "STORE_FAST_STORE_FAST": _store_two,
    "LOAD_GLOBAL": _load_global,
    "STORE_GLOBAL": _store_global,
    "DELETE_GLOBAL": _delete_global,
    "MAKE_CELL": _make_cell,
    "MAKE_FUNCTION": _make_function,
    "SET_FUNCTION_ATTRIBUTE": _set_function_attribute,
    "LOAD_SUPER_ATTR": _load_super,
    "LOAD_SPECIAL": _load_special,
    "LOAD_BUILD_CLASS": _build_class,
    "STORE_ATTR": _store_attribute,
    "DELETE_ATTR": _delete_attribute,
    "DELETE_SUBSCR": _delete_item,
    "BINARY_OP": _operate,
    "FOR_ITER": _next,
    "RETURN_VALUE": _return,
    "YIELD_VALUE": _yield,
    "IMPORT_NAME": _import,
    "IMPORT_FROM": _import_from,
    "SWAP": _swap,
    "COPY": _copy,
    "KW_NAMES": _name_arguments,
    "CALL_FUNCTION_EX": _call_spread,
}
