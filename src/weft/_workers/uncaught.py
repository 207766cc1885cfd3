"""Errors as the standard library's pool of interpreters has them, of classes that are weft's own as well.

Whoever had such a pool keeps the ``except`` clauses; all that weft tells of an error is told there too.
"""

from __future__ import annotations

from types import SimpleNamespace

from .._model.noun import replace
from .._model.outcome import Returned
from ..errors import NotSendable, WorkerTraceback
from ..errors.died import InitializerFailed
from .sealed import put, unread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def translated(returned: Returned) -> Returned:
    """The same, with every error as an executor's caller is to have it."""
    if not returned.faults:
        return returned
    faults = {at: replace(fault, error=_error(fault.error, fault.worker)) for at, fault in returned.faults.items()}
    return replace(returned, faults=faults)


def not_shareable(error: NotSendable) -> NotSendable:
    """That a value can't be sent, so that it is both libraries' error."""
    from ..errors.interpreters import NotShareable

    told = _noted(NotShareable(error.what, error.path, error.culprit, error.why), error)
    told.__cause__ = error.__cause__
    return told


def _error(error: BaseException, worker: str) -> BaseException:
    place = error.__cause__
    if what := unread(error):
        told = _unreadable(error, what, worker)
        behind: BaseException | None = error
    else:
        told, behind = _of_both(error), place.__cause__ if place is not None else None
    if isinstance(place, WorkerTraceback):
        if behind is error:
            put(error, "__cause__", None)  # which goes between the two
        put(told, "__cause__", _execution_failed(place, error, behind))
    return told


def _of_both(error: BaseException) -> BaseException:
    """The same error, where it is one of weft's, of a class that is the standard library's as well."""
    if isinstance(error, NotSendable):
        return not_shareable(error)
    if isinstance(error, InitializerFailed):
        from ..errors.interpreters import InterpreterUnfit

        return InterpreterUnfit(error.worker, error.why)
    return error


def _unreadable(error: BaseException, what: str, worker: str) -> BaseException:
    from ..errors.interpreters import Unreadable

    told = _noted(Unreadable(what, worker, _line(error)), error)
    told.__cause__ = error
    return told


def _noted(told: NotSendable, error: BaseException) -> NotSendable:
    for note in getattr(error, "__notes__", ()):
        told.add_note(note)
    return told


def _execution_failed(place: WorkerTraceback, error: BaseException, behind: BaseException | None) -> BaseException:
    """What the standard library has where weft has *place*: with all that it tells, and *behind* it its cause."""
    from concurrent.interpreters import ExecutionFailed  # type: ignore[import-not-found,unused-ignore]

    kind = type(error)
    named = SimpleNamespace(__name__=kind.__name__, __qualname__=kind.__qualname__, __module__=kind.__module__)
    line = error.why if isinstance(error, InitializerFailed) else _line(error)
    failed: Any = ExecutionFailed(SimpleNamespace(type=named, msg=_text(error), formatted=line, errdisplay=str(place)))
    failed.worker, failed.text, failed.__cause__ = place.worker, place.text, behind
    told: BaseException = failed
    return told


def _line(error: BaseException) -> str:
    text = _text(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001  a user's __str__ may do anything
        return "(its text can't be had)"
