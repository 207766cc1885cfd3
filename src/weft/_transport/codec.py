"""Values to bytes and back: the one place where values are pickled.

Plain pickle where it will do, cloudpickle where it won't: for functions and classes that the other side can't
import (lambdas, closures, whatever was defined in ``__main__`` or a notebook).
"""

from __future__ import annotations

import _pickle as pickle  # the whole of it but what is written in Python, which takes 3 ms to import
import gc
from _pickle import PickleBuffer
from functools import cache

from .._model.copies import at_fork
from ..errors import LimitReached, NotSendable, WeftError, WorkerTraceback
from .culprit import REFUSED, find_culprit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, ClassVar, Final

PROTOCOL: Final = 5

# What has at least so many bytes travels apart from the pickle that it is part of. bench/process/data.py
APART: Final = 64 * 1024  # bytes

# What plain pickle calls the script or notebook; the other side has another module of that name.
_MAIN: Final = b"__main__"

# From so many bytes on a value is read without a garbage collection in its midst. All of it is alive, and for every 700
# objects there would be a collection, some of which look at all that was read before. bench/process/data.py, records.
LARGE: Final = 16 * 1024  # bytes
_THRESHOLDS: Final[list[tuple[int, int, int]]] = []  # as they were, for each value that is being read so

# How values are pickled that may lie in shared memory, by their type; filled as soon as some do. What lies there is
# sent as its place.
PLACED: Final[dict[type[Any], Any]] = {}


def loads(data: bytes | bytearray | memoryview, *, buffers: Iterable[Any] | None = None) -> Any:
    """The value again.

    Raises whatever unpickling raises.
    """
    if len(data) < LARGE:
        return pickle.loads(data, buffers=buffers)
    thresholds = gc.get_threshold()
    if not thresholds[0]:  # there are no collections anyway
        return pickle.loads(data, buffers=buffers)
    try:
        _THRESHOLDS.append(thresholds)
        gc.set_threshold(0)  # and not gc.disable(): what modules say that are imported meanwhile stays said
        return pickle.loads(data, buffers=buffers)
    finally:
        _collect_again(thresholds)
        del _THRESHOLDS[-1:]


def _collect_again(thresholds: tuple[int, int, int]) -> None:
    if not gc.get_threshold()[0]:  # else somebody has said otherwise meanwhile
        gc.set_threshold(*thresholds)


def _collect_in_copies() -> None:
    """A copy was forked while another thread read something: nobody would have collections again there."""
    if _THRESHOLDS:
        _collect_again(_THRESHOLDS[0])
        _THRESHOLDS.clear()


at_fork(after_in_child=_collect_in_copies)


def dumps(value: object) -> bytes:
    """Pickle *value* so that another process can read it.

    Raises whatever pickling raises; see :func:`not_sendable`.
    """
    try:
        data = _dumps_placed(value, None) if PLACED else pickle.dumps(value, PROTOCOL)
    except Exception:  # noqa: BLE001  plain pickle raises all sorts; cloudpickle has the last word
        return dumps_by_value(value)
    return dumps_by_value(value) if _MAIN in data else data


def dumps_ours(value: object) -> bytes:
    """The same for what is weft's own: all of it can be imported, whatever text it holds."""
    return pickle.dumps(value, PROTOCOL)


def dumps_by_value(
    value: object,
    stays: Callable[[PickleBuffer], bool] | None = None,
    pickler: type[Any] | None = None,
    reducers: Mapping[type[Any], Any] | None = None,
) -> bytes:
    """The same by cloudpickle, which sends functions and classes whole that can't be imported.

    *stays* says of every buffer whether it is to be part of the pickle; all are if nobody says. *reducers*: how some
    types are pickled, besides.
    """
    from collections import ChainMap
    from io import BytesIO

    pickler = pickler or by_value_pickler()
    if reducers:
        table = ChainMap({**reducers}, pickler.dispatch_table)
        pickler = type(pickler.__name__, (pickler,), {"dispatch_table": table})
    with BytesIO() as file:
        pickler(file, PROTOCOL, buffer_callback=stays).dump(value)
        return file.getvalue()


def dumps_apart(
    value: object,
    *,
    by_value: bool = False,
    pickler: type[Any] | None = None,
    reducers: Mapping[type[Any], Any] | None = None,
) -> tuple[bytes, list[memoryview]]:
    """Pickle *value*, but not the large buffers in it: arrays, frames, tables, whatever pickles out of band.

    :func:`loads` wants them again, in their order. They are the value's own memory: write them soon. Plain bytes go
    apart only where :mod:`.boxes` has seen them. To pickle *by_value* is to ask cloudpickle at once, or the *pickler*
    that is given in its place. *reducers*: how some types are pickled, besides.

    Raises whatever pickling raises; see :func:`not_sendable`.
    """
    buffers: list[memoryview] = []

    def stays(buffer: PickleBuffer) -> bool:
        raw = buffer.raw()
        if raw.nbytes < APART:
            return True
        buffers.append(raw)
        return False

    if not by_value:
        try:
            if PLACED or reducers:
                data = _dumps_placed(value, stays, reducers)
            else:
                data = pickle.dumps(value, PROTOCOL, buffer_callback=stays)
            if _MAIN not in data:
                return data, buffers
        except Exception:  # noqa: BLE001  plain pickle raises all sorts; cloudpickle has the last word
            pass
        buffers.clear()
    return dumps_by_value(value, stays, pickler, reducers), buffers


def _dumps_placed(
    value: object,
    stays: Callable[[PickleBuffer], bool] | None,
    reducers: Mapping[type[Any], Any] | None = None,
) -> bytes:
    """By plain pickle, where some of it may lie in shared memory, or somebody else has *reducers*."""
    from collections import ChainMap
    from copyreg import dispatch_table
    from io import BytesIO

    with BytesIO() as file:
        pickler: Any = pickle.Pickler(file, PROTOCOL, buffer_callback=stays)
        pickler.dispatch_table = ChainMap({**reducers} if reducers else {}, PLACED, dispatch_table)
        pickler.dump(value)
        return file.getvalue()


def dumps_parts(value: object) -> tuple[bytes, list[memoryview]]:
    """Pickle *value* without any of its buffers, of whatever size, wherever they lie.

    Raises whatever pickling raises.
    """
    buffers: list[PickleBuffer] = []
    return pickle.dumps(value, PROTOCOL, buffer_callback=buffers.append), [buffer.raw() for buffer in buffers]


@cache
def by_value_pickler() -> type[Any]:
    """Cloudpickle's, which is heavy and often not needed; made to carry context variables as well, and classes home."""
    from collections import ChainMap
    from contextvars import ContextVar
    from types import FunctionType

    import cloudpickle

    from .classes import sent
    from .renewed import REDUCERS, reduce_used
    from .variables import reduce_variable

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        dispatch_table: ClassVar = ChainMap(
            {ContextVar: reduce_variable}, PLACED, REDUCERS, cloudpickle.Pickler.dispatch_table
        )

        def reducer_override(self, obj: object) -> Any:
            if isinstance(obj, FunctionType) and (used := reduce_used(obj)) is not None:
                return used
            reduced = super().reducer_override(obj)
            return sent(obj, reduced) if isinstance(obj, type) else reduced

    return Pickler


def not_sendable(value: object, what: str, error: BaseException) -> WeftError:
    """The error to report for a *value* that *error* said can't be pickled; names the part that can't.

    Where it is the system that allows no more, the value is as good as any, and *error* itself is what to report.
    """
    if isinstance(error, LimitReached):
        return error
    path, culprit = find_culprit(value, dumps)
    why = str(error).strip().splitlines()
    return NotSendable(what, path, culprit, why[0] if why else type(error).__name__)


def not_readable(what: str, error: BaseException) -> NotSendable:
    """The error to report for *what* could be sent, and unpickled here raised *error*."""
    why = f"{type(error).__name__}: {_text(error)}"
    refused = NotSendable(what, "", "", why)
    refused.args = (f"{what} can't be unpickled here ({why}): its class must be importable in this process, too",)
    return refused


def dump_error(error: BaseException, worker: str, frames: Any) -> bytes:
    """Pickle an exception together with where it was raised, whatever it takes.

    An exception that does not survive pickling as it is is rebuilt from its class, arguments and attributes,
    without its ``__init__``; one that can't travel at all, or can't be read where it arrives, is replaced by a
    :class:`WeftError` of the same text.
    """
    return dumps_ours((_error_and_notes(error), _told(error), worker, _place(error, frames)))


def load_error(data: bytes) -> BaseException:
    """The exception of :func:`dump_error`, its cause the place where it was raised."""
    packed, told, worker, place = loads(data)
    try:
        found, notes = loads(packed)
        if not isinstance(found, BaseException):
            raise TypeError(f"it has become a {type(found).__name__}")
        error = found
    except REFUSED as raised:
        error, notes = WeftError(told), None
        why = f"{type(raised).__name__}: {_text(raised)}"
        error.add_note(f"the original exception could not be unpickled here ({why}); this stands in for it")
    if notes and not hasattr(error, "__notes__"):
        _put(error, "__notes__", notes)
    _put(error, "__cause__", WorkerTraceback(worker, place))
    return error


def _error_and_notes(error: BaseException) -> bytes:
    notes = _notes(error)
    for make in (lambda: error, lambda: _shell(error)):
        try:
            data = dumps((make(), notes))
            if type(loads(data)[0]) is type(error):
                return data
        except REFUSED:  # a user's exception class may do anything: try the next way
            continue
    return dumps((_stand_in(error), notes))


def _place(error: BaseException, frames: Any) -> str:
    """Where it was raised, as text."""
    import traceback

    try:
        return "".join(traceback.format_exception(type(error), error, frames))
    except Exception:  # noqa: BLE001  it, or one of its causes, won't even be looked at
        return "".join([*traceback.format_tb(frames), _told(error), "\n"])


def _told(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}: {_text(error)}"


def _stand_in(error: BaseException) -> WeftError:
    told = WeftError(_told(error))
    told.add_note("the original exception could not be sent back from the worker; this stands in for it")
    return told


def _shell(error: BaseException) -> _Shell:
    attributes = {}
    for name, value in vars(error).items():
        try:
            loads(dumps(value))
        except REFUSED:  # what can't travel stays behind
            continue
        attributes[name] = value
    if isinstance(error, BaseExceptionGroup):
        args: tuple[Any, ...] = error.message, [_fit(member) for member in error.exceptions]
    else:
        args = tuple(map(_sent_or_told, error.args))
    return _Shell(type(error), args, attributes)


def _sent_or_told(value: object) -> object:
    """An exception's argument; as text, if it can't travel."""
    try:
        loads(dumps(value))
    except REFUSED:
        try:
            return repr(value)
        except Exception:  # noqa: BLE001  a user's __repr__ may do anything
            return f"<{type(value).__name__}>"
    return value


def _fit(error: BaseException) -> object:
    """The member of a group as it can travel: itself, a shell of it, or what stands in for it."""
    for make in (lambda: error, lambda: _shell(error)):
        try:
            fit = make()
            if type(loads(dumps(fit))) is type(error):
                return fit
        except REFUSED:
            continue
    return _stand_in(error)


class _Shell:
    """Pickles to the exception that it describes."""

    def __init__(self, kind: type[BaseException], args: tuple[Any, ...], attributes: dict[str, Any]) -> None:
        self._parts = (kind, args, attributes)

    def __reduce__(self) -> tuple[Any, ...]:
        return _assemble, self._parts


def _assemble(kind: type[BaseException], args: tuple[Any, ...], attributes: dict[str, Any]) -> BaseException:
    plain = BaseExceptionGroup if issubclass(kind, BaseExceptionGroup) else kind
    error: BaseException = plain.__new__(kind, *args)
    _put(error, "args", args)
    vars(error).update(attributes)
    return error


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001  a user's __str__ may do anything
        return "(its text can't be had)"


def _notes(error: BaseException) -> list[str]:
    notes = getattr(error, "__notes__", None)
    return [note for note in notes if isinstance(note, str)] if isinstance(notes, list) else []


def _put(error: BaseException, name: str, value: object) -> None:
    """Set an attribute that every exception has, on classes too that let nobody set any (a frozen dataclass)."""
    BaseException.__setattr__(error, name, value)
