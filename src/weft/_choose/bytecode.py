"""A function's bytecode, followed without running it: what every step would have on the stack, by origin.

It knows the steps that move values and treats all others by what :func:`dis.stack_effect` says of them, so that it
reads 3.11 to 3.14 alike, and what it does not know of a later version costs precision and not more.
"""

from __future__ import annotations

from types import CodeType

from .origins import NOTHING, NULL, Cell, Made, Site
from .steps import STEPS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dis import Instruction
    from typing import Any, Final, TypeAlias

    from .origins import Value
    from .search import Search

    Stack: TypeAlias = list[Value]

_ENDS: Final = {"RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE", "INTERPRETER_EXIT"}
_ALWAYS: Final = {"JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT", "JUMP_ABSOLUTE"}
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
        take = STEPS.get(name)
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
