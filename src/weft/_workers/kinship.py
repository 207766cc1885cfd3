"""What functions find of the standard library's multiprocessing in a worker that it did not start."""

from __future__ import annotations

import os
import sys

from .._model.current import WORKER
from .lifeline import WATCHED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    # What managers and listeners know their own by; the process's name; its id.
    Kin: TypeAlias = tuple[bytes, str, int]


def kin() -> Kin | None:
    """What workers of this process are to know of it; ``None`` if nobody has loaded multiprocessing."""
    process: Any = sys.modules.get("multiprocessing.process")
    if process is None:
        return None
    this = process.current_process()
    return bytes(this.authkey), this.name, os.getpid()


def adopt(parent: Kin) -> None:
    """Make this process, a worker, a child of *parent*, called by the worker's name and number.

    The number is where pools' functions look which of several devices is theirs.
    """
    from multiprocessing import process

    authkey, name, pid = parent
    this: Any = process.current_process()
    if bytes(this.authkey) != authkey:
        this.authkey = authkey
    this.name = WORKER[0] if WORKER else this.name
    number = this.name.rpartition("-")[2]
    if number.isdigit() and not this._identity:  # noqa: SLF001  there is no other
        this._identity = (int(number),)  # noqa: SLF001
    theirs: Any = process
    if WATCHED and theirs.parent_process() is None:  # which the server that has forked this did not set
        theirs._parent_process = theirs._ParentProcess(name, pid, WATCHED[0])  # noqa: SLF001


def leave_the_family() -> None:
    """In a forked copy: the parent's children are not its own, and its queues begin anew."""
    process: Any = sys.modules.get("multiprocessing.process")
    if process is not None:
        process._children = set()  # noqa: SLF001  as Process._bootstrap does, all of it
    util: Any = sys.modules.get("multiprocessing.util")
    if util is not None:
        util._finalizer_registry.clear()  # noqa: SLF001
        util._run_after_forkers()  # noqa: SLF001


def finish_queues() -> None:
    """At a worker's end: what was put into queues arrives, and processes that were started here are waited for."""
    util: Any = sys.modules.get("multiprocessing.util")
    if util is not None:
        util._exit_function()  # noqa: SLF001  what it does at exit itself, where it was not forked away
