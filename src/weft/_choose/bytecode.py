"""A function's bytecode, followed without running it: what every step would have on the stack, by origin.

It knows the steps that move values and treats all others by what :func:`dis.stack_effect` says of them, so that it
reads 3.11 to 3.14 alike, and what it does not know of a later version costs precision and not more.
"""

from __future__ import annotations

from types import CodeType

from .origins import NOTHING, Cell, Made, Root, Site

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from dis import Instruction
    from typing import Any, Final, TypeAlias

    from .origins import Value
    from .search import Search

    Stack: TypeAlias = list[Value]
    Step: TypeAlias = Callable[["Reading", Instruction], "Value | None"]

NULL: Final[Value] = frozenset([Root("", None)])  # what calls have on the stack where there is no `self`
_ENDS: Final = {"RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE", "INTERPRETER_EXIT"}
_ALWAYS: Final = {"JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT", "JUMP_ABSOLUTE"}
_CONSTANTS: Final = {"LOAD_CONST", "LOAD_SMALL_INT", "LOAD_CONST_IMMORTAL", "LOAD_CONST_MORTAL"}
# `if X is None:` and `if not X:` go past what follows by one of these.
_SKIPS: Final = {
    "POP_JUMP_FORWARD_IF_NOT_NONE", "POP_JUMP_IF_NOT_NONE", "POP_JUMP_FORWARD_IF_TRUE", "POP_JUMP_IF_TRUE",
}  # fmt: skip
_BY_HAND: Final = {"PRECALL", "CALL", "CALL_KW", "CALL_FUNCTION_EX", "LOAD_METHOD", "LOAD_SUPER_ATTR"}


class Listing:
    """The steps of a code object, made once."""

    def __init__(self, code: CodeType) -> None:
        import dis

        steps = [step for step in dis.get_instructions(code) if step.opname != "CACHE"]
        self.steps = steps
        self.at = {step.offset: place for place, step in enumerate(steps)}
        targets = set(dis.hasjrel) | set(dis.hasjabs)
        self.jumps = {step.offset: int(step.argval) for step in steps if step.opcode in targets}
        self.handlers = [(e.start, e.end, e.target, e.depth) for e in dis.Bytecode(code).exception_entries]  # type: ignore[attr-defined]
        self.guarded = list(self._guards())
        self.effect = dis.stack_effect

    def _guards(self) -> Any:
        """Where a name is known to be ``None`` or false: the name, from where, to where."""
        for place, step in enumerate(self.steps[:-1]):
            if step.opname not in {"LOAD_GLOBAL", "LOAD_DEREF"}:
                continue
            after = (later for later in self.steps[place + 1 :] if later.opname not in {"TO_BOOL", "NOT_TAKEN"})
            jump = next(after, step)
            if jump.opname not in _SKIPS:
                continue
            end = self.jumps.get(jump.offset, 0)
            if end > jump.offset and not self._entered(jump.offset, end):
                yield step.argval, jump.offset, end

    def _entered(self, start: int, end: int) -> bool:
        """Whether something from outside jumps in between."""
        return any(start < target < end and not start <= origin < end for origin, target in self.jumps.items())

    def guards(self, name: str, offset: int) -> bool:
        """Whether the step at *offset* is only come to where *name* is ``None`` or false."""
        return any(known == name and start < offset < end for known, start, end in self.guarded)


class Reading:
    """One way through a function: its variables and what is on its stack.

    Args:
        search: Who is told what happens, and says what comes of it.
        code: The function's code.
        space: Its globals.
        cells: Its closure, by name.
        given: Its arguments, by name.
    """

    def __init__(
        self, search: Search, code: CodeType, space: dict[str, Any], cells: dict[str, Cell], given: dict[str, Value]
    ) -> None:
        self.search, self.code, self.space = search, code, space
        self.cells = {**{name: Cell() for name in code.co_cellvars}, **cells}
        self.given = given
        self.made: list[Made] = []
        self.yields: Value = NOTHING
        self.returns: Value = NOTHING
        self.listing = search.listing(code)
        self.named: tuple[str, ...] = ()  # of the call that comes, in 3.11 and 3.12
        self.stack: Stack = []
        self.variables: dict[str, Value] = {}

    def run(self) -> Value:
        """Follow every path until nothing new is learned; what the function returns."""
        listing = self.listing
        states: dict[int, tuple[Stack, dict[str, Value]]] = {0: ([], dict(self.given))}
        waiting = [0]
        while waiting:
            place = waiting.pop()
            stack, variables = states[place]
            self.stack, self.variables = list(stack), dict(variables)
            while True:
                step = listing.steps[place]
                self._enter_handlers(step, states, waiting)
                self.search.step(self.code, step)
                height = len(self.stack)
                self._take(step)
                jump = listing.jumps.get(step.offset)
                if jump in listing.at:
                    kept = list(self.stack)
                    self._level(step, height, jump=True)
                    self._meet(listing.at[jump], states, waiting, self.stack)
                    self.stack = kept
                self._level(step, height, jump=False)
                place += 1
                if step.opname in _ENDS or step.opname in _ALWAYS or place >= len(listing.steps):
                    break
                if place in states:
                    self._meet(place, states, waiting, self.stack)
                    break
        return self._result()

    def _result(self) -> Value:
        for made in self.made:
            self.search.run_if_never_run(made)
        if not self.yields and not self.code.co_flags & 0x20:
            return self.returns
        site = Site(("yields", self.code))
        self.search.put(site, None, self.yields)
        return self.returns | {site}

    def _enter_handlers(self, step: Instruction, states: Any, waiting: list[int]) -> None:
        for start, end, target, depth in self.listing.handlers:
            if start <= step.offset < end and target in self.listing.at:
                stack = [*self.stack[:depth], *[NOTHING] * max(0, depth - len(self.stack)), NOTHING, NOTHING]
                self._meet(self.listing.at[target], states, waiting, stack)

    def _meet(self, place: int, states: Any, waiting: list[int], stack: Stack) -> None:
        """Come to a step that may be come to from elsewhere; go on from there if that teaches anything."""
        known = states.get(place)
        if known is None:
            states[place] = (list(stack), dict(self.variables))
            waiting.append(place)
            return
        old, variables = known
        size = max(len(old), len(stack))
        pairs = zip(_padded(old, size), _padded(stack, size), strict=True)
        more = [one if one >= other else one | other for one, other in pairs]
        grown = more != old
        for name, value in self.variables.items():
            before = variables.get(name)
            if before is None or not before >= value:
                variables[name] = value if before is None else before | value
                grown = True
        if grown:
            states[place] = (more, variables)
            if place not in waiting:
                waiting.append(place)

    def _level(self, step: Instruction, height: int, *, jump: bool) -> None:
        """Make the stack as high as the interpreter would have it."""
        if step.opname in _BY_HAND:
            return
        arg = None if step.arg is None else step.arg
        try:
            wanted = height + self.listing.effect(step.opcode, arg, jump=jump)
        except ValueError:
            return
        wanted = max(0, wanted)
        del self.stack[wanted:]
        self.stack += [NOTHING] * (wanted - len(self.stack))

    # ── the steps ─────────────────────────────────────────────────────────────────────────────────────────

    def _take(self, step: Instruction) -> None:
        name = step.opname
        take = _STEPS.get(name)
        if take is None:
            self._take_unknown(step)
            return
        pushed = take(self, step)
        if pushed is not None:
            self.stack.append(pushed)

    def _take_unknown(self, step: Instruction) -> None:
        """What is on top may be what was there, or a part of it."""
        effect = self.listing.effect(step.opcode, step.arg, jump=False)
        if effect > 0:
            self.stack += [NOTHING] * effect
        elif effect < 0:
            gone = self.pop(-effect)
            if self.stack:
                self.stack[-1] = self.stack[-1].union(*gone)

    def pop(self, count: int) -> list[Value]:
        """Take so many from the stack, the lowest first."""
        if count == 0:
            return []
        taken = self.stack[-count:]
        del self.stack[-count:]
        return [*[NOTHING] * (count - len(taken)), *taken]

    def top(self) -> Value:
        """Take one."""
        return self.stack.pop() if self.stack else NOTHING

    def before(self, step: Instruction) -> Any:
        """The constant that the step before this one loads."""
        return self.listing.steps[self.listing.at[step.offset] - 1].argval

    def load(self, name: str) -> Value:
        """A variable's value."""
        if name in self.cells:
            return self.cells[name].value
        return self.variables.get(name, NOTHING)

    def store(self, name: str, value: Value) -> None:
        """Bind a variable, which may be one of the function around this one."""
        if name in self.cells:
            self.cells[name].value |= value
        else:
            self.variables[name] = value

    def site(self, step: Instruction, parts: Value = NOTHING) -> Value:
        """A new object that this step makes, of these parts."""
        made = Site((self.code, step.offset))
        self.search.put(made, None, parts)
        return frozenset([made])

    def global_(self, name: str) -> Value:
        """What a global name stands for."""
        return self.search.global_(self.space, name)

    def call(self, arguments: list[Value], named: tuple[str, ...], step: Instruction, *, spread: bool = False) -> Value:
        """Call what is on the stack below the arguments."""
        callee, first = self.pop(2)
        if NULL in {callee, first}:
            callee = first if callee == NULL else callee
        else:  # a function and its first argument, as comprehensions are called
            arguments = [first, *arguments]
        cut = len(arguments) - len(named)
        kwargs = dict(zip(named, arguments[cut:], strict=True))
        here = (self.code, step.offset)
        return self.search.call(callee, arguments[:cut], kwargs, here, self, spread=spread)


def _padded(stack: Stack, size: int) -> Stack:
    return [*stack, *[NOTHING] * (size - len(stack))]


# ── what each step does ───────────────────────────────────────────────────────────────────────────────────


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
    reading.search.assign(owner, None, value, "it assigns to an item of", dunder="__setitem__")


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


_STEPS: Final[dict[str, Step]] = {
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
