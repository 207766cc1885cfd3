"""Calls, chunks and what they came to, packed for a worker that does not share memory.

Whatever can't be packed or unpacked costs the item it belongs to and no other: a chunk is taken apart, item
by item, only when that has happened.
"""

from __future__ import annotations

import os
import sys
from contextvars import copy_context
from functools import partial

from .._model.chunk import Call, Chunk
from .._model.current import CPUS, LIMITS
from .._model.interruption import interrupts
from .._model.noun import dataclass, replace
from .._model.outcome import NO_FAULTS, Fault, Returned
from .._transport.boxes import boxed
from .._transport.bundle import in_band, open_bundle
from .._transport.callables import dump_with_function
from .._transport.codec import dump_error, dumps, dumps_ours, load_error, loads, not_sendable
from .._transport.culprit import REFUSED
from .._transport.passage import Landing
from ..errors import WeftError
from .budget import native_limits
from .calls import apply
from .kinship import adopt, kin
from .manners import Manners
from .ops import Op
from .sealed import note_unread, own_frames

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextvars import ContextVar
    from typing import Any, Final, TypeAlias, TypeVar

    from .._transport.channel import Frame
    from .._transport.line import Line
    from .kinship import Kin

    T = TypeVar("T")
    Packed: TypeAlias = bytes | bytearray | memoryview
    Loads: TypeAlias = Callable[[Packed], Any]  # the codec's, or a line's, which knows shared memory


NANO: Final = 1e9  # in a second

# The environment as it was decoded last: as the system has it, what weft had set, and the rest of it as text.
_DECODED: Final[list[Any]] = []

# What this worker's surroundings were made to be last, as it was sent.
_SETTLED: Final[list[bytes]] = []


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """What functions may expect to find as it is in the parent, and how much of the machine is theirs.

    Attributes:
        path: Where to import from; ``None`` where that stays as it is there.
        directory: Where files are; the same, also where it was deleted.
        environment: The environment variables; the same.
        cpus: How many processors each worker has; ``None`` where nobody has counted.
        limits: The environment variables that keep native libraries within that, as far as nobody has set them.
        kin: Who multiprocessing's functions are to find as the parent; ``None`` if it is not loaded.
    """

    path: list[str] | None
    directory: str | None
    environment: dict[str, str] | None
    manners: Manners
    cpus: int | None
    limits: dict[str, str]
    kin: Kin | None

    @classmethod
    def here(cls, cpus: int | None, *, settled: bool = False) -> Surroundings:
        """Those of this process, for workers with so many processors each; *settled* ones have found their place."""
        try:
            directory: str | None = os.getcwd()  # noqa: PTH109  a string is what travels
        except OSError:  # it was deleted
            directory = None
        environment = _environment()
        limits = {} if cpus is None else native_limits(cpus, environment)
        if settled:
            return cls(None, None, None, Manners.here(), cpus, limits, kin())
        return cls(list(map(str, sys.path)), directory, environment, Manners.here(), cpus, limits, kin())

    def apply(self, *, own: bool = True) -> None:
        """Make this process's the same; if it is not this worker's *own*, what is the interpreter's in it."""
        if self.path is not None:
            sys.path[:] = self.path
        if not own:
            os.reload_environ()  # type: ignore[attr-defined,unused-ignore]  # since 3.14, as are such workers
            CPUS[:] = [] if self.cpus is None else [self.cpus]
            self.manners.apply()
            return
        if self.directory is not None and os.path.isdir(self.directory):  # noqa: PTH112
            os.chdir(self.directory)
        here = dict(os.environ)
        environment = self.limits | here if self.environment is None else self.environment | self.limits
        for name in here.keys() - environment.keys():
            del os.environ[name]
        for name, value in environment.items():
            if here.get(name) != value:
                os.environ[name] = value
        CPUS[:] = [] if self.cpus is None else [self.cpus]
        LIMITS.clear()
        LIMITS.update(self.limits)
        self.manners.apply()
        if self.kin is not None:
            adopt(self.kin)


def _environment() -> dict[str, str]:
    """The variables, but for what weft has set: decoded anew only if one has changed, which takes 50 µs."""
    raw = getattr(os.environ, "_data", None)
    if raw is None or _DECODED[:2] != [raw, LIMITS]:
        decoded = {name: value for name, value in os.environ.items() if LIMITS.get(name) != value}
        _DECODED[:] = [None if raw is None else dict(raw), dict(LIMITS), decoded]
    known: dict[str, str] = _DECODED[2]
    return known


def pack_call(
    call: Call,
    cpus: int | None = None,
    apart: Callable[[list[memoryview]], list[Any]] = in_band,
    *,
    rooted: bool = False,
    bare: bool = False,
    settled: bool = False,
) -> bytes:
    """The call and its surroundings, for workers with so many processors each.

    *apart* puts the large buffers that the function carries somewhere, and says where. What is *rooted* shares its
    globals over there with others that are. What is *bare* leaves its surroundings behind, and for *settled* workers
    takes only what they can't have yet.

    Raises:
        NotSendable: The function can't travel, or a context variable's value; it says which part of it can't.
    """
    plain = replace(call, context=None, variables=(), said=None, initializer=None, initargs=())
    try:
        packed, buffers = dump_with_function(plain, call.fn, rooted=rooted)
    except Exception as error:
        if interrupts(error):
            raise
        raise not_sendable(call.fn, f"function {call.label}", error) from error
    surroundings = None if bare else dumps_ours(Surroundings.here(cpus, settled=settled))
    return dumps_ours((surroundings, packed, _pack_variables(call), apart(buffers)))


def _pack_variables(call: Call) -> list[bytes]:
    """Those declared to travel, each with its value at the call; one that has none stays as it is there."""
    if call.context is None:
        return []
    return [_pack_variable(variable, call.context[variable]) for variable in call.variables if variable in call.context]


def _pack_variable(variable: ContextVar[Any], value: object) -> bytes:
    try:
        return dumps((variable, value))
    except Exception as error:
        if interrupts(error):
            raise
        raise not_sendable(value, f"context variable {variable.name!r}", error) from error


def unpack_call(
    data: Packed,
    bundle: int = -1,
    *,
    settle: bool,
    own: bool = True,
    anew: bool = True,
    buffers: Sequence[Any] | None = None,
) -> Call:
    """The call, with what its *bundle* has, or with the *buffers* that were put elsewhere.

    To *settle* is to make this process's surroundings those it came from; *anew* also where they have not changed over
    there, and functions may have changed them here. *own*: whether this process is the worker's own, and not one that
    it has an interpreter in.
    """
    there, packed, variables, spans = loads(data)
    settle = settle and (anew or [there] != _SETTLED)
    if buffers is None:
        buffers = open_bundle(bundle, spans)
    if settle:
        _SETTLED[:] = [there]
        surroundings = loads(there)
        surroundings.apply(own=own)
    call: Call = loads(packed, buffers=buffers)
    if settle:
        surroundings.manners.apply()  # once more, for what came with the function
    context = copy_context()  # what modules set when they were imported holds, as in the parent (decimal, NumPy)
    for variable, value in map(loads, variables):
        context.run(variable.set, value)
    return replace(call, context=context)


def pack_items(chunk: Chunk, dumps: Callable[[object], T]) -> T | None:
    """The chunk's items in one piece, as *dumps* makes it; ``None`` if one of them can't travel."""
    try:
        return dumps(boxed(chunk.items))
    except REFUSED:  # which one it is is found out by packing them one by one
        return None


def pack_alone(chunk: Chunk, dumps: Callable[[object], T]) -> T:
    """A call that is no item of a longer input; its arguments may come out as a list."""
    fn, args, kwargs = chunk.items[0]
    return dumps((fn, boxed(args), kwargs))


def refused_call(chunk: Chunk, error: BaseException) -> Returned:
    """What becomes of such a call that can't travel: it fails where it was made."""
    fn, args, kwargs = chunk.items[0]
    call = partial(fn if callable(fn) else apply, *args, **kwargs)
    refused = not_sendable(call, "the call", error)
    return Returned.failed(chunk.number, "the caller", refused)


def pack_parts(chunk: Chunk) -> bytes:
    """The chunk's items one by one, an error in the place of each that can't travel."""
    return dumps([_pack_part(chunk.first + offset, item) for offset, item in enumerate(chunk.items)])


def _pack_part(index: int, item: object) -> tuple[bytes | None, bytes]:
    try:
        return dumps(item), b""
    except REFUSED as error:  # any refusal is this item's error
        refused = not_sendable(item, f"item {index}", error)
        return None, dump_error(refused, "the caller", None)


def unpack_parts(data: Packed, worker: str, loads_all: Loads) -> tuple[list[Any], Mapping[int, Fault]]:
    """The items that arrived whole, and by offset why the others did not."""
    items: list[Any] = []
    faults: dict[int, Fault] = {}
    for offset, (part, refusal) in enumerate(loads_all(data)):
        try:
            items.append(loads(part) if part is not None else None)
            if part is None:
                faults[offset] = Fault(load_error(refusal), worker)
        except REFUSED as error:  # whatever unpickling raises is this item's error
            items.append(None)
            note_unread(error, "the item")
            faults[offset] = Fault(error, worker)
    return items, faults


def pack_returned(returned: Returned, first: int, dumps: Callable[[object], T], what: str = "") -> T:
    """What a chunk came to, as *dumps* makes it; a value that can't travel becomes its item's error.

    *what*: what such a value is called; by default, which item's result.
    """
    faults: list[tuple[int, bytes]] = []
    if returned.faults:
        faults = [(at, dump_error(f.error, f.worker, own_frames(f.error))) for at, f in returned.faults.items()]
    figures = (returned.seconds, returned.cpu, returned.nbytes)
    when = (returned.began, returned.ended, returned.delay)
    rest = (returned.chunk, returned.worker, *figures, returned.more, *when, returned.first)
    try:
        return dumps((boxed(returned.values), faults, *rest))
    except REFUSED:  # which value it is is found out below
        values = list(returned.values)
        for offset, value in enumerate(values):
            refused = _refusal(value, what or f"result of item {first + offset}")
            if refused is not None:
                values[offset] = None
                faults.append((offset, dump_error(refused, returned.worker, None)))
        return dumps((boxed(values), faults, *rest))


def _refusal(value: object, what: str) -> WeftError | None:
    try:
        dumps(value)
    except REFUSED as error:  # any refusal is this value's
        return not_sendable(value, what, error)
    return None


def unpack_returned(
    data: Packed, loads: Loads = loads, weigh: Callable[[int], tuple[float, float]] | None = None
) -> Returned:
    """What a chunk came to, its errors with their place in the worker as their cause.

    *weigh* knows better what each of so many items and each result weighs on its way.
    """
    values, packed, chunk, worker, seconds, cpu, nbytes, more, began, ended, delay, first = loads(data)
    faults = {offset: Fault(load_error(error), worker) for offset, error in packed} if packed else NO_FAULTS
    one_way = 0.0
    if weigh is not None:
        ways = weigh(len(values))
        nbytes, one_way = max(nbytes, sum(ways)), max(ways)
    return Returned(chunk, values, worker, seconds, faults, cpu, nbytes, more, began, ended, delay, first, one_way)


def read_answer(frame: Frame, line: Line, worker: str, sent: float = 0.0) -> Returned:
    """What came over a *line* in answer to a chunk; *sent* is what each of its items weighed on its way there."""
    if frame.fd >= 0:
        with Landing(frame.fd):
            return read_answer(frame._replace(fd=-1), line, worker, sent)
    if frame.op == Op.VALUE:
        return Returned(frame.chunk, line.loads(frame.body), worker, frame.first / NANO)
    return unpack_returned(frame.body, line.loads, lambda count: (sent, line.carried / max(1, count)))
