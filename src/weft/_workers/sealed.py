"""Errors of the user's function, made ready to be raised elsewhere: where they were raised becomes their cause.

Those of unpickling are noted as such, and known by that wherever they arrive.
"""

from __future__ import annotations

import os

from ..errors import WorkerTraceback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from .._model.outcome import Returned

_BEGINS: Final = "raised while "
_ENDS: Final = " was unpickled in the worker"
_FUNCTION: Final = "raised while the function was being loaded in the worker"

# Frames from here are ours, and no news to anybody.
_HERE: Final = os.path.join(os.path.dirname(__file__), "")  # noqa: PTH118, PTH120  no pathlib here: a worker is light


def seal(returned: Returned) -> Returned:
    """Move where each error was raised into its cause, frames and all, for errors that cross to another thread."""
    for fault in returned.faults.values():
        seal_error(fault.error, fault.worker)
    return returned


def seal_error(error: BaseException, worker: str) -> None:
    """Make a :class:`WorkerTraceback` the cause of *error*, and the user's own cause the cause of that."""
    earlier = error.__cause__
    if isinstance(earlier, WorkerTraceback):  # one exception object raised for many items
        earlier = earlier.__cause__
    place = WorkerTraceback(worker).with_traceback(own_frames(error))
    place.__cause__, place.__context__ = earlier, error.__context__
    place.__suppress_context__ = error.__suppress_context__
    put(error, "__cause__", place)
    put(error, "__traceback__", None)


def leave_our_frames(error: BaseException) -> None:
    """Have the traceback of *error* begin with the user's function; all else of it is as it was raised.

    For single calls and maps on threads of an executor, as the standard library's have it: who raised an error ``from``
    another finds that one as its cause.
    """
    put(error, "__traceback__", own_frames(error))


def put(error: BaseException, name: str, value: object) -> None:
    """Set an attribute of *error*, also where its class forbids that (a frozen dataclass)."""
    BaseException.__setattr__(error, name, value)


def own_frames(error: BaseException) -> Any:
    """The traceback of *error* from the user's function on."""
    frames = error.__traceback__
    while frames is not None and frames.tb_next is not None and frames.tb_frame.f_code.co_filename.startswith(_HERE):
        frames = frames.tb_next
    return frames


def note_unread(error: BaseException, what: str) -> None:
    """In the worker: *error* was raised by unpickling *what*."""
    error.add_note(f"{_BEGINS}{what}{_ENDS}")


def note_unloaded(error: BaseException, kind: str) -> None:
    """The same of a function that many items have, which is loaded once."""
    error.add_note(f"{_FUNCTION} {kind}")


def unread(error: BaseException) -> str:
    """What it was, if that is what *error* comes from; else nothing."""
    for note in getattr(error, "__notes__", ()):
        if note.startswith(_BEGINS) and note.endswith(_ENDS):
            return str(note[len(_BEGINS) : -len(_ENDS)])
        if note.startswith(_FUNCTION):
            return "the function"
    return ""
