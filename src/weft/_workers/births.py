"""How worker processes come to be: by a fork of this process, or as interpreters; servers see to the rest.

A worker is born with a name and descriptors, each for a purpose: its channel, its lifeline, and whatever else a
worker needs from the start. The caller never waits for a birth.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
from contextlib import suppress

from .._model.noun import dataclass
from .._model.options import DEFAULT_START
from .._transport.rooted import be_a_copy
from .budget import share_of
from .inherited import limit_native_threads, put_away, read_nothing, say_nothing_for_the_parent
from .interpreter import FIRST, start_interpreter
from .interrupts import interrupts_held
from .kinship import leave_the_family
from .leaving import leave
from .lives import Own
from .memory import inherit_memory
from .preload import needs_cloudpickle, worth_preloading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import NoReturn, TypeAlias

    from .._model.chunk import Call
    from .._model.plan import Family, Plan
    from .lives import Life

    # From a name, the worker's descriptors by their purpose, and those that only its parent may have.
    Bear: TypeAlias = Callable[[str, Mapping[str, int], Sequence[int]], Life]


@dataclass(frozen=True, slots=True, eq=False)
class Birth:
    """How workers are to be born; those that are born alike can stand in for each other.

    Attributes:
        method: The start method: "forkserver", "fork" or "spawn"; "interpreter" for one within this process.
        cpus: How many processors each may keep busy.
        preload: What the server imports before it forks.
        by_value: Whether functions come by value, as cloudpickle sends them, if that is known already.
        prefix: How the names of interpreters begin; empty for weft's own.
        family: Whose class of processes they are of; ``None`` for weft's own.
    """

    method: str
    cpus: int | None = None
    preload: tuple[str, ...] = ()
    by_value: bool = False
    prefix: str = ""
    family: Family | None = None

    @classmethod
    def of(cls, call: Call, plan: Plan) -> Birth:
        """How the workers of *plan* are born for *call*."""
        cpus = share_of(plan.cpus, plan.workers)
        if plan.family is not None:
            return cls(plan.start_method or DEFAULT_START, cpus, family=plan.family)
        # Native libraries start their threads when they are imported: what the server has, all workers have alike.
        preload = worth_preloading(call.fn) if cpus == 1 else ()
        return cls(plan.start_method or DEFAULT_START, cpus, preload, needs_cloudpickle(call.fn))


def spawn(name: str, fds: Mapping[str, int]) -> Life:
    """Start a new interpreter for the worker."""
    numbered = {purpose: FIRST + place for place, purpose in enumerate(fds)}
    return Own(start_interpreter("newborn", (name, numbered, list(map(str, sys.path))), list(fds.values())))


def fork(name: str, fds: Mapping[str, int], away: Sequence[int], cpus: int | None) -> Life:
    """Fork this process, as it is, for the worker; it closes the descriptors in *away*."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # or what waits there would be written twice
            stream.flush()
    with interrupts_held():
        pid = os.fork()
        if pid == 0:
            _live_forked(name, dict(fds), away, cpus)
    return Own(pid)


def _live_forked(name: str, fds: dict[str, int], away: Sequence[int], cpus: int | None) -> NoReturn:
    """Be a worker below everything that the parent was in the middle of; never returns to it."""
    status = 1
    try:
        put_away()
        leave_the_family()
        be_a_copy()
        atexit._clear()  # noqa: SLF001  they are the parent's
        gc.freeze()  # so are all objects that are there: none of its files is written to when this process leaves
        for fd in away:
            os.close(fd)
        read_nothing()
        say_nothing_for_the_parent()
        limit_native_threads(cpus)
        inherit_memory()
        from .newborn import main

        main(name, fds)
        status = 0
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else 1
    except BaseException:  # noqa: BLE001  nobody above may see it
        import traceback

        traceback.print_exc()
    finally:
        leave(status)
