"""The errors that are those of the standard library's interpreters too: there are none before Python 3.14."""

from __future__ import annotations

from concurrent.futures.interpreter import BrokenInterpreterPool  # type: ignore[import-not-found,unused-ignore]
from concurrent.interpreters import NotShareableError  # type: ignore[import-not-found,unused-ignore]

from . import NotSendable
from .died import InitializerFailed


class NotShareable(NotSendable, NotShareableError):  # type: ignore[misc,unused-ignore]
    """A value can't be sent to, or back from, an interpreter of an executor."""


class Unreadable(NotShareable):
    """What was sent to an interpreter of an executor can't be unpickled there.

    Args:
        what: What was sent, such as ``"the call"``.
        worker: The name of the interpreter.
        why: What unpickling it raised.
    """

    def __init__(self, what: str, worker: str, why: str) -> None:
        super().__init__(what, "", "", why)
        self.args = (f"args not shareable: {what} can't be unpickled in {worker} ({why})",)
        self.worker = worker

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.what, self.worker, self.why)


class InterpreterUnfit(InitializerFailed, BrokenInterpreterPool):  # type: ignore[misc,unused-ignore]
    """The initializer of an executor of interpreters raised in one of them: nothing can be run there any more."""
