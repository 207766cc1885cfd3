"""How a forked worker ends: as an interpreter does, but for taking everything apart, which takes 5 ms and more."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import threading
from contextlib import suppress
from io import IOBase

from .kinship import finish_queues

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import NoReturn


def leave(status: int) -> NoReturn:
    """End this process: its threads are waited for, exit functions are run, what was written to files arrives.

    What an object would have done when it was deleted is not done; no interpreter promises that.
    """
    try:
        with suppress(BaseException):
            getattr(threading, "_shutdown", bool)()
        with suppress(BaseException):
            atexit._run_exitfuncs()  # noqa: SLF001  those that the user's function has registered here
        with suppress(BaseException):
            finish_queues()
        for each in gc.get_objects():  # but those that were there before it was a worker: they are frozen
            if isinstance(each, IOBase):
                _finish(each)
        for stream in (sys.stdout, sys.stderr):
            _finish(stream)
    finally:
        os._exit(status)


def leave_copy(errors: Iterable[BaseException]) -> NoReturn:
    """End this copy of a worker, which a function has forked and then come back from, or not got further than *errors*.

    Its results would be the worker's own once more. It ends as a program does: the last error says how.
    """
    status = 0
    for error in errors:
        if isinstance(error, SystemExit):
            status = error.code if isinstance(error.code, int) else int(error.code is not None)
        else:
            status = 1
            sys.excepthook(type(error), error, error.__traceback__)
    leave(status & 0xFF)


def _finish(file: object) -> None:
    with suppress(BaseException):
        file.flush()  # type: ignore[attr-defined]  # it may be None, or anything
